import { expect, it } from 'vitest'
import * as m from './media'

const person = (user_id: string, over = {}) => ({ user_id, mode: 'table', mic: true, camera: false, shares: 0, speaking: false, hand_at: null, ...over })

it('shows nothing where no calls are known', () => {
  for (const calls of [undefined, null, {}, []]) expect(m.mediaOf(calls)).toEqual({ people: new Map(), rooms: new Map() })
})
it('marks people and counts rooms, whether calls are kept by id or in a list', () => {
  const call = { id: 'c', room_id: 'r', recording: true, people: [person('a', { speaking: true, shares: 2 }), person('b', { mic: false, hand_at: '2026-11-22T14:00:00Z' }), person('c', { mode: 'gallery', mic: false })] }
  for (const calls of [[call], { c: call }]) {
    const got = m.mediaOf(calls)
    expect(got.rooms.get('r')).toEqual({ count: 3, speaking: 1, recording: true })
    expect([...got.people]).toEqual([['a', m.SPEAKING | m.SHARES], ['b', m.MUTED | m.HAND], ['c', m.LISTENS]])
  }
})
it('shows who listens to a second call as they are at their own table', () => {
  const own = { id: '1', room_id: 'r', recording: false, people: [person('a', { speaking: true })] }
  const other = { id: '2', room_id: 's', recording: false, people: [person('a', { mode: 'gallery', mic: false })] }
  for (const calls of [[own, other], [other, own]]) expect(m.mediaOf(calls).people.get('a')).toBe(m.SPEAKING)
})
it('says the marks in words', () => {
  expect(m.marksInWords(m.SPEAKING | m.CAMERA)).toEqual(['speaking', 'camera on'])
  expect(m.marksInWords(m.MUTED | m.SHARES | m.HAND)).toEqual(['muted', 'sharing a screen', 'hand raised'])
  expect(m.marksInWords(0)).toEqual([])
})
