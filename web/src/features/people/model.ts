// Who stands first in the list of people, and what is said beside their name. Pure.
import type { Presence, PresenceState, User } from '@/api'

const RANK: Record<PresenceState, number> = { active: 0, available: 0, busy: 1, dnd: 1, away: 2, offline: 3 }

export type Listed = { user: User; presence: Presence | undefined; here: boolean }

/** People who are here first, then by name; oneself, bots and closed accounts are left out. */
export function listPeople(users: Record<string, User>, presence: Record<string, Presence>, me: string): Listed[] {
  return Object.values(users)
    .filter((u) => u.id !== me && !u.disabled && u.kind === 'person')
    .map((user) => {
      const p = presence[user.id]
      return { user, presence: p, here: !!p && p.state !== 'offline' }
    })
    .sort((a, b) => {
      const x = RANK[a.presence?.state ?? 'offline']
      const y = RANK[b.presence?.state ?? 'offline']
      return x - y || a.user.display.localeCompare(b.user.display)
    })
}

/** A room's name where there is little space: an incident's room by its ticket. */
export const shortRoom = (name: string): string => /^inc-\d+/i.exec(name)?.[0] ?? name

export type Until = 'open' | '30m' | '1h' | '4h' | 'day'
/** The moment a status ends; null when it stays until it is changed. */
export function untilOf(until: Until, now: number): string | null {
  const minutes = { '30m': 30, '1h': 60, '4h': 240 }
  if (until === 'open') return null
  if (until !== 'day') return new Date(now + minutes[until] * 60_000).toISOString()
  const end = new Date(now)
  end.setHours(23, 59, 0, 0)
  return end.toISOString()
}
