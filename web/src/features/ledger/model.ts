// The sealed record as an auditor reads it. Pure.
import type { LedgerRecord } from '@/api/types'

export const KINDS: { id: string; label: string }[] = [
  { id: '', label: 'Every kind' },
  { id: 'incident.', label: 'Incidents' },
  { id: 'alert.', label: 'Alerts' },
  { id: 'run.', label: 'Runs' },
  { id: 'approval.', label: 'Approvals' },
  { id: 'access.', label: 'Policies and denials' },
  { id: 'account.', label: 'Accounts' },
  { id: 'key.', label: 'Keys' },
  { id: 'job.', label: 'Jobs' },
  { id: 'node.', label: 'Nodes' },
  { id: 'oncall.', label: 'On call' },
  { id: 'office.', label: 'Office' },
  { id: 'room.', label: 'Rooms' },
]
/** `text` is looked for in what a row shows; `from` and `to` are days. */
export type Filter = { kind: string; actor: string; incident: string; outcome: string; text: string; from: string; to: string }
export const NO_FILTER: Filter = { kind: '', actor: '', incident: '', outcome: '', text: '', from: '', to: '' }
/** The days as moments, both included, in this browser's time; what is no day yet narrows nothing. */
export function span(f: Pick<Filter, 'from' | 'to'>): { from?: string; to?: string } {
  const at = (day: string, plus: number) => {
    const m = /^(\d{4})-(\d\d)-(\d\d)$/.exec(day)
    return m && Number(m[1]) > 1999 ? new Date(Number(m[1]), Number(m[2]) - 1, Number(m[3]) + plus).toISOString() : undefined
  }
  const [from, to] = [at(f.from, 0), at(f.to, 1)]
  return { ...(from ? { from } : {}), ...(to ? { to } : {}) }
}
export function isFiltered(f: Filter): boolean {
  return Object.values(f).some((v) => v !== '')
}
/** Person, incident and days are narrowed by the server; kinds by group, the outcome and words here. `shown` is what the row says. */
export function matchRecord(r: LedgerRecord, f: Filter, shown: (r: LedgerRecord) => string = () => ''): boolean {
  if (f.kind && (f.kind.endsWith('.') ? !r.kind.startsWith(f.kind) : r.kind !== f.kind)) return false
  if (f.outcome && r.outcome !== f.outcome) return false
  const terms = f.text.toLowerCase().split(/\s+/).filter(Boolean)
  if (terms.length) {
    const words = `${r.n} ${r.kind} ${kindWords(r.kind)} ${r.actor_name} ${r.resource} ${about(r)} ${shown(r)}`.toLowerCase()
    if (!terms.every((t) => words.includes(t))) return false
  }
  return true
}

export function kindWords(kind: string): string {
  const words = kind
    .replace(/[._-]/g, ' ')
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .trim()
    .toLowerCase()
  return words ? words[0]!.toUpperCase() + words.slice(1) : 'Event'
}
export function doorWords(door: string): string {
  const known: Record<string, string> = { web: 'Web app', api: 'API', cli: 'Command line', chat: 'Chat command', task: 'By itself', hook: 'Webhook', media: 'Voice' }
  return known[door] ?? door
}
export function outcomeWords(outcome: string): { text: string; tone: 'green' | 'red' | 'amber' | 'mute' } {
  switch (outcome) {
    case 'denied':
      return { text: 'Denied', tone: 'red' }
    case 'failed':
      return { text: 'Failed', tone: 'amber' }
    case '':
    case 'done':
      return { text: 'Done', tone: 'green' }
    default:
      return { text: outcome, tone: 'mute' }
  }
}
export function shortHash(hash = ''): string {
  return hash.length > 14 ? `${hash.slice(0, 6)}…${hash.slice(-6)}` : hash
}

/** A field's value for reading. Secret fields arrive as a commitment, and say so. */
export function fieldText(value: unknown): { text: string; sealed: boolean } {
  if (value && typeof value === 'object' && !Array.isArray(value)) {
    const o = value as Record<string, unknown>
    const commitment = o['commitment'] ?? o['sealed']
    if (typeof commitment === 'string') return { text: commitment, sealed: true }
  }
  if (value === null || value === undefined || value === '') return { text: '–', sealed: false }
  if (typeof value === 'string') return { text: value, sealed: false }
  if (typeof value === 'number' || typeof value === 'boolean') return { text: String(value), sealed: false }
  return { text: JSON.stringify(value, null, 2), sealed: false }
}
export function fieldName(name: string): string {
  const w = name.replace(/_/g, ' ')
  return w ? w[0]!.toUpperCase() + w.slice(1) : name
}
/** One line under the kind: what it was about. Ids are told by name where `name` knows them. */
export function about(r: LedgerRecord, name: (kind: string, id: string) => string | undefined = () => undefined): string {
  const f = r.fields ?? {}
  const parts = ['ticket', 'title', 'name', 'job', 'command', 'stage', 'role', 'reason', 'action']
    .map((k) => f[k])
    .filter((v): v is string | number => (typeof v === 'string' && v !== '') || typeof v === 'number')
    .map(String)
  if (parts.length > 0) return [...new Set(parts)].slice(0, 3).join(' · ')
  return resourceWords(r.resource, name)
}
/** What a record is about, by name where it has one; an id nobody knows is cut to what tells it from others. */
export function resourceWords(resource = '', name: (kind: string, id: string) => string | undefined = () => undefined): string {
  const cut = resource.indexOf(':')
  if (cut < 0) return resource
  const [kind, id] = [resource.slice(0, cut), resource.slice(cut + 1)]
  return name(kind, id) ?? (/^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(id) ? `${kindWords(kind)} …${id.slice(-6)}` : resource)
}
/** Who did it: people by their name, and what the server does by itself by the server's. */
/** What the server is called by what it does. */
const OWN = new Set(['', 'system', 'muster', 'run', 'call', 'incident', 'alert', 'office', 'oncall', 'room', 'task', 'notify', 'approval', 'ledger', 'schedule'])
export const actorWords = (r: Pick<LedgerRecord, 'actor_name' | 'door'>, display: (login: string) => string | undefined): string =>
  display(r.actor_name) ?? (r.actor_name === 'console' ? 'Console' : OWN.has(r.actor_name) || r.door === 'task' ? 'Muster' : r.actor_name)
/** Rows of a comma-separated export, times in UTC, quoted so that a spreadsheet takes nothing as a formula. */
export function toCSV(records: readonly LedgerRecord[]): string {
  const head = ['n', 'id', 'at_utc', 'kind', 'actor', 'resource', 'room', 'incident', 'project', 'door', 'outcome', 'hash', 'fields', 'session', 'token', 'via', 'address']
  const rows = records.map((r) => [r.n, r.id, r.at, r.kind, r.actor_name, r.resource, r.room, r.incident, r.project, r.door, r.outcome, r.hash ?? '', JSON.stringify(r.fields), r.session ?? '', r.token ?? '', r.via_name ?? '', r.address ?? ''])
  return [head, ...rows].map((row) => row.map((c) => cell(String(c ?? ''))).join(',')).join('\r\n') + '\r\n'
}
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe
}
export function verifyCommands(): { text: string; command: string }[] {
  return [
    { text: 'Check the whole record in the data folder. No server needs to run, no network is used.', command: 'muster ledger verify --data DIR' },
    { text: 'Check also that the end was not cut off, against a checkpoint you kept elsewhere.', command: 'muster ledger verify --data DIR --checkpoint checkpoint.txt' },
  ]
}
