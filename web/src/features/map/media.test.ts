import { expect, it } from 'vitest'
import type { Call, CallPerson } from '@/api'
import * as m from './media'

const person = (user_id: string, over: Partial<CallPerson> = {}): CallPerson => ({ user_id, mode: 'table', mic: true, camera: false, shares: 0, speaking: false, hand_at: null, whisper_to: '', quality: '', joined_at: '', ...over })

it('shows nothing where nobody talks', () => {
  expect(m.mediaOf({})).toEqual({ people: new Map(), rooms: new Map() })
})
it('marks people and counts rooms', () => {
  const call: Call = { started_at: '', id: 'c', room_id: 'r', recording: true, people: [person('a', { speaking: true, shares: 2 }), person('b', { mic: false, hand_at: '2026-11-22T14:00:00Z' }), person('c', { mode: 'gallery', mic: false })] }
  const got = m.mediaOf({ c: call })
  expect(got.rooms.get('r')).toEqual({ count: 3, speaking: 1, recording: true })
  expect([...got.people]).toEqual([['a', m.SPEAKING | m.SHARES], ['b', m.MUTED | m.HAND], ['c', m.LISTENS]])
})
it('shows who listens to a second call as they are at their own table', () => {
  const own: Call = { started_at: '', id: '1', room_id: 'r', recording: false, people: [person('a', { speaking: true })] }
  const other: Call = { started_at: '', id: '2', room_id: 's', recording: false, people: [person('a', { mode: 'gallery', mic: false })] }
  for (const calls of [{ own, other }, { other, own }]) expect(m.mediaOf(calls).people.get('a')).toBe(m.SPEAKING)
})
it('says the marks in words', () => {
  expect(m.marksInWords(m.SPEAKING | m.CAMERA)).toEqual(['speaking', 'camera on'])
  expect(m.marksInWords(m.MUTED | m.SHARES | m.HAND)).toEqual(['muted', 'sharing a screen', 'hand raised'])
  expect(m.marksInWords(0)).toEqual([])
})
