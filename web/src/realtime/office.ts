// The store behind every screen: the snapshot, kept current by the socket.
import { useEffect, useMemo, useRef } from 'react'
import { create } from 'zustand'
import { useShallow } from 'zustand/react/shallow'
import { api, loadSession, useSession } from '@/api'
import type { Availability, Get, Incident, Notification, Office, OfficeEvent, OnCall, Presence, Room, RunSummary, User, UserEvent } from '@/api'
import { applyOffice, applyRead, applyUser, emptyOffice, fromSnapshot, isOfficeEvent, incidentOrder, insideRooms, leavesOpen, type OfficeState } from './model'
import { connect, disconnect, retryBarred } from './socket'

type Store = OfficeState & { status: 'loading' | 'ready' | 'failed'; error: unknown }
export const useOffice = create<Store>(() => ({ ...emptyOffice, status: 'loading', error: null }))

type Tap = (channel: 'office' | 'user', e: OfficeEvent | UserEvent) => void
const taps = new Set<Tap>()
/** Hears every office and user event after it was applied: for sounds, toasts and query invalidation. */
export function tapEvents(fn: Tap): () => void {
  taps.add(fn)
  return () => taps.delete(fn)
}

let held: { channel: string; e: unknown }[] | null = null
let again = false

/** Fetches the snapshot. Events that arrive meanwhile are applied after it. */
export async function loadOffice(): Promise<void> {
  if (held) {
    again = true
    return
  }
  held = []
  try {
    const snapshot = await api.get<Office>('/office')
    useOffice.setState({ ...fromSnapshot(snapshot), status: 'ready', error: null })
    retryBarred()
  } catch (error) {
    if (useOffice.getState().status !== 'ready') useOffice.setState({ status: 'failed', error })
  } finally {
    const waiting = held
    held = null
    for (const w of waiting) receive(w.channel, w.e)
    if (again) {
      again = false
      void loadOffice()
    }
  }
}

function receive(channel: string, e: unknown) {
  if (held) {
    held.push({ channel, e })
    return
  }
  const event = e as OfficeEvent | UserEvent
  const open = leavesOpen(useOffice.getState(), event)
  take(channel, event)
  if (open) void loadOffice()
}
function take(channel: string, event: OfficeEvent | UserEvent) {
  if (channel === 'office' || isOfficeEvent(event)) {
    const me = useSession.getState().me?.user.id
    useOffice.setState((s) => applyOffice(s, event as OfficeEvent, me))
    if (event.type === 'room') retryBarred(`room:${event.room.id}`)
    if (event.type === 'oncall') void refreshOnCall()
    for (const t of taps) t('office', event)
    return
  }
  if (event.type === 'session-revoked') {
    // One of my sessions; the next answer tells whether it was this one.
    void loadSession()
    return
  }
  // What I may do in general comes with who I am.
  if (event.type === 'rights') void loadSession()
  useOffice.setState((s) => applyUser(s, event))
  for (const t of taps) t('user', event)
}
const refreshOnCall = () =>
  api
    .get<{ items: OnCall[] }>('/oncall')
    .then((r) => useOffice.setState({ oncall: r.items }))
    .catch(() => {})

/** How long the first screen waits for the socket, in milliseconds. */
const SOCKET_FIRST = 400
let first: ReturnType<typeof setTimeout> | undefined
/**
 * A snapshot that is fetched once the socket stands has nothing between it and the first event, so that is the one wanted. Only
 * where the socket takes its time is one fetched before, so that something is to be seen.
 */
export function startOffice() {
  const load = () => {
    clearTimeout(first)
    void loadOffice()
  }
  first = setTimeout(load, SOCKET_FIRST)
  void connect({
    event: receive,
    lost: load,
    // Asking who I am tells whether the session still holds, and what I may do now.
    ended: () => void loadSession(),
  })
}
export function stopOffice() {
  clearTimeout(first)
  disconnect()
  useOffice.setState({ ...emptyOffice, status: 'loading', error: null })
}

// Readings. Each returns the same object while nothing in it changed.

export const useUser = (id: string | null | undefined): User | undefined => useOffice((s) => (id ? s.users[id] : undefined))
/** Groups that somebody is in, roles included: what is offered where one is named. */
export const useGroupNames = (): string[] => {
  const users = useUsers()
  return useMemo(() => [...new Set(Object.values(users).flatMap((u) => u.roles))].sort((a, b) => a.localeCompare(b)), [users])
}
export const useUsers = (): Record<string, User> => useOffice((s) => s.users)
export const usePresence = (id: string | null | undefined): Presence | undefined => useOffice((s) => (id ? s.presence[id] : undefined))
export const useRoomInfo = (id: string | null | undefined): Room | undefined => useOffice((s) => (id ? s.rooms[id] : undefined))
export const useIncidents = (): Incident[] => {
  const map = useOffice((s) => s.incidents)
  return useMemo(() => Object.values(map).sort(incidentOrder), [map])
}
export const useOpenIncident = (id: string | null | undefined): Incident | undefined => useOffice((s) => (id ? s.incidents[id] : undefined))
export const useActiveRuns = (): RunSummary[] => {
  const map = useOffice((s) => s.runs)
  return useMemo(() => Object.values(map).sort((a, b) => b.number - a.number), [map])
}
export const useOnCall = (): OnCall[] => useOffice((s) => s.oncall)
export const useGets = (): Get[] => useOffice(useShallow((s) => Object.values(s.gets)))
/** The people in a room, by name. */
export const usePeopleIn = (roomId: string | null | undefined): User[] =>
  useOffice(
    useShallow((s) =>
      roomId
        ? Object.values(s.presence)
            .filter((p) => p.room_id === roomId && p.state !== 'offline')
            .map((p) => s.users[p.user_id])
            .filter((u): u is User => !!u)
            .sort((a, b) => a.display.localeCompare(b.display))
        : [],
    ),
  )
export const useInsideRooms = (): Record<string, string[]> => {
  const presence = useOffice((s) => s.presence)
  const before = useRef<Record<string, string[]>>({})
  const inside = useMemo(() => insideRooms(presence, before.current), [presence])
  useEffect(() => {
    before.current = inside
  }, [inside])
  return inside
}
/** The user behind a typed login name. */
export const findUser = (name: string): User | undefined =>
  Object.values(useOffice.getState().users).find((u) => u.name.toLowerCase() === name.toLowerCase())
/** A name to show for an id, also for people who are gone. */
/** Muster's own work, and the console of its machine, have no account. */
export const systemName = (id: string): string | undefined => (id === 'system:console' ? 'Console' : id.startsWith('system:') ? 'Muster' : undefined)
export const nameOf = (id: string): string => {
  const u = useOffice.getState().users[id]
  return u ? u.display + (u.kind === 'guest' ? ' (guest)' : '') : (systemName(id) ?? 'Someone')
}

// Acts on the office. What everybody sees comes back by the socket; my own view moves at once.

/** Marks a room read up to a number. */
export async function markRead(roomId: string, seq: number) {
  const room = useOffice.getState().rooms[roomId]
  if (!room || (room.read_seq >= seq && !room.unread && !room.mentions)) return
  useOffice.setState((s) => applyRead(s, roomId, seq))
  await api.put(`/rooms/${roomId}/read`, { seq }).catch(() => {})
}
const movePresence = (patch: Partial<Presence>) => {
  const id = useSession.getState().me?.user.id
  if (!id) return
  useOffice.setState((s) => {
    const old = s.presence[id] ?? { user_id: id, state: 'available' as const, said: 'available' as const, status_text: '', room_id: null, seat: null }
    return { presence: { ...s.presence, [id]: { ...old, ...patch } } }
  })
}
let entering: Promise<unknown> = Promise.resolve()
/** My own screen shows me inside at once; this waits until the server has me there, too, or has refused. */
export const entered = (): Promise<unknown> => entering.catch(() => {})
/** Walks into a room: everybody's map shows it. */
export async function enterRoom(roomId: string, seat?: number) {
  const id = useSession.getState().me?.user.id
  const before = id ? useOffice.getState().presence[id] : undefined
  if (before?.room_id === roomId && seat === undefined) return
  movePresence({ room_id: roomId, seat: seat ?? null })
  try {
    await (entering = api.post(`/rooms/${roomId}/enter`, seat === undefined ? {} : { seat }))
  } catch (e) {
    if (before) movePresence(before)
    throw e
  }
}
export async function leaveOffice() {
  movePresence({ room_id: null, seat: null })
  await api.post('/office/leave')
}
export async function setAvailability(availability: Availability, statusText = '', until: string | null = null) {
  movePresence({ state: availability, said: availability, status_text: statusText, until })
  await api.patch('/me', { availability, status_text: statusText, ...(until ? { until } : {}) })
}
/** Asks someone to come to a room. */
export const getPerson = (userId: string, roomId: string, note = '') =>
  api.post<Get>('/gets', { user_id: userId, room_id: roomId, note })
const dropGet = (id: string) =>
  useOffice.setState((s) => {
    const { [id]: _, ...gets } = s.gets
    return { gets }
  })
export async function acceptGet(id: string) {
  await api.post(`/gets/${id}/accept`)
  dropGet(id)
}
export async function declineGet(id: string, note = '') {
  await api.post(`/gets/${id}/decline`, { note })
  dropGet(id)
}
export const forgetGet = dropGet
export const setUnseen = (unseen: number) => useOffice.setState({ unseen })
export type { Notification }
