import { describe, expect, it } from 'vitest'
import type { Author, Message } from '@/api'
import { grewAtTop, lastOwn, rowOf, rows, writing, type RowsInput } from './model'

const author = (id: string): Author => ({ id, name: id, display: id, kind: 'person', hue: 0, initials: id[0]! })
const msg = (seq: number, by: string, minute: number, o: Partial<Message> = {}): Message => ({
  id: 'm' + seq,
  room_id: 'r',
  seq,
  change_seq: seq,
  author: author(by),
  kind: 'text',
  text: 't',
  card: null,
  thread: null,
  created_at: new Date(2026, 10, 22, 10, minute).toISOString(),
  deleted: false,
  pinned: false,
  reactions: [],
  replies: [],
  abilities: { edit: by === 'me' },
  ...o,
})
const list = (messages: Message[], o: Partial<RowsInput> = {}) => rows({ messages, pending: [], hasBefore: false, readSeq: null, me: 'me', ...o })
const words = (r: ReturnType<typeof rows>) => r.map((x) => (x.kind === 'message' ? (x.head ? 'H' : '-') + x.m.seq : x.kind))

describe('rows', () => {
  it('groups what one author says within five minutes', () => {
    expect(words(list([msg(1, 'a', 0), msg(2, 'a', 3), msg(3, 'b', 4), msg(4, 'b', 12)]))).toEqual(['start', 'day', 'H1', '-2', 'H3', 'H4'])
  })
  it('a system line or a thread ends the group', () => {
    expect(words(list([msg(1, 'a', 0), msg(2, 'a', 0, { kind: 'system' }), msg(3, 'a', 1)]))).toEqual(['start', 'day', 'H1', 'H2', 'H3'])
    expect(words(list([msg(1, 'a', 0, { replies: [msg(2, 'b', 0)] }), msg(3, 'a', 1)]))).toEqual(['start', 'day', 'H1', 'H3'])
  })
  it('puts a divider between days', () => {
    const later = msg(2, 'a', 0, { created_at: new Date(2026, 10, 23, 0, 1).toISOString() })
    expect(words(list([msg(1, 'a', 0), later]))).toEqual(['start', 'day', 'H1', 'day', 'H2'])
  })
  it('marks the first message I had not read, and never my own', () => {
    const all = [msg(1, 'a', 0), msg(2, 'me', 1), msg(3, 'a', 2), msg(4, 'a', 3)]
    const r = list(all, { readSeq: 1 })
    expect(words(r)).toEqual(['start', 'day', 'H1', 'H2', 'new', 'H3', '-4'])
    expect(r.find((x) => x.kind === 'new')).toMatchObject({ count: 2 })
    expect(words(list(all, { readSeq: 4 }))).not.toContain('new')
    expect(words(list(all))).not.toContain('new')
  })
  it('shows what is on its way after everything else', () => {
    const p = { key: 'k', text: 'x', thread: null, at: new Date(2026, 10, 22, 10, 1).toISOString(), state: 'sending' as const }
    const r = list([msg(1, 'me', 0)], { pending: [p, { ...p, key: 'reply', thread: 'm1' }] })
    expect(r.at(-1)).toMatchObject({ kind: 'pending', head: false })
    expect(r.filter((x) => x.kind === 'pending')).toHaveLength(1)
  })
  it('says whether there is more above', () => {
    expect(list([msg(9, 'a', 0)], { hasBefore: true })[0]!.kind).toBe('older')
  })
  it('finds a message, also inside a thread', () => {
    const r = list([msg(1, 'a', 0, { replies: [msg(2, 'b', 0)] }), msg(3, 'a', 1)])
    expect(rowOf(r, 'm2')).toBe(rowOf(r, 'm1'))
    expect(rowOf(r, 'm9')).toBe(-1)
  })
  it('knows when rows came at the top, and not at the end', () => {
    const old = list([msg(5, 'a', 5)], { hasBefore: true })
    expect(grewAtTop(old, list([msg(4, 'b', 4), msg(5, 'a', 5)]))).toBe(true)
    expect(grewAtTop(old, list([msg(5, 'a', 5), msg(6, 'b', 6)], { hasBefore: true }))).toBe(false)
    expect(grewAtTop(old, list([msg(80, 'a', 5)]))).toBe(false)
  })
  it('shows cards in full only near the bottom', () => {
    const r = list(Array.from({ length: 9 }, (_, i) => msg(i + 1, 'a', i)))
    const latest = r.flatMap((x) => (x.kind === 'message' && x.latest ? [x.m.seq] : []))
    expect(latest).toEqual([5, 6, 7, 8, 9])
  })
})

it('Up edits my last message that can be edited', () => {
  expect(lastOwn([msg(1, 'me', 0), msg(2, 'me', 1, { deleted: true }), msg(3, 'a', 2)], 'me')?.seq).toBe(1)
  expect(lastOwn([msg(3, 'a', 2)], 'me')).toBeUndefined()
})
it('says who is writing', () => {
  expect(writing(['Jonas'])).toBe('Jonas is writing')
  expect(writing(['Jonas', 'Hana'])).toBe('Jonas and Hana are writing')
  expect(writing(['a', 'b', 'c'])).toBe('3 people are writing')
})
