import { expect, it } from 'vitest'
import type { GuestView, Message, Visit } from '@/api'
import { call, caller } from '@/realtime/fixtures'
import { farewell, flat, inWords, otherPeople, part, withCall, withMessage } from './model'

const m = (id: string, seq: number, change_seq = seq, o: Partial<Message> = {}) => ({ id, seq, change_seq, text: id + change_seq, ...o }) as Message

it('puts messages in order, and takes only what is newer', () => {
  let all = withMessage([], m('b', 2))
  all = withMessage(all, m('a', 1))
  expect(all.map((x) => x.id)).toEqual(['a', 'b'])
  all = withMessage(all, m('a', 1, 5))
  expect(all.map((x) => x.text)).toEqual(['a5', 'b2'])
  expect(withMessage(all, m('a', 1, 4))).toBe(all)
})
it('lays answers among the rest', () => {
  expect(flat([m('a', 1, 1, { replies: [m('c', 3)] }), m('b', 2)]).map((x) => x.id)).toEqual(['a', 'b', 'c'])
})
it('passes on the word that was given', () => {
  const v = (state: Visit['state'], word: string) => farewell({ state, word } as Visit)
  expect(v('declined', 'After lunch')[1]).toBe('You were told: After lunch')
  expect(v('declined', '')[1]).not.toContain('told')
  expect(v('ended', 'The link was revoked.')[1]).toBe('The link was revoked.')
})

it('tells how somebody takes part in the call', () => {
  const v = { call: call('c', 'r', [caller('a', { mic: true, speaking: true }), caller('b', { mic: true }), caller('c'), caller('d', { mode: 'gallery' })]) } as GuestView
  expect(['a', 'b', 'c', 'd', 'e'].map((id) => part(v, id).talk)).toEqual(['speaks', 'open', 'muted', 'listens', ''])
  expect(inWords('You', part(v, 'c').words)).toBe('You, in the call, muted')
  expect(inWords('', part(v, 'd').words)).toBe('Listens')
  expect(inWords('You', '')).toBe('You')
})
it('holds the call that was told last, and none that is over', () => {
  const one = call('c', 'r', [caller('a')])
  const v = withCall({} as GuestView, one)
  expect(v.call).toBe(one)
  expect(withCall(v, { ...one, people: [] }).call).toBeUndefined()
  expect(otherPeople(one, { ...one, people: [caller('a', { speaking: true })] })).toBe(false)
  expect(otherPeople(one, { ...one, people: [caller('a'), caller('b')] })).toBe(true)
  expect(otherPeople(undefined, one)).toBe(true)
})
