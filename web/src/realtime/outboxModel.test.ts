import { describe, expect, it } from 'vitest'
import { message } from './fixtures'
import { full, goesLater, MOST, nextOut, parse, pause, stillPending, unsent, type Pending } from './outboxModel'

const p = (key: string, over: Partial<Pending> = {}): Pending => ({ key, room: 'r', text: key, thread: null, at: '2026-11-30T12:00:00Z', after: 3, state: 'sending', ...over })

describe('what has not arrived', () => {
  it('goes out oldest first, past what was refused', () => {
    expect(nextOut([p('a', { state: 'failed' }), p('b', { state: 'waiting' }), p('c')])?.key).toBe('b')
    expect(nextOut([p('a', { state: 'failed' })])).toBeUndefined()
  })

  it('is bounded, in number and in length', () => {
    const many = Array.from({ length: MOST }, (_, i) => p(String(i)))
    expect(full(many, p('x'))).toBe(true)
    expect(full(many.slice(1), p('x'))).toBe(false)
    expect(full([p('a', { text: 'x'.repeat(900_000) })], p('b', { text: 'y'.repeat(200_000) }))).toBe(true)
  })

  it('waits for what passes and gives up on what stays', () => {
    expect([0, 401, 408, 429, 500, 502, 503].map((s) => goesLater(s))).toEqual(Array(7).fill(true))
    expect([400, 403, 404, 409, 413, 422].map((s) => goesLater(s))).toEqual(Array(6).fill(false))
    // What the server fails at each time does not hold back the rest.
    expect([0, 3, 4, 100].map((tries) => goesLater(500, tries))).toEqual([true, true, false, false])
    expect(goesLater(503, 100)).toBe(true)
    expect([0, 1, 2, 9].map(pause)).toEqual([2000, 4000, 8000, 60_000])
  })

  it('is read in order, whatever lies in the store', () => {
    const kept = [p('late', { at: '2026-11-30T12:00:09Z' }), p('early'), null, 3, 'x', {}, { ...p('bad'), state: 'gone' }, { ...p('odd', { at: '2026-11-30T12:00:01Z' }), thread: 7, after: 'x', more: 1 }]
    expect(parse(kept).map((x) => [x.key, x.thread, x.after])).toEqual([['early', null, 3], ['odd', null, 0], ['late', null, 3]])
    expect(parse(Array.from({ length: MOST + 5 }, (_, i) => p(String(i))))).toHaveLength(MOST)
  })

  it('counts by room what did not arrive', () => {
    expect(unsent([p('a'), p('b', { state: 'waiting' }), p('c', { state: 'failed' }), p('d', { room: 'q', state: 'failed' })], 'r')).toBe(2)
  })

  it('stands once: not beside the message it became, a reply too', () => {
    const list = [p('a'), p('b'), p('c')]
    expect(stillPending(list, [message(1, { key: 'a' }), message(2, { replies: [message(3, { key: 'c' })] })]).map((x) => x.key)).toEqual(['b'])
    expect(stillPending(list, [message(1)])).toBe(list)
  })
})
