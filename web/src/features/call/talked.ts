// Where this tab talked, over a reload of its page: kept by the tab itself and by no other.
import type { Talked } from './session'

const KEY = 'muster.call'
/** Longer ago it was not a reload. */
const FRESH = 10 * 60_000

export function keepTalked(t: Talked | null) {
  try {
    if (t) sessionStorage.setItem(KEY, JSON.stringify({ ...t, at: Date.now() }))
    else sessionStorage.removeItem(KEY)
  } catch {
    // A forbidden store only costs the offer.
  }
}
// It counts from when the page went, not from when one joined.
if (typeof addEventListener === 'function')
  addEventListener('pagehide', () => {
    const t = sessionStorage.getItem(KEY)
    if (t) keepTalked(JSON.parse(t) as Talked)
  })
/** What was kept, once: whoever does not go back is not asked again. */
export function takeTalked(now = Date.now()): Talked | null {
  try {
    const t = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as (Talked & { at: number }) | null
    sessionStorage.removeItem(KEY)
    return t && now - t.at < FRESH && typeof t.room === 'string' && (t.mode === 'table' || t.mode === 'gallery') ? { me: t.me, room: t.room, mode: t.mode } : null
  } catch {
    return null
  }
}
