import { useMemo } from 'react'
import { useAround, useCallState } from './around'
import { seats, type Line, type Seat } from './model'

/** The connection to a room, if there is one. */
export const useLine = (room: string): Line | null => useCallState((c) => (c.main?.room === room ? c.main : c.also?.room === room ? c.also : null))

/** Everybody in a room's call, in the order they are shown. */
export function useSeats(room: string): Seat[] {
  const around = useAround()
  const people = around.usePeople()
  const call = around.useCall(room)
  const roles = around.useRoles(room)
  const line = useLine(room)
  const spoke = useCallState((c) => c.spoke)
  return useMemo(() => seats(call, line, { ...people, roles, spoke }), [call, line, people, roles, spoke])
}
