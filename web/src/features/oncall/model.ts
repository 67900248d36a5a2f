// What one may do about the duty of a rotation, from what the server says of it.
import type { Rotation } from '@/api'
import type { Shift } from '@/realtime'

export type Swap = {
  id: string
  rotation_id: string
  rotation: string
  asker_id: string
  other_id: string
  from: string
  until: string
  back_from?: string
  back_until?: string
  note: string
  state: 'pending' | 'accepted' | 'declined' | 'withdrawn'
}

export type Duty = {
  member: boolean
  /** I am on call now. */
  mine: boolean
  /** I am so by an override that I may hand back. */
  taken: boolean
}

export const dutyOf = (r: Rotation, shifts: readonly Shift[], me: string): Duty => {
  const now = shifts[0]
  const mine = now?.user_id === me
  return { member: r.members.includes(me), mine, taken: mine && !!now?.overridden }
}

/** Shifts of mine, or of another, that can be swapped: those still to come. */
export const swappable = (shifts: readonly Shift[], who: string): Shift[] => shifts.slice(1).filter((s) => s.user_id === who)

/** A swap as one line. */
export const swapProblem = (other: string, give: string): string => (!other ? 'Choose whom you ask.' : !give ? 'Choose a shift of yours.' : '')
