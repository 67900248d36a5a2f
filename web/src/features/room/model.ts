// The rows of a timeline: messages with dividers between days, at the first unread one, and the posts
// that are still on their way. Pure.
import type { Message } from '@/api'
import { ms, sameDay } from '@/lib/time'
import type { Pending } from '@/realtime'

export type Row =
  | { kind: 'start'; key: string }
  | { kind: 'older'; key: string }
  | { kind: 'day'; key: string; at: string }
  | { kind: 'new'; key: string; count: number }
  | { kind: 'message'; key: string; m: Message; head: boolean; latest: boolean }
  | { kind: 'pending'; key: string; p: Pending; head: boolean }

const GROUP = 5 * 60_000
/** How many rows from the bottom a card may stand and still be shown in full. */
export const LATEST = 5

export type RowsInput = {
  messages: readonly Message[]
  pending: readonly Pending[]
  hasBefore: boolean
  /** The number I had read when I came; null when nothing was new. */
  readSeq: number | null
  me: string
}

export function rows({ messages, pending, hasBefore, readSeq, me }: RowsInput): Row[] {
  const out: Row[] = [{ kind: hasBefore ? 'older' : 'start', key: 'top' }]
  const firstNew = readSeq === null ? undefined : messages.find((m) => m.seq > readSeq && m.author.id !== me && !m.deleted)
  let before: Message | undefined
  messages.forEach((m, i) => {
    const newDay = !before || !sameDay(before.created_at, m.created_at)
    if (newDay) out.push({ kind: 'day', key: 'day-' + m.created_at.slice(0, 10) + (before ? '' : '-first'), at: m.created_at })
    if (m === firstNew) out.push({ kind: 'new', key: 'new', count: messages.slice(i).filter((x) => x.author.id !== me).length })
    out.push({
      kind: 'message',
      key: m.id,
      m,
      head: newDay || m === firstNew || !follows(before!, m),
      latest: messages.length - i <= LATEST,
    })
    before = m
  })
  const roots = pending.filter((p) => !p.thread)
  roots.forEach((p, i) => {
    const last = i === 0 ? before : undefined
    const head = i === 0 && !(last && last.kind === 'text' && last.author.id === me && !last.thread && near(last.created_at, p.at) && !last.replies?.length)
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
