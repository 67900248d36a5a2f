// Who is here for the first time is offered a walk; whoever finds an office without a room and may
// make one, what the office needs.
import { useEffect } from 'react'
import { useMe } from '@/api'
import { recall } from '@/features/tour/memory'
import { useOffice } from '@/realtime'
import { useOverlays } from '@/ui'

export function useWelcome() {
  const me = useMe()
  const ready = useOffice((o) => o.status === 'ready')
  useEffect(() => {
    if (!ready || recall(me.user.name).state !== 'new') return
    // Who follows a link came for what it leads to.
    if (location.pathname !== '/') return
    const empty = Object.keys(useOffice.getState().rooms).length === 0
    useOverlays.setState({ tour: empty && me.abilities.manage_rooms && me.abilities.manage_users ? 'list' : 'walk' })
  }, [ready, me.user.name, me.abilities])
}
