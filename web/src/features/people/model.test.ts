import { expect, it } from 'vitest'
import type { OnCall, Presence, User } from '@/api'
import { skillsOf } from '@/lib/skills'
import { groupPeople, listPeople, shortRoom, untilOf } from './model'

const u = (id: string, o: Partial<User> = {}) => ({ id, display: id, kind: 'person', disabled: false, team: '', title: '', name: id, skills: [], ...o }) as User
const p = (state: Presence['state']) => ({ state, room_id: null }) as Presence

it('lists who is here first, without me, bots and closed accounts', () => {
  const users = { a: u('a'), b: u('b'), c: u('c'), me: u('me'), bot: u('bot', { kind: 'bot' }), gone: u('gone', { disabled: true }) }
  const list = listPeople(users, { a: p('offline'), b: p('away'), c: p('active') }, 'me')
  expect(list.map((x) => x.user.id)).toEqual(['c', 'b', 'a'])
  expect(list.map((x) => x.here)).toEqual([true, true, false])
})
it("names an incident's room by its ticket where space is short", () => {
  expect(shortRoom('inc-2041-pacs008-outbound')).toBe('inc-2041')
  expect(shortRoom('payments-ops')).toBe('payments-ops')
})
it('knows when a status ends', () => {
  const now = new Date(2026, 10, 22, 14, 0).getTime()
  expect(untilOf('open', now)).toBeNull()
  expect(Date.parse(untilOf('1h', now)!)).toBe(now + 3_600_000)
  expect(new Date(untilOf('day', now)!).getHours()).toBe(23)
})
it('groups by what was asked for, each name once however it is written', () => {
  const users = { a: u('a', { team: 'Payments', skills: ['TLS', 'Kafka'] }), b: u('b', { team: 'payments', skills: ['tls'] }), c: u('c') }
  const all = listPeople(users, { a: p('available') }, 'me')
  const by = { starred: ['b'], recent: ['c', 'gone', 'a'], oncall: [{ service: 'api', user_id: 'b' } as OnCall, { service: 'old', user_id: 'gone' } as OnCall] }
  const shown = (w: Parameters<typeof groupPeople>[0]) => groupPeople(w, all, by).map((g) => [g.title, ...g.people.map((x) => x.user.id)].join(' '))
  expect(shown('here')).toEqual([' a'])
  expect(shown('starred')).toEqual([' b'])
  expect(shown('recent')).toEqual([' c a'])
  expect(shown('oncall')).toEqual(['api b'])
  expect(shown('teams')).toEqual(['Payments a b', 'No team c'])
  expect(shown('skills')).toEqual(['Kafka a', 'TLS a b', 'No skills named c'])
  expect(groupPeople('skills', listPeople({ c: u('c') }, {}, 'me'), by)).toEqual([])
})
it('reads skills from a line', () => {
  expect(skillsOf(' TLS, tls ,, Oracle  DBA,')).toEqual(['TLS', 'Oracle DBA'])
})
