// The rules of a job's options, as the server applies them, said next to the field before anything is sent. The server's
// answer stays the last word.
import type { JobOption } from '@/api/types'

export type Option = JobOption

export type Values = Record<string, string | string[]>
export type Problem = { option: string; message: string }

export function labelOf(o: Pick<Option, 'label' | 'name'>): string {
  return o.label || o.name
}

/** How a field is drawn; decided once, here. */
export function control(o: Option): 'password' | 'choices' | 'many' | 'select' | 'suggest' | 'date' | 'text' | 'none' {
  if (o.hidden) return 'none'
  if (o.secure) return 'password'
  if (o.multivalued) return o.values.length > 0 && o.enforced ? 'choices' : 'many'
  if (o.is_date || o.type === 'date') return 'date'
  if (o.values.length > 0) return o.enforced ? 'select' : 'suggest'
  return 'text'
}

/** What the job takes for an option that is left out: of several values perhaps all. */
const byDefault = (o: Option): string => (o.multivalued && o.all_selected && o.values.length > 0 ? o.values.join(o.delimiter || ',') : o.default)

export function defaults(options: readonly Option[]): Values {
  const out: Values = {}
  for (const o of options) {
    if (o.secure) out[o.name] = ''
    else if (control(o) === 'choices') out[o.name] = splitMany(byDefault(o), o)
    else out[o.name] = byDefault(o)
  }
  return out
}

/** The values of a run that was, for its job’s form. Secrets were not kept; an option that is gone is left out. */
export function fromRun(options: readonly Option[], was: Record<string, string>): Values {
  const out = defaults(options)
  for (const o of options) {
    if (o.secure) continue
    const v = was[o.name] ?? ''
    out[o.name] = control(o) === 'choices' ? splitMany(v, o) : v
  }
  return out
}

/** Options without a value that the node filter is made of: until they have one, nobody knows the nodes. */
export function neededForNodes(filter: string, options: readonly Option[], values: Values): string[] {
  return options
    .filter((o) => filter.includes(`\${option.${o.name}}`) && !o.secure && several(o, values[o.name]).length === 0)
    .map(labelOf)
}

/** Nodes that start unticked: of a run that was all but its own; of a job whose nodes are picked by hand all of them. */
export function leftAtFirst(found: readonly string[], was: readonly string[] | undefined, unselected: boolean): ReadonlySet<string> {
  if (was) return new Set(was.length > 0 ? found.filter((n) => !was.includes(n)) : [])
  return new Set(unselected ? found : [])
}

/** Nodes to name when some of those the filter found are left out; none when all of them run. */
export function chosenNodes(found: readonly string[], left: ReadonlySet<string>): string[] {
  const out = found.filter((n) => !left.has(n))
  return out.length === found.length ? [] : out
}

export function splitMany(text: string, o: Pick<Option, 'delimiter'>): string[] {
  const by = o.delimiter || ','
  return text
    .split(by)
    .map((v) => v.trim())
    .filter(Boolean)
}

export function validate(options: readonly Option[], values: Values): Problem[] {
  return options.flatMap((o) => {
    const message = problem(o, values[o.name])
    return message ? [{ option: o.name, message }] : []
  })
}

export function problem(o: Option, value: string | string[] | undefined): string {
  const list = several(o, value)
  const label = labelOf(o)
  if (list.length === 0) return o.required && !o.stored ? `${label} is required.` : ''
  const single = list.length > 1 && !o.multivalued
  if (single) return `${label} takes one value.`
  for (const v of list) {
    if (o.enforced && o.values.length > 0 && !o.values.includes(v)) return `“${v}” is not one of the allowed values: ${o.values.join(', ')}.`
    if (o.regex && !o.secure) {
      const ok = fullMatch(o.regex, v)
      if (ok === false) return `“${v}” does not match the pattern ${o.regex}.`
    }
    if ((o.is_date || o.type === 'date') && v && !looksLikeDate(v, o.date_format)) return `${label} is a date like ${dateExample(o.date_format)}.`
  }
  return ''
}

/** The values a field holds; several typed into one field are separated by the option's delimiter. */
function several(o: Option, value: string | string[] | undefined): string[] {
  if (Array.isArray(value)) return value
  if (!value) return []
  return o.multivalued && !o.secure ? splitMany(value, o) : [value]
}

/** A pattern this browser cannot read is left to the server. */
function fullMatch(pattern: string, value: string): boolean | null {
  try {
    return new RegExp(`^(?:${pattern})$`, 'u').test(value)
  } catch {
    return null
  }
}

const PARTS: [RegExp, string, string][] = [
  [/YYYY|yyyy/g, '\\d{4}', '2026'],
  [/MM/g, '\\d{2}', '11'],
  [/DD|dd/g, '\\d{2}', '22'],
  [/HH|hh/g, '\\d{2}', '14'],
  [/mm/g, '\\d{2}', '30'],
  [/ss/g, '\\d{2}', '00'],
  [/\ba\b/g, '[aApP][mM]', 'PM'],
]
export function looksLikeDate(value: string, format: string): boolean {
  if (!format) return !Number.isNaN(Date.parse(value))
  let pattern = format.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  for (const [part, re] of PARTS) pattern = pattern.replace(part, re)
  return new RegExp(`^${pattern}$`).test(value)
}
export function dateExample(format: string): string {
  let out = format || 'YYYY-MM-DD'
  for (const [part, , example] of PARTS) out = out.replace(part, example)
  return out
}

/** What one types in a room for the same run. Secure values never appear in it. */
export function asCommand(job: string, options: readonly Option[], values: Values, filter: string): string {
  const parts = [`/run ${quote(job)}`]
  for (const o of options) {
    const v = values[o.name]
    const text = Array.isArray(v) ? v.join(o.delimiter || ',') : (v ?? '')
    if (o.secure || o.hidden || text === byDefault(o)) continue
    parts.push(`${o.name}=${quote(text)}`)
  }
  if (filter) parts.push(quote(filter))
  return parts.join(' ')
}
function quote(v: string): string {
  return v === '' || /^[\w@%+=:,./-]+$/.test(v) ? v : `'${v.replace(/'/g, `'\\''`)}'`
}

/** Values to send: empty ones are left out, unless they were emptied: what is left out takes the job's default. */
export function toSend(options: readonly Option[], values: Values): Values {
  const out: Values = {}
  for (const o of options) {
    const v = values[o.name]
    const list = several(o, v)
    if (list.length === 0) {
      if (!o.secure && byDefault(o)) out[o.name] = ''
      continue
    }
    out[o.name] = o.multivalued && !o.secure ? list : list[0]!
  }
  return out
}

/** Job names as a tree by group, sorted; "payments/eu" lies under "payments". */
export type JobGroup<T> = { group: string; jobs: T[] }
export function byGroup<T extends { group: string; name: string }>(jobs: readonly T[]): JobGroup<T>[] {
  const groups = new Map<string, T[]>()
  for (const j of [...jobs].sort((a, b) => a.group.localeCompare(b.group) || a.name.localeCompare(b.name))) {
    const g = groups.get(j.group)
    if (g) g.push(j)
    else groups.set(j.group, [j])
  }
  return [...groups].map(([group, list]) => ({ group, jobs: list }))
}
