// What the screens know of the office, and how events change it. Pure: a snapshot with every later
// event applied is the next snapshot. Applying one that the snapshot already holds changes nothing: most
// carry the whole thing they are about, and those that count carry the room's number. e2e/live holds
// all of this against the server.
import type {
  Call,
  CallPerson,
  Desk,
  Floor,
  Get,
  Incident,
  Knock,
  Media,
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

/** A room and the number up to which its counts are known: what is told of an earlier one is in them. */
export type KnownRoom = Room & { since: number }

export type OfficeState = {
  floors: Floor[]
  rooms: Record<string, KnownRoom>
  users: Record<string, User>
  presence: Record<string, Presence>
  /** Open ones only. */
  incidents: Record<string, Incident>
  /** Active ones only. */
  runs: Record<string, RunSummary>
  oncall: OnCall[]
  /** Requests to come somewhere that I haven't answered, and mine that wait. */
  gets: Record<string, Get>
  desk: Desk
  /** My own pending knocks, and those at the door of the room I am in. */
  knocks: Record<string, Knock>
  /** Those with people in them. */
  calls: Record<string, Call>
  media: Media
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
  desk: { home_room_id: null, starred: [] },
  knocks: {},
  calls: {},
  media: { state: 'off', record: '', keep_days: 0 },
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

/** A room I don't see any more takes its call with it. */
const withoutRoom = (calls: Record<string, Call>, room: string): Record<string, Call> => {
  const call = callIn(calls, room)
  return call ? without(calls, call.id) : calls
}

export const fromSnapshot = (o: Office): OfficeState => ({
  floors: o.floors ?? [],
  rooms: index(
    (o.rooms ?? []).map((r) => ({ ...r, since: r.seq })),
    (r) => r.id,
  ),
  users: index(o.people, (u) => u.id),
  presence: index(o.presence, (p) => p.user_id),
  incidents: index(o.incidents.filter(isOpen), (i) => i.id),
  runs: index(o.runs, (r) => r.id),
  oncall: o.oncall ?? [],
  gets: index(o.gets, (g) => g.id),
  desk: o.desk,
  knocks: index(o.knocks, (k) => k.id),
  calls: index(
    o.calls.filter((c) => c.people.length > 0),
    (c) => c.id,
  ),
  media: o.media,
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

/** Beyond this many, the server does not count what is unread. */
const MANY = 10_000

export function applyOffice(s: OfficeState, e: OfficeEvent, me = ''): OfficeState {
  switch (e.type) {
    case 'presence':
      // Nor of a guest who is gone: their devices take a moment to fall silent.
      if (s.users[e.presence.user_id]?.disabled !== false) return s
      return { ...s, presence: { ...s.presence, [e.presence.user_id]: e.presence }, knocks: e.presence.user_id === me && e.presence.state !== 'offline' ? heardIn(s.knocks, me, e.presence.room_id) : s.knocks }
    case 'user':
      if (e.user.kind === 'guest' && e.user.disabled) return { ...s, users: without(s.users, e.user.id), presence: without(s.presence, e.user.id) }
      return { ...s, users: { ...s.users, [e.user.id]: e.user }, presence: e.user.disabled ? without(s.presence, e.user.id) : s.presence }
    case 'room': {
      const old = s.rooms[e.room.id]
      if (e.room.archived) return { ...s, rooms: without(s.rooms, e.room.id), calls: withoutRoom(s.calls, e.room.id) }
      const seq = e.room.seq ?? 0
      const room = old ? { ...old, ...e.room, seq: Math.max(old.seq, seq) } : ({ ...fresh, ...e.room, since: seq } as KnownRoom)
      return { ...s, rooms: { ...s.rooms, [room.id]: room } }
    }
    case 'floor': {
      const at = s.floors.findIndex((f) => f.id === e.floor.id)
      // What I may do is told with the snapshot, not with what everybody is told.
      const abilities = e.floor.abilities ?? s.floors[at]?.abilities
      const floor = abilities ? { ...e.floor, abilities } : e.floor
      const floors = at < 0 ? [...s.floors, floor] : s.floors.with(at, floor)
      return { ...s, floors }
    }
    case 'floors': {
      const floors = e.ids.flatMap((id) => s.floors.find((f) => f.id === id) ?? [])
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
      if (!room || e.seq <= room.since) return s
      let unread = room.unread
      // Nothing counts in a room one never had to do with, nor what one wrote oneself.
      if (room.read_seq >= 0 && !e.quiet && e.author !== me && (e.deleted ?? e.seq) > room.read_seq) {
        if (!e.deleted) unread = Math.min(MANY, unread + 1)
        else if (unread < MANY) unread = Math.max(0, unread - 1)
      }
      return { ...s, rooms: { ...s.rooms, [room.id]: { ...room, seq: Math.max(room.seq, e.seq), unread } } }
    }
    case 'call':
      return { ...s, calls: e.call.people.length ? { ...s.calls, [e.call.id]: e.call } : without(s.calls, e.call.id) }
    case 'media':
      return { ...s, media: { ...s.media, ...e.media } }
    default:
      return s // 'oncall' carries nothing: the store fetches it.
  }
}
/** Whoever goes elsewhere is not told any more what comes of the knocks at the door they left. */
function heardIn(knocks: Record<string, Knock>, me: string, room: string | null): Record<string, Knock> {
  const all = Object.values(knocks)
  const heard = all.filter((k) => k.user_id === me || k.room_id === room)
  return heard.length === all.length ? knocks : index(heard, (k) => k.id)
}
const fresh: Omit<Room, 'id' | 'name'> = {
  kind: 'team',
  topic: '',
  private: false,
  door: 'open',
  subject: { kind: '', id: '' },
  floor: '',
  recording: 'none',
  seq: 0,
  archived: false,
  created_at: '',
  unread: 0,
  mentions: 0,
  read_seq: -1,
  member: false,
  abilities: {},
}

export function applyUser(s: OfficeState, e: UserEvent): OfficeState {
  switch (e.type) {
    case 'get':
      return { ...s, gets: e.get.state === 'pending' ? { ...s.gets, [e.get.id]: e.get } : without(s.gets, e.get.id) }
    case 'knock':
      return { ...s, knocks: e.knock.state === 'pending' ? { ...s.knocks, [e.knock.id]: e.knock } : without(s.knocks, e.knock.id) }
    case 'desk':
      return { ...s, desk: e.desk }
    case 'notification':
      return { ...s, unseen: e.unread }
    case 'mention': {
      const room = s.rooms[e.room_id]
      if (!room || e.seq <= room.since) return s
      return { ...s, rooms: { ...s.rooms, [room.id]: { ...room, mentions: room.mentions + 1, read_seq: room.read_seq < 0 ? e.seq - 1 : room.read_seq } } }
    }
    case 'membership': {
      const room = s.rooms[e.room_id]
      if (!room) return s // A private room I was let into: the next snapshot brings it.
      if (!e.member && room.private) return { ...s, rooms: without(s.rooms, room.id), calls: withoutRoom(s.calls, room.id) }
      return { ...s, rooms: { ...s.rooms, [room.id]: { ...room, member: e.member, read_seq: room.read_seq < 0 ? (e.read_seq ?? -1) : room.read_seq } } }
    }
    case 'read': {
      const room = s.rooms[e.room_id]
      if (!room || e.as_of < room.since) return s
      const read_seq = Math.max(room.read_seq, e.seq)
      return { ...s, rooms: { ...s.rooms, [room.id]: { ...room, read_seq, unread: e.unread, mentions: 0, seq: Math.max(room.seq, e.as_of), since: e.as_of } } }
    }
    default:
      return s
  }
}

/** What an event leaves open, so that only a new snapshot tells. */
export function leavesOpen(s: OfficeState, e: OfficeEvent | UserEvent): boolean {
  switch (e.type) {
    case 'rights':
      return true
    case 'floor':
      // Rules may speak of a floor by its name.
      return !e.floor.abilities && !s.floors.some((f) => f.id === e.floor.id && f.name === e.floor.name)
    case 'membership': {
      // Who sits in a private room, and what runs for it, is shown with the room.
      const room = s.rooms[e.room_id]
      return room ? room.private : e.member
    }
    case 'room':
      // What is there of a room that was there before, and what was: its calls, whether a run is told to be its own.
      if (e.room.archived) return !!s.rooms[e.room.id] && e.room.name === undefined
      return (!!e.room.member || (e.room.seq ?? 0) > 0) && !s.rooms[e.room.id]
    case 'read': {
      // Counted before something that was told already.
      const room = s.rooms[e.room_id]
      return !!room && room.seq > e.as_of
    }
    default:
      return false
  }
}

/** What of the office is told to me alone, since it is about a private room, comes on my own channel. */
export const isOfficeEvent = (e: OfficeEvent | UserEvent): e is OfficeEvent =>
  e.type === 'presence' || e.type === 'room' || e.type === 'unread' || e.type === 'floor' || e.type === 'floors' || e.type === 'incident' || e.type === 'run' || e.type === 'call'

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
  a.severity - b.severity || b.times.declared.localeCompare(a.times.declared)

/** Rooms for the sidebar: by name. Open incidents have rows of their own; the room of a resolved one stays here until it is closed. */
export function sidebarRooms(s: Pick<OfficeState, 'rooms' | 'incidents'>): Room[] {
  const rank: Record<string, number> = { incident: 0, team: 0, office: 1, meeting: 2, gallery: 3, focus: 4, lobby: 5, lounge: 6 }
  const open = new Set(Object.values(s.incidents).map((i) => i.room.id))
  return Object.values(s.rooms)
    .filter((r) => !open.has(r.id) && !r.archived && ((r.kind !== 'focus' && r.kind !== 'incident') || r.member))
    .sort((a, b) => (rank[a.kind] ?? 0) - (rank[b.kind] ?? 0) || a.name.localeCompare(b.name))
}

/** Whether the door keeps out who is not inside: the server's rule, so that screens offer what it would do. */
export function keepsOut(r: Pick<Room, 'door' | 'kind' | 'member'>, inside: number): boolean {
  if (r.door === 'open' || (r.member && (r.door === 'locked' || r.kind === 'incident'))) return false
  return r.door === 'locked' || inside > 0
}

/** Who is in which room, by presence. A room in which nobody came or went since `before` keeps its list. */
export function insideRooms(presence: Record<string, Presence>, before: Record<string, string[]> = {}): Record<string, string[]> {
  const out: Record<string, string[]> = {}
  for (const p of Object.values(presence)) {
    if (p.room_id && p.state !== 'offline') (out[p.room_id] ??= []).push(p.user_id)
  }
  for (const [room, ids] of Object.entries(out)) {
    const was = before[room]
    if (was && was.length === ids.length && was.every((id, n) => id === ids[n])) out[room] = was
  }
  return out
}

/** The call of a room. */
export const callIn = (calls: Record<string, Call>, room: string | null | undefined): Call | undefined => Object.values(calls).find((c) => c.room_id === room)

/** Where somebody sits at a table, or else in a gallery. */
export function callOf(calls: Record<string, Call>, user: string): { room: string; person: CallPerson } | undefined {
  let listens: { room: string; person: CallPerson } | undefined
  for (const c of Object.values(calls)) {
    const person = c.people.find((x) => x.user_id === user)
    if (!person) continue
    if (person.mode === 'table') return { room: c.room_id, person }
    listens ??= { room: c.room_id, person }
  }
  return listens
}

/** Whether calls in a room are recorded: because it says so itself, or the office says so of all like it. */
export const recordsCalls = (room: Room | undefined, media: Media): boolean =>
  !!room && (room.recording === 'required' || media.record === 'all' || (media.record === 'incidents' && room.kind === 'incident'))
