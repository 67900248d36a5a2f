// Fuzzing without a browser, for functions that read what others wrote. In the ordinary test run each target has some
// thousand inputs, always the same ones; scripts/fuzz gives it a million (FUZZCOUNT). Every input is made from the
// seed and its number, so what was found is replayed by itself: FUZZSEED=SEED/NUMBER.
import { expect, it } from 'vitest'

const env = (globalThis as { process?: { env: Record<string, string | undefined> } }).process?.env ?? {}
const [seedText = '1', only] = (env.FUZZSEED ?? '1').split('/')
const SEED = Number(seedText) >>> 0
const COUNT = Number(env.FUZZCOUNT ?? 3000)

/** A small fast generator; the same seed gives the same numbers. */
export class Random {
  private state: number
  constructor(seed: number, number: number) {
    this.state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b)) >>> 0
  }
  /** 0 to below n. */
  below(n: number): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let t = this.state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % n
  }
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!
  }
  /** A text of up to `most` pieces; now and then any character at all stands between them. */
  text(pieces: readonly string[], most: number): string {
    let out = ''
    for (let n = this.below(most + 1); n > 0; n--) out += this.below(8) ? this.pick(pieces) : String.fromCharCode(this.below(8) ? this.below(128) : this.below(65536))
    return out
  }
}

/** Runs check for each input; it throws where something is wrong. */
export function fuzz(name: string, check: (r: Random) => void): void {
  it(
    `fuzz ${name}`,
    () => {
      const from = only === undefined ? 0 : Number(only)
      const to = only === undefined ? COUNT : from + 1
      for (let i = from; i < to; i++) {
        try {
          check(new Random(SEED, i))
        } catch (e) {
          throw new Error(`found with FUZZSEED=${SEED}/${i}: ${e instanceof Error ? e.message : String(e)}`, { cause: e })
        }
      }
      expect(to).toBeGreaterThan(from)
      if (env.FUZZCOUNT) console.log(`fuzzed ${name} with ${to - from} inputs`)
    },
    24 * 3600_000,
  )
}

/**
 * Says that the longest text there can be is read in no more than a second or so: what grows with the square of it, or
 * worse, takes far longer. The shortest of three runs counts, for other programs can only make one longer.
 */
export function quick(name: string, text: string, work: (text: string) => void): void {
  it(`${name} is read in time`, () => {
    let best = Infinity
    for (let k = 0; k < 3 && best > 500; k++) {
      const began = performance.now()
      work(text)
      best = Math.min(best, performance.now() - began)
    }
    expect(best, `${text.length} characters`).toBeLessThan(1500)
  }, 60_000)
}
