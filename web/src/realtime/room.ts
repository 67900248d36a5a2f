// One store of messages per room, filled on first sight and kept gapless by sequence.
import { useEffect } from 'react'
import { create } from 'zustand'
import { api, ApiError, useSession } from '@/api'
import type { Message, MessagePage, Posted, RoomEvent } from '@/api'
import { uuid } from '@/lib/ids'
import {
  applyAfter,
  applyBefore,
  applyChanges,
  applyPage,
  applyPosted,
  applyRoom,
  emptyRoom,
  hasGap,
  type RoomState,
} from './roomModel'
import { useOffice } from './office'
import { arrived, onPosted, putOut } from './outbox'
import { listen, tell } from './socket'
import { voiceAct } from './voice'

type Store = { rooms: Record<string, RoomState>; typing: Record<string, Record<string, number>>; /** how often its bridge changed */ bridge: Record<string, number> }
const useRooms = create<Store>(() => ({ rooms: {}, typing: {}, bridge: {} }))
const get = (id: string): RoomState => useRooms.getState().rooms[id] ?? emptyRoom
const set = (id: string, next: RoomState) =>
  useRooms.setState((s) => (s.rooms[id] === next ? s : { rooms: { ...s.rooms, [id]: next } }))

const PAGE = 50
const loading = new Map<string, Promise<void>>()
/** One fetch of each sort per room at a time. */
function once(key: string, fn: () => Promise<void>): Promise<void> {
  const running = loading.get(key)
  if (running) return running
  const p = fn().finally(() => loading.delete(key))
  loading.set(key, p)
  return p
}

export function loadLatest(id: string): Promise<void> {
  return once(id + ':latest', async () => {
    if (get(id).status !== 'ready') set(id, { ...get(id), status: 'loading', error: null })
    try {
      set(id, applyPage(get(id), await api.get<MessagePage>(`/rooms/${id}/messages`, { limit: PAGE })))
      await catchUp(id)
    } catch (error) {
      if (get(id).status !== 'ready') set(id, { ...get(id), status: 'failed', error })
    }
  })
}
/** The stretch around a number, for who comes back to where they had read to. */
function loadAt(id: string, at: number): Promise<void> {
  return once(id + ':latest', async () => {
    set(id, { ...get(id), status: 'loading', error: null })
    try {
      set(id, applyPage(get(id), await api.get<MessagePage>(`/rooms/${id}/messages`, { at, limit: PAGE })))
      if (!get(id).hasAfter) await catchUp(id)
    } catch (error) {
      if (get(id).status !== 'ready') set(id, { ...get(id), status: 'failed', error })
    }
  })
}
/** A window around one message, for a permalink. */
export async function loadAround(id: string, messageId: string): Promise<boolean> {
  if (get(id).messages.some((m) => m.id === messageId || m.replies?.some((r) => r.id === messageId))) return true
  try {
    const page = await api.get<MessagePage>(`/rooms/${id}/messages`, { around: messageId, limit: PAGE })
    set(id, applyPage(get(id), page))
    return get(id).messages.some((m) => m.id === messageId || m.replies?.some((r) => r.id === messageId))
  } catch {
    return false
  }
}
/** The first thing said at a moment or later; undefined where nothing was. */
export async function firstOn(id: string, on: Date): Promise<string | undefined> {
  const page = await api.get<MessagePage>(`/rooms/${id}/messages`, { on: on.toISOString(), limit: 4 })
  return page.items.find((m) => Date.parse(m.created_at) >= on.getTime())?.id
}
export function loadBefore(id: string): Promise<void> {
  return once(id + ':before', async () => {
    const s = get(id)
    if (!s.hasBefore || !s.messages.length) return
    const page = await api.get<MessagePage>(`/rooms/${id}/messages`, { before: s.messages[0]!.seq, limit: PAGE })
    set(id, applyBefore(get(id), page))
  })
}
/** Forward from a window of the past, until it meets the live end. */
export function loadAfter(id: string): Promise<void> {
  return once(id + ':after', async () => {
    const s = get(id)
    const last = s.messages.at(-1)
    if (!s.hasAfter || !last) return
    const page = await api.get<MessagePage>(`/rooms/${id}/messages`, { around: last.id, limit: PAGE * 2 })
    set(id, applyAfter(get(id), page))
    if (!get(id).hasAfter) await catchUp(id)
  })
}
/** Fetches whatever changed after our number, until nothing is missing. */
function catchUp(id: string): Promise<void> {
  return once(id + ':changes', async () => {
    for (let i = 0; i < 20; i++) {
      const s = get(id)
      if (s.status !== 'ready') return
      const page = await api.get<MessagePage>(`/rooms/${id}/messages`, { changed_after: s.seq, limit: 200 })
      const next = applyChanges(get(id), page)
      set(id, next)
      if (!page.has_after && !hasGap(next)) return
      if (next.seq <= s.seq && !page.has_after) return // Nothing more is told: the events ahead will come.
    }
  })
}

/** What everybody is sent says nothing of what I may do with it; the room and the author do. */
function able<M extends Message>(m: M, may: Record<string, boolean> = useOffice.getState().rooms[m.room_id]?.abilities ?? {}): M {
  const text = !!may.post && m.kind === 'text' && !m.deleted
  const own = m.author.id === useSession.getState().me?.user.id
  const abilities = { edit: text && own && !m.text.startsWith('/'), delete: text && (own || !!may.moderate), pin: !!may.post && !m.deleted }
  return { ...m, abilities, ...(m.replies ? { replies: m.replies.map((r) => able(r, may)) } : {}) }
}
// What I may do in a room may change while its messages stand on the screen.
useOffice.subscribe((now, before) => {
  if (now.rooms === before.rooms) return
  for (const [id, s] of Object.entries(useRooms.getState().rooms)) {
    const [may, was] = [now.rooms[id]?.abilities, before.rooms[id]?.abilities]
    if (may?.post !== was?.post || may?.moderate !== was?.moderate) set(id, { ...s, messages: s.messages.map((m) => able(m, may ?? {})) })
  }
})
function onEvent(id: string, e: RoomEvent) {
  if (e.type === 'typing') {
    if (e.user_id !== useSession.getState().me?.user.id) setTyping(id, e.user_id, Date.now() + 5000)
    return
  }
  if (e.type === 'bridge') {
    useRooms.setState((s) => ({ bridge: { ...s.bridge, [id]: (s.bridge[id] ?? 0) + 1 } }))
    return
  }
  set(id, applyRoom(get(id), { ...e, message: able(e.message) }))
  if (e.message.author.id === useSession.getState().me?.user.id) arrived(e.message.key)
  setTyping(id, e.message.author.id, 0)
  if (hasGap(get(id))) void catchUp(id).catch(() => {})
}
/** A number that grows when the room's bridge changes. */
export const useBridgeTurn = (id: string): number => useRooms((s) => s.bridge[id] ?? 0)
function setTyping(id: string, user: string, until: number) {
  const now = useRooms.getState().typing[id]
  if (!until && !now?.[user]) return
  const { [user]: _, ...rest } = now ?? {}
  useRooms.setState((s) => ({ typing: { ...s.typing, [id]: until ? { ...rest, [user]: until } : rest } }))
  if (until) setTimeout(() => expireTyping(id), until - Date.now() + 50)
}
function expireTyping(id: string) {
  const now = useRooms.getState().typing[id] ?? {}
  const left = Object.fromEntries(Object.entries(now).filter(([, t]) => t > Date.now()))
  if (Object.keys(left).length !== Object.keys(now).length)
    useRooms.setState((s) => ({ typing: { ...s.typing, [id]: left } }))
}
const nobody: Record<string, number> = {}
export const useTyping = (id: string): string[] => Object.keys(useRooms((s) => s.typing[id] ?? nobody))

let lastTyping = 0
/** Tells the room, at most every 2.5 seconds, that I am writing. */
export function sayTyping(id: string) {
  const now = Date.now()
  if (now - lastTyping < 2500) return
  lastTyping = now
  tell('typing', { room_id: id })
}

/** Loads a room's messages and keeps them current until the returned function is called. */
export function followRoom(id: string, at: number | null = null): () => void {
  const load = () => void (at !== null && get(id).status !== 'ready' ? loadAt(id, at) : loadLatest(id))
  const stop = listen<RoomEvent>(
    'room:' + id,
    (e) => onEvent(id, e),
    () => {
      if (get(id).status === 'ready') void catchUp(id).catch(() => {})
      else load()
    },
    // Nothing stays on the screen of somebody who may not read it any more.
    () => set(id, { ...emptyRoom, status: 'failed', error: new ApiError(404) }),
  )
  // The store outlives the screen: coming back, it catches up from its number.
  if (get(id).status === 'ready') void catchUp(id).catch(() => {})
  else load()
  return stop
}
/** What the store holds of a room now. */
export const roomState = (id: string): RoomState => get(id)
/** Who types in a room now. */
export const typingIn = (id: string): string[] => Object.keys(useRooms.getState().typing[id] ?? nobody)

/** A room's messages, followed while the screen shows them; what is not held yet is read around `at`. */
export function useRoom(id: string, at: number | null = null): RoomState {
  useEffect(() => followRoom(id, at), [id, at])
  return useRooms((s) => s.rooms[id] ?? emptyRoom)
}

onPosted((room, m) => {
  if (get(room).status === 'ready') set(room, applyPosted(get(room), able(m)))
})
/** Says something: it stands on the screen at once and is sent until it arrives. False when too much waits already. */
export function send(id: string, text: string, thread: string | null = null, key = uuid()): boolean {
  lastTyping = 0
  return putOut({ key, room: id, text, thread, at: new Date().toISOString(), after: get(id).seq, state: 'sending' })
}
export type Answer = { reply?: string }
/** Carries out a command. It is not kept: what is done at another time is something else. */
export async function command(id: string, text: string, thread: string | null = null): Promise<Answer> {
  lastTyping = 0
  const m = await api.post<Posted>(`/rooms/${id}/messages`, { text, key: uuid(), ...(thread ? { thread } : {}) })
  if (m.id) set(id, applyPosted(get(id), able(m)))
  // What only this browser can do: its microphone, its loudspeaker.
  if (m.do) voiceAct(m.do, id)
  return { reply: m.reply }
}

const path = (m: Message) => `/messages/${m.id}`
const version = async (m: Message, call: Promise<Message | void>) => {
  const next = await call
  if (next?.id) set(m.room_id, applyPosted(get(m.room_id), able(next)))
}
export const editMessage = (m: Message, text: string) => version(m, api.patch<Message>(path(m), { text }))
export const deleteMessage = (m: Message) => version(m, api.del<Message | void>(path(m)))
export const pinMessage = (m: Message, on: boolean) =>
  version(m, on ? api.put<Message | void>(path(m) + '/pin') : api.del<Message | void>(path(m) + '/pin'))
export function react(m: Message, emoji: string) {
  const me = useSession.getState().me?.user.id ?? ''
  const mine = m.reactions.find((r) => r.emoji === emoji)?.users.includes(me)
  const at = `${path(m)}/reactions/${encodeURIComponent(emoji)}`
  return version(m, mine ? api.del<Message | void>(at) : api.put<Message | void>(at))
}
