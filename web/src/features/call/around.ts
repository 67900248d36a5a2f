// What the pieces of a call know of where they stand: in the office, or in the one room of a guest.
// Each of both gives its own, so that a guest's page asks nothing of the office.
import { createContext, use, type ComponentType } from 'react'
import type { Call, IncidentRoleName, Room } from '@/api'
import type { AvatarBadge } from '@/ui'
import type { CallState, Session } from './session'

/** The room of a call, as far as its pieces look at it. */
export type CallRoom = Pick<Room, 'id' | 'abilities'>
/** Who is meant by an id: `name` marks guests in words. */
export type People = { me: string; name: (id: string) => string; known: (id: string) => boolean }

export type Around = {
  session: Session
  /** There are rooms to walk to, words for one person only, and a guide. */
  office: boolean
  usePeople: () => People
  useCall: (room: string | undefined) => Call | undefined
  /** Who has which role in what a room is about. */
  useRoles: (room: string) => Record<string, IncidentRoleName>
  useRoomName: (room: string) => string
  /** How long recordings are kept; 0 is for ever. */
  useKeepDays: () => number
  Face: ComponentType<{ id: string; size: number; you?: boolean; badge?: AvatarBadge }>
  /** Guests are marked in it. */
  Name: ComponentType<{ id: string; you?: boolean; first?: boolean }>
}
const Context = createContext<Around | null>(null)
export const AroundProvider = Context.Provider

export function useAround(): Around {
  const around = use(Context)
  if (!around) throw new Error('A piece of a call stands outside of any.')
  return around
}
export const usePeople = (): People => useAround().usePeople()
export const useCallState = <T>(pick: (s: CallState) => T): T => useAround().session.use(pick)
