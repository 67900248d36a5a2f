// Short sounds of a call.
export type Tone = { hertz: number; at: number; lasts: number; loud?: number }
/** Two tones, the second one higher: from here on it is recorded. */
export const TONES: Tone[] = [
  { hertz: 587, at: 0, lasts: 0.16 },
  { hertz: 880, at: 0.19, lasts: 0.24 },
]

/** My microphone opens, and closes: so short that they do not stand in the way of the first word. */
export const OPENS: Tone[] = [
  { hertz: 520, at: 0, lasts: 0.07, loud: 0.05 },
  { hertz: 700, at: 0.06, lasts: 0.08, loud: 0.05 },
]
export const CLOSES: Tone[] = [
  { hertz: 520, at: 0, lasts: 0.07, loud: 0.05 },
  { hertz: 390, at: 0.06, lasts: 0.08, loud: 0.05 },
]

/** Plays them where the browser lets sound out by now; where it does not, the words must do. */
export async function chime(tones: Tone[] = TONES): Promise<void> {
  if (typeof AudioContext === 'undefined') return
  const ctx = new AudioContext()
  try {
    // Before a click a browser leaves it asleep, for ever.
    if (ctx.state !== 'running') await Promise.race([ctx.resume(), new Promise((late) => setTimeout(late, 400))])
    if (ctx.state !== 'running') return
    let last: OscillatorNode | null = null
    for (const t of tones) {
      const o = ctx.createOscillator()
      const g = ctx.createGain()
      const from = ctx.currentTime + 0.02 + t.at
      o.frequency.value = t.hertz
      g.gain.setValueAtTime(0, from)
      g.gain.linearRampToValueAtTime(t.loud ?? 0.14, from + 0.02)
      g.gain.setValueAtTime(t.loud ?? 0.14, from + t.lasts / 2)
      g.gain.linearRampToValueAtTime(0, from + t.lasts)
      o.connect(g).connect(ctx.destination)
      o.start(from)
      o.stop(from + t.lasts)
      last = o
    }
    await new Promise((done) => last?.addEventListener('ended', done))
  } catch {
    // No loudspeaker, or none that is free.
  } finally {
    void ctx.close().catch(() => {})
  }
}
