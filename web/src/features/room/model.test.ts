import { describe, expect, it } from 'vitest'
import type { Author, Message } from '@/api'
import { daysBack } from './days'
import { asCode, asTyped, grewAtTop, isLong, lastOwn, lengthOf, looksLikeLog, rowOf, rows, tooMuch, writing, type RowsInput } from './model'

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
const list = (messages: Message[], o: Partial<RowsInput> = {}) => rows({ messages, pending: [], hasBefore: false, came: null, me: 'me', ...o })
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
  it('marks the first message I had not read, and never my own nor a line about a call', () => {
    const call = msg(3, 'system:call', 1, { kind: 'system' })
    const all = [msg(1, 'a', 0), msg(2, 'me', 1), call, msg(4, 'a', 2), msg(5, 'a', 3)]
    const r = list(all, { came: { read: 1, count: 4999 } })
    expect(words(r)).toEqual(['start', 'day', 'H1', 'H2', 'H3', 'new', 'H4', '-5'])
    // The number is the server's: what is loaded here says nothing of it.
    expect(r.find((x) => x.kind === 'new')).toMatchObject({ count: 4999, since: all[3]!.created_at })
    expect(words(list(all, { came: { read: 5, count: 1 } }))).not.toContain('new')
    expect(words(list(all))).not.toContain('new')
    // Where the read part is not loaded nobody knows that this is its end.
    expect(words(list(all.slice(3), { came: { read: 1, count: 9 }, hasBefore: true }))).not.toContain('new')
    expect(words(list(all.slice(3), { came: { read: 1, count: 9 } }))).toContain('new')
  })
  const p = { key: 'k', room: 'r', text: 'x', thread: null, at: new Date(2026, 10, 22, 10, 1).toISOString(), after: 1, state: 'sending' as const }
  it('shows what is on its way after everything else, an answer too', () => {
    const r = list([msg(1, 'me', 0)], { pending: [p, { ...p, key: 'reply', thread: 'm1' }] })
    expect(r.slice(-2)).toMatchObject([{ kind: 'pending', head: false }, { kind: 'pending', head: true, p: { key: 'reply' } }])
  })
  it('leaves what was refused in its place, so that it hides nothing newer', () => {
    const no = { ...p, state: 'failed' as const }
    const all = [msg(1, 'me', 0), msg(2, 'a', 1), msg(3, 'a', 2)]
    expect(words(list(all, { pending: [no] }))).toEqual(['start', 'day', 'H1', 'pending', 'H2', '-3'])
    expect(words(list(all, { pending: [{ ...no, after: 9 }, { ...p, key: 'q' }] }))).toEqual(['start', 'day', 'H1', 'H2', '-3', 'pending', 'pending'])
    expect(words(list(all, { pending: [{ ...no, after: 2 }, { ...no, key: 'q', after: 2 }] }))).toEqual(['start', 'day', 'H1', 'H2', 'pending', 'pending', 'H3'])
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

describe('what is written', () => {
  it('tells its length near the bound, in bytes', () => {
    expect(lengthOf('x'.repeat(11_999))).toBeNull()
    expect(lengthOf('x'.repeat(12_000))).toMatchObject({ words: '12,000 of 16,384', over: false })
    expect(lengthOf('x'.repeat(16_384))).toMatchObject({ over: false })
    expect(lengthOf('x'.repeat(17_588))).toMatchObject({ words: 'Too long by 1,204', over: true })
    expect(lengthOf('ü'.repeat(8_193))).toMatchObject({ words: 'Too long by 2', over: true })
    expect(lengthOf('🔥'.repeat(4_097))).toMatchObject({ words: 'Too long by 4', over: true })
    expect(lengthOf('x'.repeat(16_384) + '\n\n')).toMatchObject({ over: false })
  })
  it('knows what a machine wrote', () => {
    const log = '2026-11-30 03:11:02 INFO start\n2026-11-30 03:11:03 WARN *retry* __init__\n2026-11-30 03:11:04 ERROR gone'
    expect(looksLikeLog(log)).toBe(true)
    expect(looksLikeLog('03:11:02 a\n03:11:03 b\n03:11:04 c')).toBe(true)
    expect(looksLikeLog('Exception in thread "main" x\n\tat a.b(C.java:1)\n\tat a.d(C.java:2)')).toBe(true)
    expect(looksLikeLog(log.split('\n').slice(0, 2).join('\n'))).toBe(false)
    expect(looksLikeLog('```\n' + log + '\n```')).toBe(false)
    expect(looksLikeLog('Hello all\nI will look at it\nand come back at 10')).toBe(false)
    expect(looksLikeLog('- one\n- two\n- three\n- four')).toBe(false)
  })
  it('fences code, whatever stands in it', () => {
    expect(asCode('a\nb\n')).toBe('```\na\nb\n```')
    expect(asCode('a ```` b')).toBe('`````\na ```` b\n`````')
  })
  it('folds what would hide the talk', () => {
    expect(isLong(Array(16).fill('x').join('\n'))).toBe(false)
    expect(isLong(Array(17).fill('x').join('\n'))).toBe(true)
    expect(isLong('x'.repeat(16 * 110 + 1))).toBe(true)
  })
})

it('sends the indent of the first line, and no blank lines around', () => {
  expect(asTyped('\n  \n    if x:\n      y\n\n ')).toBe('    if x:\n      y')
  expect(asTyped('  a')).toBe('  a')
  expect(asTyped(' \n\t\n')).toBe('')
})
it('leaves on the clipboard what would stop the room', () => {
  expect([tooMuch('y\n'.repeat(50_000)), tooMuch('y'.repeat(300_000)), tooMuch('a line of a log\n'.repeat(3000)), tooMuch('')]).toEqual([true, true, false, false])
})
it('goes back by days of the calendar', () => {
  expect(daysBack(new Date(2026, 2, 1, 3, 0)).map((d) => d.at.getDate())).toEqual([1, 28, 22, 30, 1])
})
