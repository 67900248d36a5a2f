import { useMemo } from 'react'
import { useMyId, type IncidentRoleName } from '@/api'
import { nameOf, useCall, useOffice, useOpenIncident } from '@/realtime'
import { useCallState } from './live'
import { seats, type Line, type Seat } from './model'

/** The connection to a room, if there is one. */
export const useLine = (room: string): Line | null => useCallState((c) => (c.main?.room === room ? c.main : c.also?.room === room ? c.also : null))

/** Everybody in a room's call, in the order they are shown. */
export function useSeats(roomId: string): Seat[] {
  const me = useMyId()
  const call = useCall(roomId)
  const line = useLine(roomId)
  const spoke = useCallState((c) => c.spoke)
  const users = useOffice((o) => o.users)
  const subject = useOffice((o) => o.rooms[roomId]?.subject)
  const incident = useOpenIncident(subject?.kind === 'incident' ? subject.id : null)
  return useMemo(() => {
    const roles: Record<string, IncidentRoleName> = {}
    for (const r of incident?.roles ?? []) roles[r.user_id] ??= r.role
    return seats(call, line, { me, roles, spoke, name: (id) => users[id]?.display ?? nameOf(id) })
  }, [call, line, me, incident, spoke, users])
}
