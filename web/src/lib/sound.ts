// Sounds are made here and not loaded: a few short tones each.
export type Note = { hertz: number; at: number; lasts: number }

export const SOUNDS = {
  /** A page: it has to be heard through a wall, and to be told from all else. */
  alarm: [0, 0.9, 1.8].flatMap((from): Note[] => [
    { hertz: 784, at: from, lasts: 0.22 },
    { hertz: 1047, at: from + 0.26, lasts: 0.22 },
    { hertz: 784, at: from + 0.52, lasts: 0.22 },
  ]),
  get: [
    { hertz: 523, at: 0, lasts: 0.14 },
    { hertz: 659, at: 0.16, lasts: 0.14 },
    { hertz: 784, at: 0.32, lasts: 0.22 },
  ],
  knock: [
    { hertz: 196, at: 0, lasts: 0.07 },
    { hertz: 196, at: 0.16, lasts: 0.07 },
    { hertz: 196, at: 0.32, lasts: 0.07 },
  ],
  mention: [{ hertz: 880, at: 0, lasts: 0.18 }],
} satisfies Record<string, Note[]>
export type Sound = keyof typeof SOUNDS

/** Plays a sound at a volume of 1 to 100. False where the browser lets no sound out: it does not until somebody clicks or types in the tab. */
export async function play(sound: Sound, volume: number): Promise<boolean> {
  if (volume <= 0 || typeof AudioContext === 'undefined') return false
  const ctx = new AudioContext()
  try {
    if (ctx.state !== 'running') await Promise.race([ctx.resume(), new Promise((late) => setTimeout(late, 400))])
    if (ctx.state !== 'running') return false
    let last: OscillatorNode | null = null
    for (const n of SOUNDS[sound]) {
      const o = ctx.createOscillator()
      const g = ctx.createGain()
      const from = ctx.currentTime + 0.02 + n.at
      const loud = (Math.min(100, volume) / 100) ** 2 * 0.5 // Ears hear the square.
      o.type = sound === 'alarm' ? 'triangle' : 'sine'
      o.frequency.value = n.hertz
      g.gain.setValueAtTime(0, from)
      g.gain.linearRampToValueAtTime(loud, from + 0.015)
      g.gain.setValueAtTime(loud, from + n.lasts - 0.04)
      g.gain.linearRampToValueAtTime(0, from + n.lasts)
      o.connect(g).connect(ctx.destination)
      o.start(from)
      o.stop(from + n.lasts)
      last = o
    }
    await new Promise((done) => last?.addEventListener('ended', done))
    return true
  } catch {
    return false // No loudspeaker, or none that is free.
  } finally {
    void ctx.close().catch(() => {})
  }
}

/** The part of Web Locks that is used; missing where the page is not served securely. */
export type Locks = { request: (name: string, options: { ifAvailable?: boolean; signal?: AbortSignal }, held: (lock: unknown) => Promise<unknown>) => Promise<unknown> }
const locksOf = (): Locks | undefined => (navigator as { locks?: Locks }).locks

const TOGETHER = 1500
/** Plays once, in one tab however many are told of the same thing at the same moment. */
export async function playOnce(sound: Sound, volume: number, { locks = locksOf(), player = play }: { locks?: Locks; player?: typeof play } = {}): Promise<void> {
  if (volume <= 0) return
  if (!locks) return void (await player(sound, volume))
  await locks.request(`sound:${sound}`, { ifAvailable: true }, async (lock) => {
    if (!lock) return
    await Promise.all([player(sound, volume), new Promise((over) => setTimeout(over, TOGETHER))])
  })
}

/** How long between two rounds of the alarm; and until it is tried anew where a tab is kept silent. */
const EVERY = 30_000
const RETRY = 3_000

/**
 * Repeats the alarm until the end that it gives is called. Of all tabs one sounds: the one that holds
 * the lock. A tab that the browser keeps silent lets it go, so that another one may sound.
 */
export function alarm(volume: () => number, { silent, locks = locksOf(), player = play }: { silent?: (is: boolean) => void; locks?: Locks; player?: typeof play } = {}): () => void {
  const end = new AbortController()
  const wait = (ms: number) =>
    new Promise<void>((done) => {
      const t = setTimeout(done, ms)
      end.signal.addEventListener('abort', () => (clearTimeout(t), done()), { once: true })
    })
  const rounds = async () => {
    while (!end.signal.aborted) {
      const v = volume()
      if (v > 0) {
        const heard = await player('alarm', v)
        if (end.signal.aborted) return
        silent?.(!heard)
        if (!heard) return
      } else silent?.(false)
      await wait(EVERY)
    }
  }
  void (async () => {
    while (!end.signal.aborted) {
      try {
        if (locks) await locks.request('sound:page', { signal: end.signal }, rounds)
        else await rounds()
      } catch {
        return // Given up while it waited for the lock.
      }
      await wait(RETRY)
    }
  })()
  return () => end.abort()
}
