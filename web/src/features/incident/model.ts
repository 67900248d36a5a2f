// An incident in words: where it stands, who is coming, what the clocks say. Pure.
import type { Incident, IncidentRoleName, Metric, Page, Presence, Stage, TimelineEntry } from '@/api/types'
import { clock, length, ms } from '@/lib/time'

export { awaitsAck } from '@/lib/awaits'

export const STAGES: { id: Stage; label: string }[] = [
  { id: 'declared', label: 'Declared' },
  { id: 'triage', label: 'Triage' },
  { id: 'mitigating', label: 'Mitigating' },
  { id: 'monitoring', label: 'Monitoring' },
  { id: 'resolved', label: 'Resolved' },
]
export function stageLabel(stage: Stage): string {
  return stage === 'closed' ? 'Closed' : (STAGES.find((s) => s.id === stage)?.label ?? stage)
}
export function stageIndex(stage: Stage): number {
  return stage === 'closed' ? STAGES.length : STAGES.findIndex((s) => s.id === stage)
}
/** The stages it really stood in, as its timeline tells: forward also goes by skipping. */
export function stagesSeen(entries: readonly TimelineEntry[]): Set<unknown> {
  const seen = new Set<unknown>(['declared'])
  for (const { kind, data } of entries) if (kind === 'incident.stage') seen.add(data.from).add(data.to)
  return seen
}
/** The button that moves it on, in words; a closed incident can be reopened. */
export function nextStage(stage: Stage): { to: Stage; label: string } {
  switch (stage) {
    case 'declared':
      return { to: 'triage', label: 'Move to triage' }
    case 'triage':
      return { to: 'mitigating', label: 'Move to mitigating' }
    case 'mitigating':
      return { to: 'monitoring', label: 'Move to monitoring' }
    case 'monitoring':
      return { to: 'resolved', label: 'Resolve' }
    case 'resolved':
      return { to: 'closed', label: 'Close the incident' }
    default:
      return { to: 'triage', label: 'Reopen' }
  }
}
export function isOpen(i: Pick<Incident, 'stage'>): boolean {
  return i.stage !== 'resolved' && i.stage !== 'closed'
}

/** How long it has been open, or was. */
export function openFor(i: Pick<Incident, 'times' | 'stage'>, now: number): number {
  const start = ms(i.times.declared) ?? now
  const end = isOpen(i) ? now : (ms(i.times.resolved) ?? ms(i.times.closed) ?? now)
  return Math.max(0, end - start)
}

export const SEVERITIES: { value: number; label: string; hint: string }[] = [
  { value: 1, label: 'SEV-1', hint: 'A critical service is down or money is at risk' },
  { value: 2, label: 'SEV-2', hint: 'A service is badly degraded' },
  { value: 3, label: 'SEV-3', hint: 'Limited effect, work around exists' },
  { value: 4, label: 'SEV-4', hint: 'No customer notices yet' },
]

export const ROLES: { id: IncidentRoleName; label: string; does: string }[] = [
  { id: 'commander', label: 'Commander', does: 'decides and keeps the overview' },
  { id: 'operations', label: 'Operations', does: 'works on the fix' },
  { id: 'communications', label: 'Communications', does: 'tells those outside the room' },
  { id: 'scribe', label: 'Scribe', does: 'keeps the timeline' },
  { id: 'liaison', label: 'Liaison', does: 'speaks with other teams and regulators' },
]
export function holders(i: Pick<Incident, 'roles'>): Map<IncidentRoleName, string> {
  return new Map(i.roles.map((r) => [r.role, r.user_id]))
}
export function rolesOf(i: Pick<Incident, 'roles'>, userId: string): string[] {
  return i.roles.filter((r) => r.user_id === userId).map((r) => ROLES.find((x) => x.id === r.role)?.label ?? r.role)
}

export type Response = 'here' | 'coming' | 'seen' | 'paged' | 'away'
export const RESPONSES: { id: Response; label: string; word: string }[] = [
  { id: 'here', label: 'In the room', word: 'here' },
  { id: 'coming', label: 'On the way', word: 'on the way' },
  { id: 'seen', label: 'Saw the page', word: 'seen' },
  { id: 'paged', label: 'Paged, no answer yet', word: 'paged' },
  { id: 'away', label: 'Not here', word: 'not here' },
]
export type Responder = { userId: string; response: Response; since: string; detail: string; roles: string[]; /** how a page of theirs went out */ ways: Way[] }
export type Way = { channel: string; text: string; bad: boolean; tries: string[] }

/**
 * Everyone who should be in the room and where they are: paged people, role holders and those who came by themselves.
 * One person has one line, with the most telling state.
 */
export function responders(i: Incident, presence: readonly Presence[]): Responder[] {
  const at = new Map(presence.map((p) => [p.user_id, p]))
  const out = new Map<string, Responder>()
  const here = (id: string) => {
    const p = at.get(id)
    return !!p && p.room_id === i.room.id && p.state !== 'offline'
  }
  for (const page of latestPages(i.pages)) {
    out.set(page.user_id, { userId: page.user_id, roles: rolesOf(i, page.user_id), ...answer(page, here(page.user_id)), ways: ways(page).filter((w) => !page.acknowledged_at || w.bad) })
  }
  for (const r of i.roles) {
    if (out.has(r.user_id)) continue
    const present = here(r.user_id)
    out.set(r.user_id, { userId: r.user_id, response: present ? 'here' : 'away', since: (present && at.get(r.user_id)?.since) || '', detail: present ? '' : 'Has a role, is not in the room', roles: rolesOf(i, r.user_id), ways: [] })
  }
  for (const p of presence) {
    if (p.room_id !== i.room.id || p.state === 'offline' || out.has(p.user_id)) continue
    out.set(p.user_id, { userId: p.user_id, response: 'here', since: p.since ?? '', detail: '', roles: [], ways: [] })
  }
  const order = (r: Responder) => RESPONSES.findIndex((x) => x.id === r.response)
  return [...out.values()].sort((a, b) => order(a) - order(b) || Number(b.roles.length > 0) - Number(a.roles.length > 0) || a.since.localeCompare(b.since))
}
function answer(page: Page, here: boolean): { response: Response; since: string; detail: string } {
  // Level 0 is somebody paged by hand, 1 who is on call; beyond it somebody did not answer.
  const level = page.level > 1 ? `, level ${page.level}` : ''
  if (here) return { response: 'here', since: page.joined_at ?? page.acknowledged_at ?? page.paged_at, detail: '' }
  if (page.joined_at) return { response: 'away', since: page.joined_at, detail: 'Was here and left' }
  switch (page.state) {
    case 'acknowledged':
      return { response: 'coming', since: page.acknowledged_at ?? page.paged_at, detail: `Acknowledged${level}` }
    case 'seen':
      return { response: 'seen', since: page.seen_at ?? page.paged_at, detail: `Saw the page${level}` }
    case 'declined':
      return { response: 'away', since: page.paged_at, detail: 'Declined the page' }
    case 'escalated':
      return { response: 'away', since: page.paged_at, detail: 'Did not answer, passed on' }
    default:
      return { response: 'paged', since: page.paged_at, detail: `No answer yet${level}` }
  }
}
/** How a page went out beyond the browser, each way in a line, with its tries. */
export function ways(page: Page): Way[] {
  return page.channel_states
    .filter((d) => d.channel !== 'app')
    .map((d) => {
      const name = d.name || (d.channel === 'email' ? 'Email' : d.channel)
      const bad = d.state === 'failed' || d.state === 'off' || (d.state === 'queued' && !!d.attempts)
      const word = { sent: 'sent', failed: 'failed', off: 'not sent', skipped: 'not needed', queued: d.attempts ? 'not sent yet' : 'waits' }[d.state]
      const tries = (d.tries ?? []).map((t) => `${clock(t.at, true)}: ${t.sent ? 'sent' : t.error}${t.answer ? `, it answered: ${t.answer}` : ''}`)
      return { channel: d.channel, bad, text: `${name}: ${word}${d.error && d.state !== 'skipped' ? `. ${d.error}` : ''}`, tries }
    })
}
function latestPages(pages: readonly Page[]): Page[] {
  const last = new Map<string, Page>()
  for (const p of pages) {
    const before = last.get(p.user_id)
    if (!before || before.paged_at <= p.paged_at) last.set(p.user_id, p)
  }
  return [...last.values()]
}
/** "2 here, 1 on the way, 1 not here": the numbers add up to the list below them. */
export function responseSummary(list: readonly Responder[]): string {
  const parts = RESPONSES.flatMap((r) => {
    const n = list.filter((x) => x.response === r.id).length
    return n ? [`${n} ${r.word}`] : []
  })
  return parts.join(', ') || 'nobody called yet'
}

export type Tone = 'red' | 'green' | 'amber' | 'blue' | 'violet' | 'teal' | 'mute'
export type Mark = { icon: 'alert' | 'ok' | 'flag' | 'stage' | 'person' | 'page' | 'run' | 'approve' | 'note' | 'pin' | 'room' | 'role' | 'dot'; tone: Tone }
/** The mark beside a timeline entry; the sentence says the same in words. */
export function mark(e: Pick<TimelineEntry, 'kind' | 'data'>): Mark {
  const failed = e.data && typeof e.data === 'object' && (e.data.state === 'failed' || e.data.outcome === 'failed')
  const k = e.kind
  if (k === 'alert.resolved') return { icon: 'ok', tone: 'green' }
  if (k.startsWith('alert.')) return { icon: 'alert', tone: 'red' }
  if (k === 'incident.first_responder') return { icon: 'person', tone: 'teal' }
  if (k === 'page.nobody') return { icon: 'page', tone: 'red' }
  if (k === 'incident.declared') return { icon: 'flag', tone: 'red' }
  if (k === 'incident.stage') return { icon: 'stage', tone: 'amber' }
  if (k === 'incident.role') return { icon: 'role', tone: 'blue' }
  if (k.startsWith('incident.')) return { icon: 'flag', tone: 'amber' }
  if (k === 'page.acknowledged') return { icon: 'ok', tone: 'green' }
  if (k.startsWith('page.') || k.startsWith('notify.')) return { icon: 'page', tone: 'amber' }
  if (k === 'run.approved' || k.startsWith('approval.')) return { icon: 'approve', tone: k.includes('declin') ? 'red' : 'green' }
  if (k.startsWith('run.')) return { icon: 'run', tone: failed ? 'red' : 'violet' }
  if (k.startsWith('followup.')) return { icon: 'note', tone: 'teal' }
  if (k === 'note') return { icon: 'note', tone: 'blue' }
  if (k === 'pin' || k.startsWith('message.')) return { icon: 'pin', tone: 'blue' }
  if (k.startsWith('room.')) return { icon: 'room', tone: 'mute' }
  if (k.startsWith('office.') || k.startsWith('get.')) return { icon: 'person', tone: 'teal' }
  return { icon: 'dot', tone: 'mute' }
}
export const TIMELINE_FILTERS: { id: string; label: string; test: (kind: string) => boolean }[] = [
  { id: 'all', label: 'All', test: () => true },
  { id: 'people', label: 'People', test: (k) => k.startsWith('page.') || k.startsWith('office.') || k.startsWith('get.') || k === 'incident.role' || k === 'incident.first_responder' },
  { id: 'actions', label: 'Actions', test: (k) => k.startsWith('run.') || k.startsWith('approval.') || k.startsWith('incident.stage') },
  { id: 'signals', label: 'Signals', test: (k) => k.startsWith('alert.') },
  { id: 'notes', label: 'Notes', test: (k) => k === 'note' || k === 'pin' || k.startsWith('followup.') || k.startsWith('message.') },
]
/** The newest first for the panel; ties keep the order they were recorded in. */
export function newestFirst(items: readonly TimelineEntry[]): TimelineEntry[] {
  return items.map((e, i) => ({ e, i })).sort((a, b) => b.e.at.localeCompare(a.e.at) || b.i - a.i).map((x) => x.e)
}
/** Those who came one after the other are one line, from three on. */
export function folded(items: readonly TimelineEntry[]): (TimelineEntry & { who?: string[] })[] {
  const out: (TimelineEntry & { who?: string[] })[] = []
  for (let n = 0; n < items.length; ) {
    let end = n
    while (items[end]?.kind === 'office.entered') end++
    const who = [...new Set(items.slice(n, end).map((e) => e.actor.name))]
    if (who.length > 2) out.push({ ...items[n]!, text: `${who.length} came in`, who })
    else out.push(...items.slice(n, Math.max(end, n + 1)))
    n = Math.max(end, n + 1)
  }
  return out
}
/** A link of the timeline inside the app, apart into path and fragment; anything else is no link. */
export function insideLink(link: string | null | undefined): { to: string; hash?: string } | null {
  if (!link || !/^\/(?!\/)/.test(link)) return null
  const [to = '/', hash] = link.split('#')
  return hash ? { to, hash } : { to }
}
const CHANGES: ReadonlySet<string> = new Set(['run.finished', 'run.started', 'incident.stage', 'incident.severity'])
/** The last change that altered something: a run, an approval, a stage. */
export function lastChange(items: readonly TimelineEntry[]): TimelineEntry | null {
  return newestFirst(items).find((e) => CHANGES.has(e.kind)) ?? null
}

/** A metric as a number or as the reason why there is none. A close never stands in for an acknowledgement. */
export function metricText(m: Metric): { value: string; why: string } {
  if (m.seconds === null) return { value: '–', why: m.missing.length > 0 ? `Missing: ${m.missing.map(stampWord).join(', ')}` : 'Not yet known' }
  return { value: length(m.seconds * 1000), why: '' }
}
const METRIC_NAMES: Record<string, string> = { MTTD: 'MTTD', MTTA: 'MTTA', time_to_muster: 'Time to muster', MTTM: 'MTTM', MTTR: 'MTTR' }
export function metricName(m: Pick<Metric, 'name' | 'title'>): string {
  return METRIC_NAMES[m.name] ?? m.title
}
const STAMPS: Record<string, string> = { impact_started: 'impact started', first_signal: 'first signal', detected: 'detected', declared: 'declared', acknowledged: 'acknowledged', first_responder: 'first responder in the room', mitigated: 'mitigated', resolved: 'resolved', closed: 'closed' }
export const STAMP_NAMES = Object.keys(STAMPS)
export function stampWord(name: string): string {
  return STAMPS[name] ?? name.replace(/_/g, ' ')
}
/** The newest of what its clocks say. */
export function lastStep(i: Pick<Incident, 'times'>): { name: string; at: string } | undefined {
  return Object.entries(i.times)
    .flatMap(([name, at]) => (typeof at === 'string' && STAMPS[name] ? [{ name, at }] : []))
    .reduce<{ name: string; at: string } | undefined>((a, b) => (a && (ms(a.at) ?? 0) > (ms(b.at) ?? 0) ? a : b), undefined)
}
/** In words, when the server sends none. */
export function formula(m: Metric): string {
  return m.formula || `${stampWord(m.to.name)} − ${stampWord(m.from.name)}`
}

/** The ticket's address, if it is one that may be followed. */
export function safeTicket(url: string): string | null {
  try {
    const u = new URL(url)
    return u.protocol === 'https:' || u.protocol === 'http:' ? u.href : null
  } catch {
    return null
  }
}

export function matchIncident(i: Incident, text: string): boolean {
  const terms = text.toLowerCase().split(/\s+/).filter(Boolean)
  const hay = `${i.ticket} ${i.title} ${i.service} ${i.environment} sev-${i.severity} ${stageLabel(i.stage)}`.toLowerCase()
  return terms.every((t) => hay.includes(t))
}
/** Worst first, and of the same severity the newest: what has just begun must not stand below the fold. */
export function bySeverity(a: Incident, b: Incident): number {
  return a.severity - b.severity || b.times.declared.localeCompare(a.times.declared)
}
export type Declaring = { title: string; severity: number; service: string; environment: string; summary: string; mode: Incident['mode']; restricted: boolean; groups: readonly string[]; gathers: boolean }
/** Whether alerts may join by wish: they are of real trouble, of a service, and heard by everybody who may read them. */
export function canGather(d: Pick<Declaring, 'service' | 'mode' | 'restricted'>): boolean {
  return d.service !== '' && d.mode === 'real' && !d.restricted
}
/** What is sent to declare; what was not chosen is left to the server. */
export function declaration(d: Declaring) {
  return {
    title: d.title.trim(),
    severity: d.severity,
    service: d.service || undefined,
    environment: d.environment || undefined,
    summary: d.summary.trim() || undefined,
    mode: d.mode === 'real' ? undefined : d.mode,
    restricted: d.restricted || undefined,
    groups: d.restricted && d.groups.length > 0 ? d.groups : undefined,
    gathers: (canGather(d) && d.gathers) || undefined,
  }
}
export type OpenThing = { kind: 'alert' | 'run'; id: string; title: string; state: string; link: string }
/** One thing that still goes on, in words. */
export function openWord(t: Pick<OpenThing, 'kind' | 'title' | 'state'>): string {
  if (t.kind === 'alert') return t.state === 'acknowledged' ? 'still fires, acknowledged' : 'still fires'
  return { waiting: 'waits for approval', unknown: 'has no known end', queued: 'is about to start' }[t.state] ?? 'is running'
}
/** What came of one act on several: how many it was done for, and why not for the others. */
export function outcomes(results: readonly { ticket: string; error: string }[], done: string): { text: string; failed: string[] } {
  const failed = results.filter((r) => r.error).map((r) => `${r.ticket}: ${r.error}`)
  const n = results.length - failed.length
  return { text: `${n} of ${results.length} ${done}`, failed }
}
/** A title a form accepts, or what to change. */
export function titleProblem(title: string): string {
  const t = title.trim()
  if (!t) return 'Say in a few words what is wrong: it becomes the name of the room.'
  if (t.length > 120) return `Keep the title under 120 characters (now ${t.length}); the summary has room for more.`
  return ''
}
/** Local time typed into a datetime field, as the API wants it; empty when it is not a time. */
export function fromLocalInput(value: string): string {
  const n = Date.parse(value)
  return Number.isFinite(n) ? new Date(n).toISOString() : ''
}
export function toLocalInput(at: string | null | undefined): string {
  const n = ms(at)
  if (n === null) return ''
  const d = new Date(n)
  const p = (x: number) => String(x).padStart(2, '0')
  return `${d.getFullYear()}-${p(d.getMonth() + 1)}-${p(d.getDate())}T${p(d.getHours())}:${p(d.getMinutes())}:${p(d.getSeconds())}`
}

/** A due date in words. */
export function dueWord(due: string, now: Date): { text: string; late: boolean } {
  const [y = 0, m = 1, d = 1] = due.split('-').map(Number)
  const days = Math.round((Date.UTC(y, m - 1, d) - Date.UTC(now.getFullYear(), now.getMonth(), now.getDate())) / 86_400_000)
  const text = days === 0 ? 'due today' : days === 1 ? 'due tomorrow' : days === -1 ? 'due yesterday' : days < 0 ? `${-days} days late` : `due ${due}`
  return { text, late: days < 0 }
}
