import { describe, expect, it, vi } from 'vitest'
import type { LogLine } from '@/api/types'
import { FilteredLog, LogStore, PAGE, matches, type Fetch } from './logstore'

const line = (n: number, over: Partial<LogLine> = {}): LogLine => ({ n, t: '2026-11-22T14:00:00Z', node: 'web-1', step: 1, stream: 'out', text: `line ${n}`, ...over })
function server(total: number): { fetch: Fetch; calls: number[] } {
  const calls: number[] = []
  return {
    calls,
    fetch: (after, limit) => {
      calls.push(after)
      const items: LogLine[] = []
      for (let n = after + 1; n <= Math.min(total, after + limit); n++) items.push(line(n))
      return Promise.resolve({ items, next: after + items.length, total, done: true })
    },
  }
}
const now = (f: () => void) => f()

describe('log store', () => {
  it('opens a log of any size with its first and last page only', async () => {
    const s = server(500_000)
    const store = new LogStore(s.fetch, now)
    await store.open()
    expect(s.calls).toEqual([0, 498_000])
    expect(store.get()).toMatchObject({ total: 500_000, done: true, error: '' })
    expect(store.line(1)?.text).toBe('line 1')
    expect(store.line(500_000)?.text).toBe('line 500000')
    expect(store.line(250_000)).toBeUndefined()
  })
  it('fetches what somebody looks at, once', async () => {
    const s = server(10_000)
    const store = new LogStore(s.fetch, now)
    await Promise.all([...store.want(4001, 4050), ...store.want(4010, 4060)])
    expect(s.calls).toEqual([4000])
    expect(store.want(4500, 4600)).toHaveLength(0)
    expect(store.line(4001)?.n).toBe(4001)
  })
  it('spans two pages', async () => {
    const s = server(10_000)
    const store = new LogStore(s.fetch, now)
    await Promise.all(store.want(PAGE - 5, PAGE + 5))
    expect(s.calls).toEqual([0, PAGE])
  })
  it('joins live lines in any order, twice or with a gap, and fetches the gap when seen', async () => {
    const s = server(30)
    const store = new LogStore(s.fetch, now)
    store.push([line(25), line(26)])
    store.push([line(26), line(24)])
    expect(store.get().total).toBe(26)
    expect(store.line(23)).toBeUndefined()
    await Promise.all(store.want(20, 26))
    expect(store.line(23)?.n).toBe(23)
    expect(store.get().total).toBe(30)
  })
  it('says what went wrong and tries again', async () => {
    const fetch = vi.fn<Fetch>().mockRejectedValueOnce(new Error('The server could not be reached.')).mockImplementation(server(3).fetch)
    const store = new LogStore(fetch, now)
    await store.open()
    expect(store.get().error).toBe('The server could not be reached.')
    store.retry()
    await Promise.all(store.want(1, 3))
    expect(store.get()).toMatchObject({ error: '', total: 3 })
  })
  it('forgets far pages and can have them again', async () => {
    const s = server(400_000)
    const store = new LogStore(s.fetch, now)
    for (let p = 0; p < 150; p++) await Promise.all(store.want(p * PAGE + 1, p * PAGE + 10))
    expect(store.line(1)).toBeUndefined()
    await Promise.all(store.want(1, 10))
    expect(store.line(1)?.n).toBe(1)
  })
  it('publishes once a frame', () => {
    const frames: (() => void)[] = []
    const store = new LogStore(server(0).fetch, (f) => frames.push(f))
    const heard = vi.fn()
    store.subscribe(heard)
    for (let n = 1; n <= 1000; n++) store.push([line(n)])
    expect(frames).toHaveLength(1)
    frames[0]!()
    expect(heard).toHaveBeenCalledTimes(1)
    expect(store.get().total).toBe(1000)
  })
})

describe('filtered log', () => {
  it('reads on to the end and then takes live lines', async () => {
    const fetch: Fetch = (after) => Promise.resolve(after === 0 ? { items: [line(3), line(9)], next: 2000, total: 4000, done: false } : { items: [line(2100)], next: 4000, total: 4000, done: false })
    const log = new FilteredLog(fetch, { node: 'web-1', step: 0, stream: '' }, () => {})
    log.push([line(4001)])
    await log.run()
    log.push([line(4001), line(4002, { node: 'web-2' }), line(4003)])
    expect(log.lines.map((l) => l.n)).toEqual([3, 9, 2100, 4001, 4003])
    expect(log.loading).toBe(false)
  })
  it('matches node, step and stream together', () => {
    expect(matches(line(1), { node: 'web-1', step: 1, stream: 'out' })).toBe(true)
    expect(matches(line(1), { node: '', step: 0, stream: 'err' })).toBe(false)
    expect(matches(line(1), { node: 'web-2', step: 0, stream: '' })).toBe(false)
  })
})
