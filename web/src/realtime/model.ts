// What the screens know of the office, and how events change it. Pure: a snapshot with every later
// event applied is the next snapshot. Each event carries the whole thing it is about, so applying one
// twice, or one that the snapshot already holds, changes nothing.
import type {
  Floor,
  Get,
  Incident,
  Office,
  OfficeEvent,
  OnCall,
  Presence,
  Room,
  RunState,
  RunSummary,
  Stage,
  User,
  UserEvent,
} from '@/api/types'

export type OfficeState = {
  floors: Floor[]
  rooms: Record<string, Room>
  users: Record<string, User>
  presence: Record<string, Presence>
  /** Open ones only. */
  incidents: Record<string, Incident>
  /** Active ones only. */
  runs: Record<string, RunSummary>
  oncall: OnCall[]
  /** Requests to come somewhere that I haven't answered, and mine that wait. */
  gets: Record<string, Get>
  unseen: number
}

export const emptyOffice: OfficeState = {
  floors: [],
  rooms: {},
  users: {},
  presence: {},
  incidents: {},
  runs: {},
  oncall: [],
  gets: {},
  unseen: 0,
}

const index = <T>(items: readonly T[] | null | undefined, key: (t: T) => string): Record<string, T> => {
  const out: Record<string, T> = {}
  for (const t of items ?? []) out[key(t)] = t
  return out
}
const without = <T>(map: Record<string, T>, key: string): Record<string, T> => {
  if (!(key in map)) return map
  const { [key]: _, ...rest } = map
  return rest
}

export const fromSnapshot = (o: Office): OfficeState => ({
  floors: o.floors ?? [],
  rooms: index(o.rooms, (r) => r.id),
  users: index(o.people, (u) => u.id),
  presence: index(o.presence, (p) => p.user_id),
  incidents: index(o.incidents.filter(isOpen), (i) => i.id),
  runs: index(o.runs, (r) => r.id),
  oncall: o.oncall ?? [],
  gets: index(o.gets, (g) => g.id),
  unseen: o.notifications_unread ?? 0,
})

const OPEN: Record<Stage, boolean> = {
  declared: true,
  triage: true,
  mitigating: true,
  monitoring: true,
  resolved: false,
  closed: false,
}
export const isOpen = (i: { stage: Stage; merged_into?: string | null }): boolean => OPEN[i.stage] && !i.merged_into

const ACTIVE: Record<RunState, boolean> = {
  waiting: true,
  queued: true,
  running: true,
  unknown: true,
  succeeded: false,
  failed: false,
  stopped: false,
  'timed-out': false,
}
export const isActive = (r: { state: RunState }): boolean => ACTIVE[r.state]

/** What is mine about a room: kept when the office tells everybody about the room. */
const MINE = ['unread', 'mentions', 'read_seq', 'member', 'abilities'] as const

export function applyOffice(s: OfficeState, e: OfficeEvent, me = ''): OfficeState {
  switch (e.type) {
    case 'presence':
      return { ...s, presence: { ...s.presence, [e.presence.user_id]: e.presence } }
    case 'user':
      return { ...s, users: { ...s.users, [e.user.id]: e.user } }
    case 'room': {
      const old = s.rooms[e.room.id]
      if (e.room.archived) return { ...s, rooms: without(s.rooms, e.room.id) }
      const room = { ...fresh, ...e.room } as Room
      if (old) {
        for (const k of MINE) Object.assign(room, { [k]: old[k] })
        room.seq = Math.max(old.seq, e.room.seq ?? 0)
      }
      return { ...s, rooms: { ...s.rooms, [room.id]: room } }
    }
    case 'floor': {
      const at = s.floors.findIndex((f) => f.id === e.floor.id)
      const floors = at < 0 ? [...s.floors, e.floor] : s.floors.with(at, e.floor)
      return { ...s, floors }
    }
    case 'incident': {
      if (!isOpen(e.incident)) return { ...s, incidents: without(s.incidents, e.incident.id) }
      // What I may do is only told to me, not with what everybody is told.
      const abilities = e.incident.abilities ?? s.incidents[e.incident.id]?.abilities
      const incident = abilities ? { ...e.incident, abilities } : e.incident
      return { ...s, incidents: { ...s.incidents, [incident.id]: incident } }
    }
    case 'run':
      return { ...s, runs: isActive(e.run) ? { ...s.runs, [e.run.id]: e.run } : without(s.runs, e.run.id) }
    case 'unread': {
      const room = s.rooms[e.room_id]
      // The room's sequence only grows: a number already counted is a repetition.
      if (!room || e.seq <= room.seq) return s
      const unread = room.unread + (me && e.author === me ? 0 : 1)
      return { ...s, rooms: { ...s.rooms, [room.id]: { ...room, seq: e.seq, unread } } }
    }
    default:
      return s // 'oncall' carries nothing: the store fetches it.
  }
}
const fresh: Omit<Room, 'id' | 'name'> = {
  kind: 'team',
  topic: '',
  private: false,
  door: 'open',
  subject: { kind: '', id: '' },
  floor: '',
  seq: 0,
  archived: false,
  created_at: '',
  unread: 0,
  mentions: 0,
  read_seq: 0,
  member: false,
  abilities: { post: true, enter: true },
}

export function applyUser(s: OfficeState, e: UserEvent): OfficeState {
  switch (e.type) {
    case 'get':
      return { ...s, gets: e.get.state === 'pending' ? { ...s.gets, [e.get.id]: e.get } : without(s.gets, e.get.id) }
    case 'notification':
      return { ...s, unseen: e.unread }
    case 'mention': {
      const room = s.rooms[e.room_id]
      return room ? { ...s, rooms: { ...s.rooms, [room.id]: { ...room, mentions: room.mentions + 1 } } } : s
    }
    case 'membership': {
      const room = s.rooms[e.room_id]
      if (!room) return s // A private room I was let into: the next snapshot brings it.
      if (!e.member && room.private) return { ...s, rooms: without(s.rooms, room.id) }
      return { ...s, rooms: { ...s.rooms, [room.id]: { ...room, member: e.member } } }
    }
    default:
      return s
  }
}

/** What of the office is told to me alone, since it is about a private room, comes on my own channel. */
export const isOfficeEvent = (e: OfficeEvent | UserEvent): e is OfficeEvent =>
  e.type === 'presence' || e.type === 'room' || e.type === 'unread' || e.type === 'floor' || e.type === 'incident' || e.type === 'run'

/** I have read a room up to a number. */
export function applyRead(s: OfficeState, roomId: string, seq: number): OfficeState {
  const room = s.rooms[roomId]
  if (!room || (room.read_seq >= seq && !room.unread && !room.mentions)) return s
  const caughtUp = seq >= room.seq
  return {
    ...s,
    rooms: {
      ...s.rooms,
      [roomId]: {
        ...room,
        seq: Math.max(room.seq, seq),
        read_seq: Math.max(room.read_seq, seq),
        unread: caughtUp ? 0 : room.unread,
        mentions: caughtUp ? 0 : room.mentions,
      },
    },
  }
}

// Readings

/** The worst and oldest first: what must be seen stands at the front. */
export const incidentOrder = (a: Incident, b: Incident): number =>
  a.severity - b.severity || a.times.declared.localeCompare(b.times.declared)

/** Rooms for the sidebar: by name. Open incidents have rows of their own; the room of a resolved one stays here until it is closed. */
export function sidebarRooms(s: Pick<OfficeState, 'rooms' | 'incidents'>): Room[] {
  const rank: Record<string, number> = { incident: 0, team: 0, office: 1, meeting: 2, focus: 3, lounge: 4 }
  const open = new Set(Object.values(s.incidents).map((i) => i.room.id))
  return Object.values(s.rooms)
    .filter((r) => !open.has(r.id) && !r.archived && ((r.kind !== 'focus' && r.kind !== 'incident') || r.member))
    .sort((a, b) => (rank[a.kind] ?? 0) - (rank[b.kind] ?? 0) || a.name.localeCompare(b.name))
}

/** Who is in which room, by presence. */
export function insideRooms(presence: Record<string, Presence>): Record<string, string[]> {
  const out: Record<string, string[]> = {}
  for (const p of Object.values(presence)) {
    if (p.room_id && p.state !== 'offline') (out[p.room_id] ??= []).push(p.user_id)
  }
  return out
}
