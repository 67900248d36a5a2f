// What I say goes out in order, one after the other, and survives a reload, a closed tab and a server
// that is away: it lies in this browser's store until the server has it. One tab of a browser sends at
// a time; the key of each message makes a second try give the same message.
import { create } from 'zustand'
import { useShallow } from 'zustand/react/shallow'
import { api, ApiError, errorText, useSession } from '@/api'
import type { Posted } from '@/api'
import { store, stored, storedKeys } from '@/lib/hooks'
import { beginDrafts } from './drafts'
import { full, goesLater, inRoom, nextOut, parse, pause, unsent, type Pending } from './outboxModel'
import { useConnection } from './socket'

const useItems = create<{ items: Pending[] }>(() => ({ items: [] }))
let me = ''
// An entry each: two tabs that write at the same moment take nothing from each other.
const slot = (key = '') => `outbox.${me}.${key}`
/** Where the browser's store takes nothing, at least this page keeps it. */
const here = new Map<string, Pending>()
const all = (): Pending[] => parse([...storedKeys(slot()).map((k) => stored<unknown>(k, null)), ...here.values()])
const show = () => useItems.setState({ items: me ? all() : [] })
function keep(p: Pending) {
  here.delete(p.key)
  if (!store(slot(p.key), p)) here.set(p.key, p)
}
function change(key: string, patch: Partial<Pending>) {
  const p = all().find((x) => x.key === key)
  if (p) keep({ ...p, ...patch })
  show()
}

let posted: (room: string, m: Posted) => void = () => {}
/** Who keeps the messages is told when one has arrived. */
export const onPosted = (fn: typeof posted) => {
  posted = fn
}

/** Puts a message where it is sent from. False when so much waits already that it is not taken. */
export function putOut(p: Pending): boolean {
  if (!me || full(all(), p)) return false
  keep(p)
  show()
  void sendAll()
  return true
}
export function discard(key: string) {
  here.delete(key)
  store(slot(key), null)
  show()
}
/** Tries again now. */
export function retry(key: string) {
  change(key, { state: 'sending', error: undefined })
  void sendAll()
}
/** Everybody was told of my message: whoever sent it, it has arrived. */
export function arrived(key: string | undefined) {
  if (key && useItems.getState().items.some((p) => p.key === key)) discard(key)
}

/** A request that hangs must not keep the others waiting for ever. */
const PATIENCE = 30_000
let running = false
let tries = 0
let timer: ReturnType<typeof setTimeout> | undefined
async function sendAll(): Promise<void> {
  if (running || !me) return
  running = true
  clearTimeout(timer)
  try {
    await exclusively('muster.' + slot(), async () => {
      for (let p = nextOut(all()); p && me; p = nextOut(all())) if (!(await one(p))) return
    })
  } finally {
    running = false
  }
  // What came while the last answer was looked at.
  if (me && tries === 0 && nextOut(useItems.getState().items)) void sendAll()
}
/** Sends one; false when none after it would get through either. */
async function one(p: Pending): Promise<boolean> {
  try {
    const m = await api.post<Posted>(`/rooms/${p.room}/messages`, { text: p.text, key: p.key, ...(p.thread ? { thread: p.thread } : {}) }, { signal: AbortSignal.timeout(PATIENCE) })
    tries = 0
    if (m.id) posted(p.room, m)
    discard(p.key)
    return true
  } catch (e) {
    const status = e instanceof ApiError ? e.status : 0
    if (!goesLater(status, tries)) {
      tries = 0
      const fields = e instanceof ApiError ? Object.values(e.fields) : []
      change(p.key, { state: 'failed', error: fields.length ? fields.join(' ') : errorText(e) })
      return true
    }
    for (const x of all()) if (x.state === 'sending') keep({ ...x, state: 'waiting', error: errorText(e) })
    show()
    timer = setTimeout(() => void sendAll(), pause(tries++))
    return false
  }
}
const exclusively = async (name: string, fn: () => Promise<void>): Promise<void> => {
  await (navigator.locks ? navigator.locks.request(name, fn) : fn())
}

function again() {
  tries = 0
  void sendAll()
}
/** Begins with who is signed in. What somebody else left behind in this browser is gone. */
function begin(person: string) {
  if (me === person) return
  me = person
  clearTimeout(timer)
  tries = 0
  here.clear()
  if (me) {
    for (const key of storedKeys('outbox.')) if (!key.startsWith(slot())) store(key, null)
    beginDrafts()
  }
  show()
  void sendAll()
}
/** Follows the sign-in, the connection and the other tabs. Called once, by the app. */
export function startOutbox(): () => void {
  begin(useSession.getState().me?.user.id ?? '')
  const session = useSession.subscribe((s) => begin(s.me?.user.id ?? ''))
  const connection = useConnection.subscribe((now, before) => {
    if (now.state === 'connected' && before.state !== 'connected') again()
  })
  const tab = (e: StorageEvent) => {
    if (me && (e.key === null || e.key.startsWith('muster.' + slot()))) show()
  }
  addEventListener('online', again)
  addEventListener('storage', tab)
  return () => {
    session()
    connection()
    removeEventListener('online', again)
    removeEventListener('storage', tab)
    begin('')
  }
}

/** What of a room has not arrived yet. */
export const usePending = (room: string): Pending[] => useItems(useShallow((o) => inRoom(o.items, room)))
/** How many of my messages to a room did not arrive. */
export const useUnsent = (room: string): number => useItems((o) => unsent(o.items, room))
