import { expect, it } from 'vitest'
import type { Message, Visit } from '@/api'
import { farewell, flat, withMessage } from './model'

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
