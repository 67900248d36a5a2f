// One word per state of presence, wherever it is said.
import type { PresenceState } from '@/api/types'

/** Somebody at work and somebody who is there are the same to others; the wire tells them apart for those who count. */
export const PRESENCE_WORD: Record<PresenceState, string> = {
  available: 'Available',
  active: 'Available',
  away: 'Away',
  busy: 'Busy',
  call: 'In a call',
  dnd: 'Do not disturb',
  offline: 'Offline',
}
/** It goes without saying. */
export const unremarkable = (s: PresenceState): boolean => s === 'available' || s === 'active'
