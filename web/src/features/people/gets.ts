// Requests to come to a room: those for me, and those of mine that wait.
import { useMemo } from 'react'
import { useMyId, type Get } from '@/api'
import { useNow } from '@/lib/hooks'
import { ms } from '@/lib/time'
import { useGets } from '@/realtime'

const alive = (g: Get, now: number) => g.state === 'pending' && (ms(g.expires_at) ?? 0) > now

/** What I am asked, the oldest first; expired ones fall away by themselves. */
export function useAsked(): Get[] {
  const gets = useGets()
  const me = useMyId()
  const mine = useMemo(() => gets.filter((g) => g.to === me), [gets, me])
  const now = useNow('second', mine.length > 0)
  return mine.filter((g) => alive(g, now)).sort((a, b) => a.created_at.localeCompare(b.created_at))
}
/** My own request to someone, while it waits. */
export function useOpenGet(to: string): Get | undefined {
  const gets = useGets()
  const me = useMyId()
  return gets.find((g) => g.from === me && g.to === to && alive(g, Date.now()))
}
