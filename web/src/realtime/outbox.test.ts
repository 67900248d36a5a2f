// @vitest-environment jsdom
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { useSession, type Me } from '@/api'
import { discard, putOut, startOutbox } from './outbox'
import type { Pending } from './outboxModel'

type Answer = { status: number; body?: object }
let answers: (Answer | 'offline')[] = []
let sent: { text: string; key: string }[] = []
const p = (text: string): Pending => ({ key: 'k-' + text, room: 'r', text, thread: null, at: new Date(Date.now()).toISOString(), after: 0, state: 'sending' })
const kept = () => Object.keys(localStorage).filter((k) => k.startsWith('muster.outbox.')).map((k) => (JSON.parse(localStorage.getItem(k)!) as Pending).text + ':' + (JSON.parse(localStorage.getItem(k)!) as Pending).state)
const signIn = (id: string) => useSession.setState({ status: 'in', me: { user: { id } } as Me, error: null })
let stop = () => {}
const settle = () => vi.advanceTimersByTimeAsync(0)

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-11-30T12:00:00Z') })
  localStorage.clear()
  answers = []
  sent = []
  vi.stubGlobal('fetch', async (_: string, o: RequestInit) => {
    const body = JSON.parse(o.body as string) as { text: string; key: string }
    const next = answers.shift() ?? { status: 201, body: { id: 'm-' + body.key, key: body.key } }
    if (next === 'offline') throw new TypeError('no network')
    sent.push({ text: body.text, key: body.key })
    return new Response(JSON.stringify(next.body ?? {}), { status: next.status })
  })
  signIn('ann')
  stop = startOutbox()
})
afterEach(() => {
  stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it('sends in order and keeps nothing of what arrived', async () => {
  putOut(p('a'))
  await vi.advanceTimersByTimeAsync(1)
  putOut(p('b'))
  await settle()
  expect(sent.map((x) => x.text)).toEqual(['a', 'b'])
  expect(kept()).toEqual([])
})

it('keeps what found no way, and sends it by itself under its key', async () => {
  answers = ['offline', 'offline']
  putOut(p('a'))
  await settle()
  expect(kept()).toEqual(['a:waiting'])
  await vi.advanceTimersByTimeAsync(60_000)
  expect(sent).toEqual([{ text: 'a', key: 'k-a' }])
  expect(kept()).toEqual([])
})

it('a refusal holds up nobody else', async () => {
  answers = [{ status: 422, body: { detail: 'Too long.' } }]
  putOut(p('a'))
  await vi.advanceTimersByTimeAsync(1)
  putOut(p('b'))
  await settle()
  expect(sent.map((x) => x.text)).toEqual(['a', 'b'])
  expect(kept()).toEqual(['a:failed'])
  discard('k-a')
  expect(kept()).toEqual([])
})

it('goes on where another page stopped, and only for the same person', async () => {
  answers = ['offline']
  putOut(p('a'))
  await settle()
  stop()
  localStorage.setItem('muster.draft.ann.r', '"words"')
  signIn('bob')
  stop = startOutbox()
  await settle()
  expect(sent).toEqual([])
  expect([kept(), localStorage.getItem('muster.draft.ann.r')]).toEqual([[], null])
  stop()
  signIn('ann')
  localStorage.setItem('muster.outbox.ann.k-c', JSON.stringify(p('c')))
  stop = startOutbox()
  await settle()
  expect(sent.map((x) => x.text)).toEqual(['c'])
})

it('a full or forbidden store costs only the reload', async () => {
  vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
    throw new DOMException('full', 'QuotaExceededError')
  })
  expect(putOut(p('a'))).toBe(true)
  await settle()
  expect(sent.map((x) => x.text)).toEqual(['a'])
})
