// The messages of one room as this browser holds them. Pure.
//
// Every version of a message (post, edit, delete, reaction, card update) takes the next number of the
// room's sequence. `seq` is the number up to which nothing is missing. An event with the number after
// it is applied; one further ahead is set aside until the missing versions are fetched; an older one is
// a repetition.
import type { Message, MessagePage, RoomEvent } from '@/api/types'

export type RoomState = {
  status: 'empty' | 'loading' | 'ready' | 'failed'
  error: unknown
  /** Roots by seq, replies inside them. */
  messages: Message[]
  seq: number
  hasBefore: boolean
  /** False at the live end; true while looking at a window of the past. */
  hasAfter: boolean
  /** Events ahead of a gap, waiting for the fetch that closes it. */
  ahead: { seq: number; message: Message }[]
}
export const emptyRoom: RoomState = {
  status: 'empty',
  error: null,
  messages: [],
  seq: 0,
  hasBefore: false,
  hasAfter: false,
  ahead: [],
}

/** A gap is open: someone must GET messages?changed_after=seq. */
export const hasGap = (s: RoomState): boolean => s.ahead.length > 0

/** The newer of two versions. What I may do is only told to me, not with what everybody is told. */
const newer = (a: Message, b: Message): Message => {
  const [old, next] = b.change_seq >= a.change_seq ? [a, b] : [b, a]
  return next.abilities || !old.abilities ? next : { ...next, abilities: old.abilities }
}

function mergeReplies(old: Message[] | undefined, next: Message[] | undefined): Message[] {
  if (!old?.length) return next ?? []
  if (!next?.length) return old
  const byId = new Map(old.map((m) => [m.id, m]))
  for (const m of next) byId.set(m.id, byId.has(m.id) ? newer(byId.get(m.id)!, m) : m)
  return [...byId.values()].sort((a, b) => a.seq - b.seq)
}
/** A newer version of a root keeps the replies already known. */
const mergeRoot = (old: Message, next: Message): Message => ({
  ...newer(old, next),
  replies: mergeReplies(old.replies, next.replies),
})

/** Puts one message (a root or a reply) where it belongs. A new root is only added when `grow`. */
export function putMessage(messages: Message[], m: Message, grow: boolean): Message[] {
  if (m.thread && m.thread !== m.id) {
    const i = messages.findIndex((r) => r.id === m.thread)
    if (i < 0) return messages
    const root = messages[i]!
    return messages.with(i, { ...root, replies: mergeReplies(root.replies, [m]) })
  }
  const i = messages.findIndex((x) => x.id === m.id)
  if (i >= 0) return messages.with(i, mergeRoot(messages[i]!, m))
  if (!grow) return messages
  const root = m.replies ? m : { ...m, replies: [] }
  const last = messages.at(-1)
  if (!last || last.seq < m.seq) return [...messages, root]
  const at = messages.findIndex((x) => x.seq > m.seq)
  return messages.toSpliced(at, 0, root)
}

/** A message lies in the stretch we hold: above its oldest, or the stretch starts at the first message. */
const inWindow = (s: RoomState, m: Message): boolean => {
  if (s.messages.some((x) => x.id === m.id)) return true
  if (m.seq > (s.messages.at(-1)?.seq ?? 0)) return !s.hasAfter
  return m.seq >= (s.messages[0]?.seq ?? 0) || !s.hasBefore
}

function accept(s: RoomState, m: Message): RoomState {
  return { ...s, messages: putMessage(s.messages, m, inWindow(s, m)) }
}

export function applyRoom(s: RoomState, e: RoomEvent): RoomState {
  if (e.type !== 'message') return s
  if (s.status !== 'ready') return s // The page that is on its way holds it.
  if (e.seq <= s.seq) return s
  if (e.seq > s.seq + 1) {
    if (s.ahead.some((x) => x.seq === e.seq)) return s
    return { ...s, ahead: [...s.ahead, { seq: e.seq, message: e.message }].sort((a, b) => a.seq - b.seq) }
  }
  return drain({ ...accept(s, e.message), seq: e.seq })
}

/** Applies what was set aside, as far as it now follows on. */
function drain(s: RoomState): RoomState {
  let next = s
  while (next.ahead.length && next.ahead[0]!.seq <= next.seq + 1) {
    const [first, ...rest] = next.ahead
    next = first!.seq <= next.seq ? { ...next, ahead: rest } : { ...accept({ ...next, ahead: rest }, first!.message), seq: first!.seq }
  }
  return next
}

/** My own post's answer: shown at once; its number is only counted when it follows on. */
export function applyPosted(s: RoomState, m: Message): RoomState {
  const next = accept(s, m)
  return m.change_seq === s.seq + 1 ? drain({ ...next, seq: m.change_seq }) : next
}

/** The first page, or a window around a message: replaces what was there. */
export function applyPage(s: RoomState, page: MessagePage): RoomState {
  const messages = page.items.reduce<Message[]>((all, m) => putMessage(all, m, true), [])
  return {
    ...s,
    status: 'ready',
    error: null,
    messages,
    hasBefore: page.has_before,
    hasAfter: page.has_after,
    seq: page.seq,
    ahead: [],
  }
}

/** Older messages, put before. */
export function applyBefore(s: RoomState, page: MessagePage): RoomState {
  return {
    ...s,
    messages: page.items.reduceRight((all, m) => putMessage(all, m, true), s.messages),
    hasBefore: page.has_before,
  }
}
/** Newer messages, after a window of the past. */
export function applyAfter(s: RoomState, page: MessagePage): RoomState {
  return { ...s, messages: page.items.reduce((all, m) => putMessage(all, m, true), s.messages), hasAfter: page.has_after }
}

/** Everything that changed after `seq`: closes a gap, and catches up after a lost connection. */
export function applyChanges(s: RoomState, page: MessagePage): RoomState {
  let next = s
  for (const m of flatten(page.items)) next = accept(next, m)
  // A page that isn't the last one only reaches as far as its newest version.
  const reached = page.has_after ? Math.max(s.seq, ...flatten(page.items).map((m) => m.change_seq)) : page.seq
  return drain({ ...next, seq: Math.max(s.seq, reached) })
}
const flatten = (items: Message[]): Message[] => items.flatMap((m) => [m, ...(m.replies ?? [])])
