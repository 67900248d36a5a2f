// Alerts in words. Pure.
import type { Alert } from '@/api/types'
import { length, ms } from '@/lib/time'

export const ALERT_STATES: { id: string; label: string }[] = [
  { id: 'firing', label: 'Firing' },
  { id: 'open', label: 'Unacknowledged' },
  { id: 'acknowledged', label: 'Acknowledged' },
  { id: 'resolved', label: 'Resolved' },
  { id: 'all', label: 'All' },
]
export function stateWord(state: Alert['state']): string {
  return state === 'open' ? 'Firing' : state === 'acknowledged' ? 'Acknowledged, firing' : 'Resolved'
}
export function firing(a: Pick<Alert, 'state'>): boolean {
  return a.state !== 'resolved'
}
export function lasted(a: Pick<Alert, 'state' | 'starts_at' | 'ends_at'>, now: number): number {
  const start = ms(a.starts_at) ?? now
  return Math.max(0, (a.state === 'resolved' ? (ms(a.ends_at) ?? now) : now) - start)
}
/** "Firing for 12 min", "Resolved after 4 min 2 s". */
export function durationWords(a: Pick<Alert, 'state' | 'starts_at' | 'ends_at'>, now: number): string {
  return a.state === 'resolved' ? `Resolved after ${length(lasted(a, now))}` : `Firing for ${length(lasted(a, now))}`
}

/** A link from an alert is somebody else's text: only http and https may be followed. */
export function safeLink(url: string | null | undefined): string | null {
  if (!url) return null
  try {
    const u = new URL(url)
    return u.protocol === 'http:' || u.protocol === 'https:' ? u.href : null
  } catch {
    return null
  }
}
export function links(a: Pick<Alert, 'generator_url' | 'annotations'>): { label: string; href: string }[] {
  const out: { label: string; href: string }[] = []
  const add = (label: string, url: string | undefined) => {
    const href = safeLink(url)
    if (href && !out.some((l) => l.href === href)) out.push({ label, href })
  }
  add('Runbook', a.annotations['runbook_url'] ?? a.annotations['runbook'])
  add('Dashboard', a.annotations['dashboard_url'] ?? a.annotations['dashboard'])
  add('Source', a.generator_url)
  return out
}

const FIRST = ['severity', 'service', 'env', 'environment', 'instance', 'job', 'cluster', 'namespace']
/** Labels, the telling ones first; the name is the title already. */
export function labels(a: Pick<Alert, 'labels'>): { name: string; value: string }[] {
  const at = (n: string) => (FIRST.includes(n) ? FIRST.indexOf(n) : FIRST.length)
  return Object.entries(a.labels)
    .filter(([n]) => n !== 'alertname')
    .map(([name, value]) => ({ name, value }))
    .sort((x, y) => at(x.name) - at(y.name) || x.name.localeCompare(y.name))
}

export type AlertPage = { items: Alert[]; next_cursor?: string }
export type AlertCounts = { open: number; acknowledged: number; resolved: number }
/** What to ask the server for: what fires comes worst first. */
export function listQuery(state: string): Record<string, string> {
  if (state === 'all') return { sort: 'newest' }
  return { state: state === 'firing' ? 'live' : state, sort: state === 'resolved' ? 'newest' : 'worst' }
}
export function countOf(c: AlertCounts, state: string): number {
  if (state === 'firing') return c.open + c.acknowledged
  if (state === 'all') return c.open + c.acknowledged + c.resolved
  return c[state as keyof AlertCounts] ?? 0
}
/** "?a=b", without what is empty. */
export function query(of: Record<string, string>): string {
  const q = new URLSearchParams(Object.entries(of).filter(([, v]) => v))
  return q.size ? `?${q}` : ''
}
/** How an alert ended where that is not its source's word. */
export function endWords(a: Pick<Alert, 'state' | 'ended_by'>): string {
  if (a.state !== 'resolved') return ''
  return { person: 'resolved by hand', incident: 'ended with its incident', silence: 'not heard of any more', source: '' }[a.ended_by ?? 'source']
}
const STATES: Alert['state'][] = ['open', 'acknowledged', 'resolved']
/** Of two tellings of one alert, whether the first is at least as new: a later moment, or at the same one a later state. */
export function asNew(a: Pick<Alert, 'last_at' | 'state'>, than: Pick<Alert, 'last_at' | 'state'>): boolean {
  const by = (ms(a.last_at) ?? 0) - (ms(than.last_at) ?? 0)
  return by > 0 || (by === 0 && STATES.indexOf(a.state) >= STATES.indexOf(than.state))
}
export function countWords(n: number): string {
  return n <= 1 ? '' : `${n.toLocaleString('en')} times`
}
/** A card's snapshot, with every list there. */
export function alertFromCard(data: unknown): Alert | null {
  if (!data || typeof data !== 'object') return null
  const d = data as Partial<Alert>
  if (!d.id || !d.title) return null
  return { ...(d as Alert), labels: d.labels ?? {}, annotations: d.annotations ?? {}, abilities: d.abilities ?? {}, count: d.count ?? 1, state: d.state ?? 'open', summary: d.summary ?? '', service: d.service ?? '', environment: d.environment ?? '', severity: d.severity ?? 3, starts_at: d.starts_at ?? d.last_at ?? '', last_at: d.last_at ?? '' }
}
