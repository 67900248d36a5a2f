// Plays several tracks in step: one clock, and each track is where the clock says it has to be.
import { create } from 'zustand'

/** The part of an audio element that is needed. */
export type Player = Pick<HTMLAudioElement, 'currentTime' | 'paused' | 'readyState' | 'muted' | 'play' | 'pause'> & { readonly error: unknown }
type Track = { id: string; offset_ms: number; ms: number }
export type DeckState = { at: number; playing: boolean; /** tracks that are not heard */ quiet: Record<string, boolean>; /** a track could not be played */ broken: string }

/** Further apart than this, two voices no longer belong together. */
const APART = 0.25
const ENOUGH = 3 // HTMLMediaElement.HAVE_FUTURE_DATA

export function createDeck(tracks: readonly Track[], total: number, now: () => number) {
  const use = create<DeckState>(() => ({ at: 0, playing: false, quiet: {}, broken: '' }))
  const players = new Map<string, Player>()
  let last = 0
  const set = (p: Partial<DeckState>) => use.setState(p)
  const here = (t: Track, at: number) => at >= t.offset_ms && at < t.offset_ms + t.ms

  function align() {
    const { at, playing, quiet, broken } = use.getState()
    for (const t of tracks) {
      const p = players.get(t.id)
      if (!p) continue
      if (p.error && !broken) set({ broken: t.id })
      p.muted = !!quiet[t.id]
      const wanted = (at - t.offset_ms) / 1000
      if (!playing || !here(t, at)) {
        if (!p.paused) p.pause()
        continue
      }
      if (Math.abs(p.currentTime - wanted) > APART) p.currentTime = wanted
      if (p.paused) void p.play().catch((e: Error) => e.name !== 'AbortError' && set({ broken: t.id, ...(e.name === 'NotAllowedError' && { playing: false }) }))
    }
  }
  const to = (at: number) => {
    set({ at: Math.min(total, Math.max(0, at)) })
    align()
  }
  return {
    use,
    add(id: string, p: Player) {
      players.set(id, p)
      return () => {
        p.pause()
        players.delete(id)
      }
    },
    play() {
      last = now()
      set({ playing: true, broken: '', ...(use.getState().at >= total && { at: 0 }) })
      align()
    },
    pause() {
      set({ playing: false })
      align()
    },
    to,
    /** Hears a track or not. */
    hear(id: string, on: boolean) {
      set({ quiet: { ...use.getState().quiet, [id]: !on } })
      align()
    },
    only(id: string) {
      set({ quiet: Object.fromEntries(tracks.map((t) => [t.id, t.id !== id])) })
      align()
    },
    all() {
      set({ quiet: {} })
      align()
    },
    /** Called often while it plays. */
    tick() {
      const { at, playing, broken } = use.getState()
      const passed = now() - last
      last = now()
      if (!playing) return
      // While a voice is still on its way nobody runs ahead.
      const waits = tracks.some((t) => here(t, at) && t.id !== broken && (players.get(t.id)?.readyState ?? ENOUGH) < ENOUGH && !players.get(t.id)?.error)
      if (!waits) {
        if (at + passed >= total) {
          set({ at: total, playing: false })
        } else set({ at: at + passed })
      }
      align()
    },
  }
}
export type Deck = ReturnType<typeof createDeck>
