import { expect, it } from 'vitest'
import type { Presence, User } from '@/api'
import { listPeople, shortRoom, untilOf } from './model'

const u = (id: string, o: Partial<User> = {}) => ({ id, display: id, kind: 'person', disabled: false, ...o }) as User
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
