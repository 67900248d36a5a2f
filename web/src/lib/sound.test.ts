import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { alarm, playOnce, type Locks } from './sound'

/** Locks as a browser has them: one holder, the others wait in order. */
function lockbox(): Locks {
  const queues = new Map<string, Promise<unknown>>()
  const held = new Set<string>()
  return {
    async request(name, { ifAvailable, signal }, fn) {
      if (ifAvailable && held.has(name)) return fn(null)
      const before = queues.get(name) ?? Promise.resolve()
      const mine = before.then(async () => {
        if (signal?.aborted) throw new Error('aborted')
        held.add(name)
        try {
          return await fn({})
        } finally {
          held.delete(name)
        }
      })
      queues.set(name, mine.catch(() => {}))
      return mine
    },
  }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())
const later = (ms: number) => vi.advanceTimersByTimeAsync(ms)

test('of two tabs one sounds, every half minute, and the other takes over when it closes', async () => {
  const locks = lockbox()
  const heard: string[] = []
  const tab = (name: string) => alarm(() => 70, { locks, player: async () => (heard.push(name), true) })
  const end = tab('a')
  const endB = tab('b')
  await later(65_000)
  expect(heard).toEqual(['a', 'a', 'a'])
  end()
  await later(31_000)
  expect(heard).toEqual(['a', 'a', 'a', 'b', 'b'])
  endB()
  await later(120_000)
  expect(heard).toHaveLength(5)
})

test('a tab that is kept silent says so and lets another one sound', async () => {
  const locks = lockbox()
  const silent: boolean[] = []
  let heard = 0
  const a = alarm(() => 70, { locks, silent: (is) => silent.push(is), player: async () => false })
  const b = alarm(() => 70, { locks, player: async () => (heard++, true) })
  await later(10_000)
  expect(silent).toContain(true)
  expect(heard).toBe(1)
  a()
  b()
})

test('volume 0 is silence, and turning it up is heard at the next round', async () => {
  let volume = 0
  let heard = 0
  const end = alarm(() => volume, { locks: lockbox(), player: async () => (heard++, true) })
  await later(40_000)
  expect(heard).toBe(0)
  volume = 50
  await later(30_000)
  expect(heard).toBe(1)
  end()
})

test('what several tabs hear of is sounded once', async () => {
  const locks = lockbox()
  let heard = 0
  const player = async () => (heard++, true)
  void playOnce('get', 40, { locks, player })
  void playOnce('get', 40, { locks, player })
  void playOnce('get', 0, { locks, player })
  await later(100)
  expect(heard).toBe(1)
  await later(2000)
  void playOnce('get', 40, { locks, player })
  await later(100)
  expect(heard).toBe(2)
})
