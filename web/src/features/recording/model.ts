// What was said in writing during a recorded call, put in order; no DOM.
import type { Message, TimelineEntry } from '@/api'
import { within, type Recorded } from '@/realtime/recorded'

/** Something written while people talked; `ms` from the call's beginning. */
export type Said = { id: string; ms: number; by: string; text: string; entry: boolean }

/** Messages and, of an incident, the entries of its timeline, in the order they came. */
export function saidIn(c: Recorded, messages: readonly Message[], entries: readonly TimelineEntry[] = []): Said[] {
  const out: Said[] = []
  for (const m of messages) {
    const ms = within(c, m.created_at)
    if (ms >= 0 && !m.deleted && m.text.trim()) out.push({ id: m.id, ms, by: m.author.display || m.author.name, text: m.text, entry: false })
  }
  for (const e of entries) {
    const ms = within(c, e.at)
    if (ms >= 0) out.push({ id: e.id, ms, by: '', text: e.text, entry: true })
  }
  return out.sort((a, b) => a.ms - b.ms)
}
/** What was written last before the play head stands here; -1 before the first. */
export const saidAt = (list: readonly Said[], ms: number): number => list.findLastIndex((x) => x.ms <= ms)

/** 0:07, 12:30, 1:02:03 */
export function place(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000))
  const two = (n: number) => String(n).padStart(2, '0')
  const h = Math.floor(s / 3600)
  return h ? `${h}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`
}
/** Where a key takes the play head. */
export function keyTo(key: string, at: number, ms: number): number | null {
  const to = { ArrowLeft: at - 5000, ArrowRight: at + 5000, Home: 0, End: ms }[key]
  return to === undefined ? null : Math.min(ms, Math.max(0, to))
}
