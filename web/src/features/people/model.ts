// Who stands first in the list of people, and what is said beside their name. Pure.
import type { OnCall, Presence, PresenceState, User } from '@/api'

const RANK: Record<PresenceState, number> = { active: 0, available: 0, busy: 1, call: 1, dnd: 1, away: 2, offline: 3 }

export type Listed = { user: User; presence: Presence | undefined; here: boolean }

const { compare } = new Intl.Collator()

/**
 * People who are here first, then by name; oneself, bots and closed accounts are left out. Whoever is in `before` as they
 * are now stays the same object, so that a thousand rows are not drawn anew because one of them went to another room.
 */
export function listPeople(users: Record<string, User>, presence: Record<string, Presence>, me: string, before?: readonly Listed[]): Listed[] {
  const was = new Map(before?.map((x) => [x.user.id, x]))
  return Object.values(users)
    .filter((u) => u.id !== me && !u.disabled && u.kind === 'person')
    .map((user) => {
      const p = presence[user.id]
      const old = was.get(user.id)
      return old && old.user === user && old.presence === p ? old : { user, presence: p, here: !!p && p.state !== 'offline' }
    })
    .sort((a, b) => {
      const x = RANK[a.presence?.state ?? 'offline']
      const y = RANK[b.presence?.state ?? 'offline']
      return x - y || compare(a.user.display, b.user.display)
    })
}

export type Which = 'here' | 'starred' | 'recent' | 'oncall' | 'teams' | 'skills' | 'all'
export const WHICH: [Which, string][] = [
  ['here', 'Here'],
  ['starred', 'Starred'],
  ['recent', 'Recent'],
  ['oncall', 'On call'],
  ['teams', 'Teams'],
  ['skills', 'Skills'],
  ['all', 'Everybody'],
]
export type Group = { title: string; people: Listed[] }

/** People as one of the views shows them; those of a group as they are listed, or as the view orders them. */
export function groupPeople(which: Which, all: Listed[], by: { starred: string[]; recent: string[]; oncall: OnCall[] }): Group[] {
  const picked = (ids: string[]) => ids.flatMap((id) => all.find((p) => p.user.id === id) ?? [])
  const grouped = (of: (u: User) => string[], none: string): Group[] => {
    const groups = new Map<string, Group>()
    const rest: Listed[] = []
    for (const p of all) {
      const names = of(p.user)
      if (!names.length) rest.push(p)
      for (const name of names) {
        const key = name.toLowerCase()
        const g = groups.get(key) ?? { title: name, people: [] }
        g.people.push(p)
        groups.set(key, g)
      }
    }
    const named = [...groups.values()].sort((a, b) => a.title.localeCompare(b.title))
    return rest.length && named.length ? [...named, { title: none, people: rest }] : named
  }
  const one = (people: Listed[]): Group[] => (people.length ? [{ title: '', people }] : [])
  switch (which) {
    case 'here':
      return one(all.filter((p) => p.here))
    case 'starred':
      return one(all.filter((p) => by.starred.includes(p.user.id)))
    case 'recent':
      return one(picked(by.recent))
    case 'oncall':
      return by.oncall.map((c) => ({ title: c.service, people: picked([c.user_id]) })).filter((g) => g.people.length)
    case 'teams':
      return grouped((u) => (u.team ? [u.team] : []), 'No team')
    case 'skills':
      return grouped((u) => u.skills, 'No skills named')
    case 'all':
      return one(all)
  }
}

/** What a line typed into the search finds a person by. */
export const textsOf = (u: User): string[] => [u.display, u.name, u.team, u.title, ...u.skills]

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
