// The rows of a timeline: messages with dividers between days, at the first unread one, and the posts
// that are still on their way. Pure.
import type { Message } from '@/api'
import { ms, sameDay } from '@/lib/time'
import type { Pending } from '@/realtime'

export type Row =
  | { kind: 'start'; key: string }
  | { kind: 'older'; key: string }
  | { kind: 'day'; key: string; at: string }
  | { kind: 'new'; key: string; count: number; since: string }
  | { kind: 'message'; key: string; m: Message; head: boolean; latest: boolean }
  | { kind: 'pending'; key: string; p: Pending; head: boolean }

const GROUP = 5 * 60_000
/** How many rows from the bottom a card may stand and still be shown in full. */
export const LATEST = 5

export type RowsInput = {
  messages: readonly Message[]
  pending: readonly Pending[]
  hasBefore: boolean
  /** What I had read when I came, and how much was new then; null when nothing was. */
  came: Came | null
  me: string
}
export type Came = { read: number; count: number }

/** Lines that say that people talk are nothing to be read (internal/room, QuietAuthor). */
const QUIET = 'system:call'
const isNew = (m: Message, read: number, me: string) => m.seq > read && m.author.id !== me && m.author.id !== QUIET && !m.deleted

export function rows({ messages, pending, hasBefore, came, me }: RowsInput): Row[] {
  const out: Row[] = [{ kind: hasBefore ? 'older' : 'start', key: 'top' }]
  const fresh = came ? messages.findIndex((m) => isNew(m, came.read, me)) : -1
  // What was read ends here only where it is seen to end.
  const firstNew = fresh > 0 || (fresh === 0 && !hasBefore) ? messages[fresh] : undefined
  // What was refused keeps its place in time; what is still on its way comes last.
  const refused = pending.filter((p) => p.state === 'failed')
  let placed = 0
  const place = (before: number) => {
    for (; placed < refused.length && refused[placed]!.after < before; placed++) out.push({ kind: 'pending', key: 'p-' + refused[placed]!.key, p: refused[placed]!, head: true })
  }
  let before: Message | undefined
  messages.forEach((m, i) => {
    const sofar = out.length
    place(m.seq)
    const newDay = !before || !sameDay(before.created_at, m.created_at)
    if (newDay) out.push({ kind: 'day', key: 'day-' + m.created_at.slice(0, 10) + (before ? '' : '-first'), at: m.created_at })
    if (m === firstNew) out.push({ kind: 'new', key: 'new', count: came!.count, since: m.created_at })
    out.push({
      kind: 'message',
      key: m.id,
      m,
      head: newDay || m === firstNew || out.length > sofar || !follows(before!, m),
      latest: messages.length - i <= LATEST,
    })
    before = m
  })
  place(Infinity)
  const going = pending.filter((p) => p.state !== 'failed')
  going.forEach((p, i) => {
    const last = i === 0 ? before : undefined
    const head = !!p.thread || (i === 0 && !(last && out.at(-1)?.key === last.id && last.kind === 'text' && last.author.id === me && !last.thread && near(last.created_at, p.at) && !last.replies?.length))
    out.push({ kind: 'pending', key: 'p-' + p.key, p, head })
  })
  return out
}

/** A message goes on from the one before: same author, soon after, nothing between. */
const follows = (a: Message, b: Message): boolean =>
  a.kind !== 'system' && b.kind !== 'system' && a.author.id === b.author.id && near(a.created_at, b.created_at) && !a.replies?.length
const near = (a: string, b: string) => Math.abs((ms(b) ?? 0) - (ms(a) ?? 0)) < GROUP

/** Where a message (or the root it answers) stands among the rows; -1 when it isn't loaded. */
export const rowOf = (list: readonly Row[], messageId: string): number =>
  list.findIndex((r) => r.kind === 'message' && (r.m.id === messageId || r.m.replies?.some((x) => x.id === messageId)))

/** My latest message that may still be changed: what the Up key edits. */
export const lastOwn = (messages: readonly Message[], me: string): Message | undefined =>
  messages.findLast((m) => m.kind === 'text' && m.author.id === me && !m.deleted && m.abilities?.edit)

/** Rows grew at the top: the list then keeps its place from the end. */
export function grewAtTop(old: readonly Row[], next: readonly Row[]): boolean {
  const first = old.find((r) => r.kind === 'message')
  const now = next.find((r) => r.kind === 'message')
  return !!first && !!now && first.key !== now.key && next.some((r) => r.key === first.key)
}

/** "Jonas is writing", for any number. */
export function writing(names: readonly string[]): string {
  const [a, b] = names
  if (names.length === 1) return `${a} is writing`
  if (names.length === 2) return `${a} and ${b} are writing`
  return `${names.length} people are writing`
}

// What is written

/** The server's bound, in bytes (internal/message, MaxText), and from where on it is told. */
export const MAX_BYTES = 16_384
const TOLD_FROM = 12_000
export type Length = { bytes: number; words: string; over: boolean }
/** How much of a message's room is used; null while there is plenty. */
export function lengthOf(text: string): Length | null {
  if (text.length * 3 < TOLD_FROM) return null // at most three bytes to a unit
  const bytes = new TextEncoder().encode(asTyped(text)).length
  if (bytes < TOLD_FROM) return null
  const over = bytes > MAX_BYTES
  const n = (x: number) => x.toLocaleString('en-GB')
  return { bytes, over, words: over ? `Too long by ${n(bytes - MAX_BYTES)}` : `${n(bytes)} of ${n(MAX_BYTES)}` }
}

/**
 * What a field cannot take in: a browser needs half a minute for fifty thousand lines, and the room stands still. It is
 * far from what a message holds, so nothing is lost by leaving it where it came from.
 */
export function tooMuch(pasted: string): boolean {
  if (pasted.length > 200_000) return true
  let lines = 0
  for (let i = pasted.indexOf('\n'); i >= 0; i = pasted.indexOf('\n', i + 1)) if (++lines > 4000) return true
  return false
}

const STAMP = /^\W{0,3}(\d{4}[-/.]\d\d[-/.]\d\d|\d\d:\d\d(:\d\d)?|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d|\d{10,13}\b)/
const LEVEL = /\b(TRACE|DEBUG|INFO|WARN(ING)?|ERROR|FATAL|SEVERE|CRITICAL|level=\w+|panic:|Exception|Traceback)\b/
const FRAME = /^\s+(at |File "|\.\.\. \d+ more|from )|^(\$|#|>>>|PS) ?\S+|^\s*[{}[\]],?$|^\S+: (line )?\d+:/
/** Three lines or more that a machine wrote: set as prose they would change their looks. */
export function looksLikeLog(text: string): boolean {
  const lines = text.split('\n').filter((l) => l.trim())
  if (lines.length < 3 || text.includes('```')) return false
  const told = lines.filter((l) => STAMP.test(l) || LEVEL.test(l) || FRAME.test(l)).length
  return told >= 3 && told * 2 >= lines.length
}
/** Text as a code block, in a fence longer than any within it. */
export function asCode(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map((m) => m[0].length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}\n${text.replace(/\n+$/, '')}\n${fence}`
}

/** Lines from which on a message is folded, and how many of it stay. */
export const FOLD_FROM = 16
export const FOLD_TO = 12
/** So long that it would hide the talk around it. A line is what fits the width of the column. */
export const isLong = (text: string, width = 110): boolean => {
  let lines = 0
  for (const line of text.split('\n')) if ((lines += Math.max(1, Math.ceil(line.length / width))) > FOLD_FROM) return true
  return false
}

/** What is sent of what was written: without blank lines around it; the indent of its first line says what it is. */
export const asTyped = (text: string): string => text.trimEnd().replace(/^(?:[^\S\n]*\n)+/, '')
