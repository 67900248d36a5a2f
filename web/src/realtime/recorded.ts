// What was recorded of a room's calls, and which of it a moment is in; no DOM.
import type { Recording } from '@/api'

/** A call of which something is kept: its tracks in step from its beginning. */
export type Recorded = { id: string; at: number; ms: number; tracks: Recording[]; people: string[] }

/** The newest call first; within it, who spoke first. */
export function callsOf(all: readonly Recording[]): Recorded[] {
  const by = new Map<string, Recording[]>()
  for (const r of all) by.set(r.call_id, [...(by.get(r.call_id) ?? []), r])
  return [...by]
    .map(([id, list]) => {
      const tracks = list.sort((a, b) => a.offset_ms - b.offset_ms || a.id.localeCompare(b.id))
      return {
        id,
        at: Math.min(...tracks.map((t) => Date.parse(t.started_at) - t.offset_ms)),
        ms: Math.max(...tracks.map((t) => t.offset_ms + t.ms)),
        tracks,
        people: [...new Set(tracks.map((t) => t.user_id))],
      }
    })
    .sort((a, b) => b.at - a.at)
}

/** How far into a call a moment is; -1 when it is not in it. */
export const within = (c: Recorded, at: string) => {
  const ms = Date.parse(at) - c.at
  return ms >= 0 && ms <= c.ms ? ms : -1
}
/** Where in which call a moment can be heard. */
export function heardAt(calls: readonly Recorded[], at: string): { call: string; at: number } | null {
  for (const c of calls) {
    const ms = within(c, at)
    if (ms >= 0 && c.tracks.some((t) => t.state === 'kept')) return { call: c.id, at: ms }
  }
  return null
}
