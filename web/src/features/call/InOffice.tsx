// The pieces of a call on the screens of the office.
import { useMemo, type ReactNode } from 'react'
import { useMyId, type IncidentRoleName } from '@/api'
import { nameOf, useCall, useOffice, useOpenIncident, UserAvatar, UserName } from '@/realtime'
import { AroundProvider, type Around } from './around'
import { session } from './live'

const office: Around = {
  session,
  office: true,
  usePeople() {
    const me = useMyId()
    const users = useOffice((o) => o.users)
    return useMemo(() => ({ me, name: nameOf, known: (id) => id in users }), [me, users])
  },
  useCall,
  useRoles(room) {
    const subject = useOffice((o) => o.rooms[room]?.subject)
    const incident = useOpenIncident(subject?.kind === 'incident' ? subject.id : null)
    return useMemo(() => {
      const roles: Record<string, IncidentRoleName> = {}
      for (const r of incident?.roles ?? []) roles[r.user_id] ??= r.role
      return roles
    }, [incident])
  },
  useRoomName: (room) => useOffice((o) => o.rooms[room]?.name) ?? 'the room',
  useKeepDays: () => useOffice((o) => o.media.keep_days),
  Face: UserAvatar,
  Name: UserName,
}
export const InOffice = ({ children }: { children: ReactNode }) => <AroundProvider value={office}>{children}</AroundProvider>
