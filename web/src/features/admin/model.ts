// The rules and texts of the administration screens. Pure.
import type { AlertRule, ImportResult, Role } from '@/api/types'

export const SECTIONS: { id: string; label: string; hint: string; needs: string }[] = [
  { id: 'people', label: 'People', hint: 'Accounts and roles', needs: 'manage_users' },
  { id: 'rooms', label: 'Rooms', hint: 'Team rooms, meeting rooms, lounges', needs: 'manage_rooms' },
  { id: 'services', label: 'Services and on call', hint: 'Services, rotations, overrides', needs: 'manage_services' },
  { id: 'alert-sources', label: 'Alert sources', hint: 'Where alerts come in', needs: 'manage_alert_sources' },
  { id: 'alert-rules', label: 'Alert rules', hint: 'What becomes of an alert', needs: 'manage_alert_sources' },
  { id: 'projects', label: 'Projects', hint: 'Jobs, nodes, policies, approvals', needs: 'manage_projects' },
  { id: 'access', label: 'Who may do what', hint: 'Policies, and why they answer as they do', needs: 'manage_policies' },
  { id: 'keys', label: 'Keys', hint: 'Private keys and passwords for runs', needs: 'manage_keys' },
  { id: 'gateways', label: 'Gateways', hint: 'SMS and telephone for pages', needs: 'manage_office' },
  { id: 'office', label: 'Office', hint: 'What it calls itself', needs: 'manage_office' },
]

export const ROLES: { id: Role; label: string; can: string }[] = [
  { id: 'observer', label: 'Observer', can: 'Reads public rooms, incidents and runs' },
  { id: 'responder', label: 'Responder', can: 'Writes, declares incidents, takes roles, acknowledges' },
  { id: 'operator', label: 'Operator', can: 'As responder; runs jobs, in production with approval' },
  { id: 'approver', label: 'Approver', can: 'Approves what others asked for' },
  { id: 'administrator', label: 'Administrator', can: 'Manages rooms, people, policies, keys and integrations' },
  { id: 'auditor', label: 'Auditor', can: 'Reads and exports the whole ledger' },
]
export function roleLabel(id: string): string {
  return ROLES.find((r) => r.id === id)?.label ?? id
}
/** Groups beyond the roles, as they are written. */
export function groupsOf(roles: readonly string[]): string[] {
  return roles.filter((r) => !ROLES.some((x) => x.id === r))
}
/** Duties that should not lie in one hand are allowed, but said aloud. */
export function roleConflict(roles: readonly string[]): string {
  const has = (r: Role) => roles.includes(r)
  if (has('approver') && has('operator')) return 'An operator who also approves can never approve their own runs; pairs of such people can approve each other’s.'
  if (has('auditor') && has('administrator')) return 'An auditor who is also an administrator reviews their own changes.'
  return ''
}

export function loginProblem(name: string): string {
  if (!name) return 'A login name is required.'
  if (!/^[a-z][a-z0-9._-]{1,31}$/.test(name)) return 'Use 2 to 32 small letters, digits, dots, dashes or underscores, beginning with a letter.'
  return ''
}
export function loginFrom(display: string): string {
  return display
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .trim()
    .split(/\s+/)[0]!
    .replace(/[^a-z0-9._-]/g, '')
    .slice(0, 32)
}
export function slugProblem(name: string, what: string): string {
  if (!name) return `A name for the ${what} is required.`
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(name)) return 'Use small letters, digits and dashes, such as payments-api.'
  return ''
}
export function emailProblem(email: string): string {
  return email === '' || /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email) ? '' : 'This does not look like an email address.'
}

/** What to put into alertmanager.yml for a source's URL. */
export function alertmanagerConfig(url: string, receiver: string): string {
  const name = receiver.replace(/[^A-Za-z0-9_-]/g, '-') || 'muster'
  return [
    'route:',
    `  receiver: ${name}`,
    '  group_by: [alertname, service, environment]',
    '  group_wait: 10s',
    '  group_interval: 1m',
    '  repeat_interval: 4h',
    '',
    'receivers:',
    `  - name: ${name}`,
    '    webhook_configs:',
    `      - url: '${url.replace(/'/g, "''")}'`,
    '        send_resolved: true',
    '        max_alerts: 500',
    '',
  ].join('\n')
}

export const RULE_ACTIONS: { id: AlertRule['action']; label: string; hint: string }[] = [
  { id: 'default', label: 'By severity: 1 to 3 declare, 4 attaches', hint: '' },
  { id: 'declare', label: 'Declare an incident', hint: 'or attach to the service’s open one' },
  { id: 'attach', label: 'Attach only', hint: 'to the service’s open incident, if there is one' },
  { id: 'ignore', label: 'Ignore', hint: 'drop it: nothing is stored, nobody is called' },
]
/** Examples that fit the editor: what a rule can ask about. */
export const RULE_EXAMPLES: { when: string; says: string }[] = [
  { when: 'labels.severity == "critical"', says: 'a label has a value' },
  { when: 'labels.env == "prod" && labels.team == "payments"', says: 'two conditions' },
  { when: 'labels.alertname startsWith "Swift"', says: 'a name begins with' },
  { when: '"runbook_url" in annotations', says: 'an annotation exists' },
  { when: 'source == "alertmanager-eu"', says: 'it came from a source' },
  { when: 'true', says: 'everything else' },
]
/** A rule that may declare an incident, which then may be a restricted one. */
export const declares = (r: Pick<AlertRule, 'action'>) => r.action === 'declare' || r.action === 'default'
export type RuleProblem = { field: 'name' | 'when' | 'severity' | 'groups'; text: string }
export function ruleProblem(r: AlertRule): RuleProblem | null {
  if (!r.name.trim()) return { field: 'name', text: 'Give the rule a name: it is shown where it decided something.' }
  const open = balance(r.when)
  if (open) return { field: 'when', text: open }
  const sev = String(r.severity ?? '').trim()
  if (r.action !== 'ignore' && /^\d+$/.test(sev) && !/^[1-4]$/.test(sev)) return { field: 'severity', text: 'The severity is a number from 1 to 4, a word such as critical, or an expression.' }
  if (declares(r) && r.restricted && !r.groups?.length) return { field: 'groups', text: 'Name the groups that may know of it, or nobody would.' }
  return null
}
function balance(expr: string): string {
  let depth = 0
  let quote = ''
  for (let i = 0; i < expr.length; i++) {
    const c = expr[i]!
    if (quote) {
      if (c === '\\') i++
      else if (c === quote) quote = ''
    } else if (c === '"' || c === "'" || c === '`') quote = c
    else if (c === '(' || c === '[' || c === '{') depth++
    else if (c === ')' || c === ']' || c === '}') depth--
    if (depth < 0) return 'There is a closing bracket too many.'
  }
  if (quote) return 'A quoted text is not closed.'
  return depth > 0 ? 'A bracket is not closed.' : ''
}
export function move<T>(list: readonly T[], from: number, to: number): T[] {
  if (to < 0 || to >= list.length || from === to) return [...list]
  const out = [...list]
  const [x] = out.splice(from, 1)
  if (x !== undefined) out.splice(to, 0, x)
  return out
}
export function numbered(rules: readonly AlertRule[]): AlertRule[] {
  return rules.map((r, i) => ({ ...r, position: i + 1, severity: String(r.severity ?? ''), ...(declares(r) ? {} : { restricted: false, groups: [] }) }))
}
/** The first rule that makes those after it unreachable. */
export function shadowedFrom(rules: readonly AlertRule[]): number {
  const i = rules.findIndex((r) => r.when.trim() === 'true' || r.when.trim() === '')
  return i >= 0 && i < rules.length - 1 ? i + 1 : -1
}

export function overrideProblem(from: string, until: string): string {
  const a = Date.parse(from)
  const b = Date.parse(until)
  if (!Number.isFinite(a) || !Number.isFinite(b)) return 'Give a beginning and an end.'
  if (b <= a) return 'The end lies before the beginning.'
  return ''
}

export const IMPORTS: { kind: 'jobs' | 'nodes' | 'policy' | 'approvals'; label: string; file: string; hint: string }[] = [
  { kind: 'jobs', label: 'Jobs', file: '.yaml, .yml, .json', hint: 'A job definition list in YAML, as Rundeck exports it' },
  { kind: 'nodes', label: 'Nodes', file: '.yaml, .yml, .json', hint: 'A node list in YAML or JSON' },
  { kind: 'policy', label: 'Policy', file: '.aclpolicy, .yaml, .yml', hint: 'An access policy; one wrong document does not stop the others' },
  { kind: 'approvals', label: 'Approvals', file: '.yaml, .yml', hint: 'approvals.yaml: what needs whose yes' },
]
/** "3 created, 1 updated, 2 dropped": says at once whether something was lost. */
export function importSummary(items: readonly ImportResult[]): { text: string; dropped: number } {
  const count = (r: ImportResult['result']) => items.filter((i) => i.result === r).length
  const dropped = count('dropped')
  const parts = (['created', 'updated', 'unchanged', 'dropped'] as const).flatMap((r) => (count(r) ? [`${count(r)} ${r}`] : []))
  return { text: parts.join(', ') || 'The document holds nothing to import', dropped }
}
/** What a message says before its remarks begin: a new name, or that the job cannot run. */
export function ownWords(r: ImportResult): string {
  const first = r.remarks?.[0]
  if (!first) return r.message
  const at = r.message.indexOf(first.step ? `${first.step}: ` : first.text)
  return at > 0 ? r.message.slice(0, at).trim() : ''
}
/** What the server takes at once. */
export const MAX_IMPORT = 1024 * 1024

export const KEY_TYPES: { id: 'private-key' | 'public-key' | 'password'; label: string }[] = [
  { id: 'private-key', label: 'Private key' },
  { id: 'public-key', label: 'Public key' },
  { id: 'password', label: 'Password' },
]
export function keyPathProblem(path: string): string {
  if (!path.trim()) return 'A path is required, such as keys/demo/deploy.'
  if (!/^[\w.@-]+(\/[\w.@-]+)*$/.test(path)) return 'Use letters, digits, dots, dashes and underscores, with / between folders.'
  if (path.split('/').some((p) => p === '.' || p === '..')) return 'A folder cannot be called . or ..'
  return ''
}
export function keyContentProblem(type: string, content: string): string {
  if (!content) return 'Paste the key, or choose its file.'
  if (type === 'private-key' && !content.includes('PRIVATE KEY')) return 'This does not look like a private key: it begins with -----BEGIN … PRIVATE KEY-----.'
  if (type === 'public-key' && content.includes('PRIVATE KEY')) return 'This is a private key. Choose that type, or paste the public half.'
  return ''
}
export function bytes(n: number): string {
  return n < 1024 ? `${n} B` : n < 1024 * 1024 ? `${(n / 1024).toFixed(1)} KiB` : `${(n / 1024 / 1024).toFixed(1)} MiB`
}

/** Actions the why-tool offers for a kind of thing; any other may be typed. */
export const WHY_TYPES: { id: string; label: string; actions: string[] }[] = [
  { id: 'job', label: 'Job', actions: ['read', 'run', 'kill', 'create', 'update', 'delete'] },
  { id: 'node', label: 'Node', actions: ['read', 'run'] },
  { id: 'adhoc', label: 'Ad-hoc command', actions: ['read', 'run', 'kill'] },
  { id: 'approval', label: 'Approval', actions: ['decide'] },
]
/** The same for the office as a whole. */
export const OFFICE_TYPES: { id: string; label: string; actions: string[] }[] = [
  { id: 'incident', label: 'Incident', actions: ['declare', 'read', 'update', 'command'] },
  { id: 'room', label: 'Room', actions: ['read', 'post', 'create', 'update', 'enter', 'invite', 'invite_guest', 'moderate'] },
  { id: 'alert', label: 'Alert', actions: ['read', 'acknowledge'] },
  { id: 'alert_source', label: 'Alert source', actions: ['read', 'manage'] },
  { id: 'service', label: 'Service', actions: ['read', 'manage'] },
  { id: 'user', label: 'Person', actions: ['read', 'manage'] },
  { id: 'policy', label: 'Policy', actions: ['read', 'manage'] },
  { id: 'key', label: 'Key', actions: ['read', 'manage'] },
  { id: 'project', label: 'Project', actions: ['read', 'manage', 'allow_raw'] },
  { id: 'ledger', label: 'Ledger', actions: ['read', 'export'] },
  { id: 'token', label: 'API token', actions: ['create'] },
  { id: 'floor', label: 'Floor', actions: ['read', 'create', 'update', 'delete'] },
  { id: 'recording', label: 'Recording of a call', actions: ['read'] },
  { id: 'office', label: 'Office', actions: ['read', 'manage'] },
]
export function whyQuery(f: { user: string; type: string; action: string; name: string; group: string; env: string }): Record<string, string> {
  const q: Record<string, string> = { user: f.user, action: f.action, type: f.type }
  if (f.name) q['name'] = f.name
  if (f.group) q['group'] = f.group
  if (f.env) q['environment'] = f.env
  return q
}
