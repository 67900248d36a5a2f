import { expect, test } from 'vitest'
import type { Incident } from '@/api/types'
import { graveNews } from './announce'

const at = Date.parse('2026-11-30T20:00:00Z')
const i = (id: string, severity: number, over: Partial<Incident> = {}) => ({ id, severity, mode: 'real', times: { declared: '2026-11-30T19:59:00Z' }, ...over }) as Incident
const told = (before: Incident[], now: Incident[]) => graveNews(Object.fromEntries(before.map((x) => [x.id, x])), Object.fromEntries(now.map((x) => [x.id, x])), at).map((g) => `${g.incident.id} ${g.raised}`)

test('a new SEV-1 or SEV-2 is news, a lesser one is not', () => {
  expect(told([], [i('a', 1), i('b', 2), i('c', 3)])).toEqual(['a false', 'b false'])
})
test('one that is raised to it is news; one that changes otherwise is not', () => {
  expect(told([i('a', 3)], [i('a', 2)])).toEqual(['a true'])
  expect(told([i('a', 2)], [i('a', 1)])).toEqual([])
  expect(told([i('a', 1)], [i('a', 1, { title: 'renamed' })])).toEqual([])
})
test('an old one that comes into view is not', () => {
  expect(told([], [i('a', 1, { times: { declared: '2026-11-30T19:00:00Z' } as Incident['times'] }), i('b', 1, { mode: 'retrospective' })])).toEqual([])
})
