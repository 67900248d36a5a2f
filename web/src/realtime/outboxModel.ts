// What I said and what has not arrived yet, as this browser keeps it. Pure.
import type { Message } from '@/api/types'

/** 'sending' goes out now; 'waiting' found no way to the server and goes by itself; 'failed' was refused. */
export type Pending = {
  key: string
  room: string
  text: string
  thread: string | null
  at: string
  /** The room's number when it was sent: where it stands if it never arrives. */
  after: number
  state: 'sending' | 'waiting' | 'failed'
  error?: string
}
export const MOST = 100
/** In UTF-16 units, which is what a browser's store counts. */
export const MOST_TEXT = 1_000_000

const chars = (list: readonly Pending[]) => list.reduce((n, p) => n + p.text.length, 0)
/** So much waits that no more is taken. */
export const full = (list: readonly Pending[], p: Pending): boolean => list.length >= MOST || chars(list) + p.text.length > MOST_TEXT
/** What goes out next: the oldest that was not refused. */
export const nextOut = (list: readonly Pending[]): Pending | undefined => list.find((p) => p.state !== 'failed')
export const inRoom = (list: readonly Pending[], room: string): Pending[] => list.filter((p) => p.room === room)
/** How many of a room did not arrive. */
export const unsent = (list: readonly Pending[], room: string): number => list.filter((p) => p.room === room && p.state !== 'sending').length

/** So often a message is sent that the server itself fails at: what always fails must not hold back what comes after it. */
export const FAILS = 5
/**
 * Of an answer's status, after so many tries: will the same message go through later? 0 is no answer; after a sign-in 401 is over;
 * 502 and above come from a server that is away.
 */
export const goesLater = (status: number, tries = 0): boolean => status === 0 || status === 401 || status === 408 || status === 429 || status > 500 || (status === 500 && tries < FAILS - 1)
/** How long to wait before the next try, in milliseconds. */
export const pause = (tries: number): number => Math.min(60_000, 2000 * 2 ** Math.min(tries, 5))

/** Reads what another version, another tab or a hand left in the store; oldest first. */
export function parse(raw: readonly unknown[]): Pending[] {
  const text = (v: unknown): v is string => typeof v === 'string'
  return raw
    .map((x) => x as Partial<Pending> | null)
    .filter((p): p is Pending => !!p && text(p.key) && text(p.room) && text(p.text) && text(p.at) && (p.state === 'sending' || p.state === 'waiting' || p.state === 'failed'))
    .map((p) => ({ key: p.key, room: p.room, text: p.text, thread: text(p.thread) ? p.thread : null, at: p.at, after: Number(p.after) || 0, state: p.state, ...(text(p.error) ? { error: p.error } : {}) }))
    .sort((a, b) => a.at.localeCompare(b.at) || a.key.localeCompare(b.key))
    .slice(-MOST)
}

/** Those that are not among the messages: the answer to a post may come after everybody was told of it. */
export function stillPending(pending: readonly Pending[], messages: readonly Message[]): readonly Pending[] {
  if (!pending.length) return pending
  const keys = new Set(messages.flatMap((m) => [m.key, ...(m.replies ?? []).map((r) => r.key)]))
  return pending.some((p) => keys.has(p.key)) ? pending.filter((p) => !keys.has(p.key)) : pending
}
