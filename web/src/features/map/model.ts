// Who stands where, what a room says about itself, and how the keyboard walks the plan. No DOM: tested as functions.
import type { Floor, Incident, Presence, Room, RunSummary, User } from '@/api/types'
import { awaitsAck, awaitsWord } from '@/lib/awaits'
import { modeMark } from '@/lib/severity'
import { gridOf, planRoom, type Rect, type RoomPlan, type Seat } from './plan'

export type Placed = { user: User; presence: Presence; seat: Seat; name: string; you: boolean }
export type MapRoom = {
  id: string
  room: Room | null
  rect: Rect
  kind: string
  /** How it is built and furnished. */
  shape: string
  doors: { side: 'n' | 's' | 'e' | 'w'; at: number }[]
  plan: RoomPlan
  people: Placed[]
  /** Everyone in the room, seated or not. */
  present: { user: User; presence: Presence }[]
  /** How many stand beyond the seats. */
  more: number
  incident: Incident | null
  run: RunSummary | null
  /** How many runs work for it. */
  runs: number
  /** How many wait for somebody's yes. */
  waiting: number
  header: number
}
export type Office = {
  rooms: Room[]
  people: User[]
  presence: Presence[]
  incidents: Incident[]
  runs: RunSummary[]
}

const ACTIVE: ReadonlySet<string> = new Set(['running', 'queued'])
/** Above this many people on a floor, rooms show fewer faces and more "+N", so that movement stays smooth. */
export const CROWD = 300
/** How many faces a room of a crowded floor shows. */
export const FACES = 4
/** From so many faces in view, avatars take their new seat at once instead of gliding there: each step of a glide paints anew. */
export const STILL = 60
/** From so many, faces are shapes and colours: letters this small could not be read, and cost most of the painting. Looking closer brings them back. */
export const TERSE = 120
/** And how often, in milliseconds, such a floor is drawn anew. */
export const CROWD_PACE = 100

export function rectOf(r: { x: number; y: number; w: number; h: number }, grid: number): Rect {
  return { x: r.x * grid, y: r.y * grid, w: r.w * grid, h: r.h * grid }
}

/** What was built last, so that a room in which nothing changed stays the same object and is not drawn anew. */
export type Built = Map<string, { of: readonly unknown[]; present: MapRoom['present']; room: MapRoom }>

export function buildFloor(floor: Floor, office: Office, me: string, built: Built = new Map()): MapRoom[] {
  const users = new Map(office.people.map((u) => [u.id, u]))
  const rooms = new Map(office.rooms.map((r) => [r.id, r]))
  const incidents = new Map(office.incidents.map((i) => [i.room.id, i]))
  const runs = new Map<string, RunSummary[]>()
  for (const x of office.runs) if (x.room_id && ACTIVE.has(x.state)) runs.set(x.room_id, [...(runs.get(x.room_id) ?? []), x])
  const waits = new Map<string, number>()
  for (const x of office.runs) if (x.room_id && x.state === 'waiting') waits.set(x.room_id, (waits.get(x.room_id) ?? 0) + 1)
  const inRoom = new Map<string, MapRoom['present']>()
  let crowd = 0
  const grid = gridOf(floor.layout.width)
  const here = new Set(floor.layout.rooms.map((r) => r.room_id ?? ''))
  for (const p of office.presence) {
    const user = users.get(p.user_id)
    if (!user || !p.room_id || p.state === 'offline' || !here.has(p.room_id)) continue
    const list = inRoom.get(p.room_id)
    if (list) list.push({ user, presence: p })
    else inRoom.set(p.room_id, [{ user, presence: p }])
    crowd++
  }
  const crowded = crowd > CROWD
  const ids = new Set<string>()
  const out = floor.layout.rooms.map((slot, i) => {
    const id = slot.room_id || `free-${i}`
    ids.add(id)
    const room = rooms.get(id) ?? null
    const incident = room ? (incidents.get(id) ?? null) : null
    const mine = room ? (runs.get(id) ?? []) : []
    const run = mine[0] ?? null
    const present = sortPresent(inRoom.get(id) ?? [], me)
    const waiting = room ? (waits.get(id) ?? 0) : 0
    const of = [slot, grid, room, incident, run, mine.length, waiting, me, crowded]
    const old = built.get(id)
    const same = old && old.of.every((x, k) => x === of[k])
    if (same && old.present.length === present.length && present.every((p, k) => p.user === old.present[k]!.user && p.presence === old.present[k]!.presence)) return old.room
    const rect = rectOf(slot, grid)
    const kind = room?.kind ?? slot.kind ?? ''
    const shape = slot.kind || kind
    const header = same ? old.room.header : headerHeight(rect, incident)
    const plan = same ? old.room.plan : planRoom(rect, shape, slot.seats, header)
    const { seated, more } = seat(present, plan.seats, crowded ? Math.min(plan.seats.length, FACES) : plan.seats.length)
    const names = shortNames(seated.map((x) => x.user))
    const before = new Map(same ? old.room.people.map((w) => [w.user.id, w]) : [])
    const made: MapRoom = {
      id,
      room,
      rect,
      kind,
      shape,
      doors: slot.doors ?? NONE,
      plan,
      present,
      people: seated.map((x) => {
        const you = x.user.id === me
        const name = you ? 'You' : (names.get(x.user.id) ?? x.user.display)
        const was = before.get(x.user.id)
        return was && was.user === x.user && was.presence === x.presence && was.seat === x.seat && was.name === name ? was : { ...x, name, you }
      }),
      more,
      incident,
      run,
      runs: mine.length,
      waiting,
      header,
    }
    built.set(id, { of, present, room: made })
    return made
  })
  for (const id of built.keys()) if (!ids.has(id)) built.delete(id)
  return out
}
const NONE: MapRoom['doors'] = []

function headerHeight(rect: Rect, incident: Incident | null): number {
  if (!incident) return 30
  return rect.w < 170 ? 64 : 52
}

/** You first, then whoever the server seated, then by name: nobody jumps when somebody else moves. */
function sortPresent<T extends { user: User; presence: Presence }>(list: T[], me: string): T[] {
  return [...list].sort((a, b) => {
    if (a.user.id === me || b.user.id === me) return a.user.id === me ? -1 : 1
    const sa = a.presence.seat ?? Infinity
    const sb = b.presence.seat ?? Infinity
    return sa !== sb ? sa - sb : a.user.display.localeCompare(b.user.display)
  })
}

/** The server assigns seats; a seat that the drawing lacks, or two people on one seat, falls to the next free one. */
export function seat<T extends { presence: Presence }>(people: T[], seats: Seat[], limit = seats.length): { seated: (T & { seat: Seat })[]; more: number } {
  const room = Math.min(limit, seats.length)
  const chosen = people.slice(0, room)
  const taken = new Set<number>()
  const at = new Map<T, number>()
  for (const p of chosen) {
    const n = p.presence.seat
    if (n !== null && n >= 0 && n < seats.length && !taken.has(n)) {
      taken.add(n)
      at.set(p, n)
    }
  }
  let free = 0
  for (const p of chosen) {
    if (at.has(p)) continue
    while (taken.has(free)) free++
    taken.add(free)
    at.set(p, free)
  }
  const seated = chosen.flatMap((p) => {
    const s = seats[at.get(p) ?? -1]
    return s ? [{ ...p, seat: s }] : []
  })
  return { seated, more: people.length - seated.length }
}

/** First names; where two share one, the last name's initial is added. */
export function shortNames(users: { id: string; display: string }[]): Map<string, string> {
  const count = new Map<string, number>()
  const first = (u: { display: string }) => u.display.split(' ')[0] ?? u.display
  for (const u of users) count.set(first(u), (count.get(first(u)) ?? 0) + 1)
  return new Map(
    users.map((u) => {
      const parts = u.display.split(' ')
      const last = parts.length > 1 ? parts[parts.length - 1] : ''
      return [u.id, (count.get(first(u)) ?? 0) > 1 && last ? `${first(u)} ${last[0]}` : first(u)]
    }),
  )
}

export type Direction = 'left' | 'right' | 'up' | 'down'
/** The room an arrow key leads to: the nearest one whose middle lies that way, straying counted double. */
export function neighbour(rooms: { id: string; rect: Rect }[], from: string, to: Direction): string | null {
  const start = rooms.find((r) => r.id === from)
  if (!start) return rooms[0]?.id ?? null
  const c = middle(start.rect)
  let best: string | null = null
  let bestCost = Infinity
  for (const r of rooms) {
    if (r.id === from) continue
    const m = middle(r.rect)
    const dx = m.x - c.x
    const dy = m.y - c.y
    const ahead = to === 'left' ? -dx : to === 'right' ? dx : to === 'up' ? -dy : dy
    const aside = to === 'left' || to === 'right' ? overlapGap(start.rect.y, start.rect.h, r.rect.y, r.rect.h) : overlapGap(start.rect.x, start.rect.w, r.rect.x, r.rect.w)
    if (ahead <= 4) continue
    // A room beside counts before one that only lies in that direction.
    const cost = ahead + (aside > 0 ? 400 + aside * 2 : 0) + (to === 'left' || to === 'right' ? Math.abs(dy) : Math.abs(dx)) * 0.2
    if (cost < bestCost) {
      bestCost = cost
      best = r.id
    }
  }
  return best
}
function middle(r: Rect): { x: number; y: number } {
  return { x: r.x + r.w / 2, y: r.y + r.h / 2 }
}
function overlapGap(a: number, al: number, b: number, bl: number): number {
  return Math.max(0, Math.max(a, b) - Math.min(a + al, b + bl))
}

/** Type-ahead: the next room after `from` whose name, ticket or title starts a word with what was typed. */
export function typeAhead(rooms: MapRoom[], from: string, typed: string): string | null {
  const q = typed.trim().toLowerCase()
  if (!q) return null
  const start = Math.max(0, rooms.findIndex((r) => r.id === from))
  // A single letter typed again goes on to the next match; a longer word may stay where it is.
  const offset = q.length > 1 ? 0 : 1
  for (let i = 0; i < rooms.length; i++) {
    const r = rooms[(start + i + offset) % rooms.length]
    if (r && words(r).some((w) => w.startsWith(q))) return r.id
  }
  return null
}
function words(r: MapRoom): string[] {
  const texts = [r.room?.name, r.incident?.ticket, r.incident?.title].flatMap((t) => (t ? [t.toLowerCase()] : []))
  return texts.flatMap((t) => [t, ...t.split(/[\s\-_/]+/)]).filter(Boolean)
}

/** What a screen reader hears for a room; the picture says the same. */
export function describe(r: MapRoom, now: number, call = ''): string {
  if (!r.room) return r.shape === 'incident' ? 'Free war room' : 'Private room'
  const parts: string[] = [r.incident ? `${r.incident.ticket}, ${[modeMark(r.incident.mode).toLowerCase(), `severity ${r.incident.severity}`].filter(Boolean).join(', ')}, ${r.incident.title}, ${clockWords(r.incident, now)}` : r.room.name]
  if (!r.incident) parts.push(kindInWords(r.kind))
  else if (awaitsAck(r.incident)) parts.push(awaitsWord(r.incident))
  // You stand first in the room, and are said below.
  const others = r.present.filter((p) => !r.people.some((x) => x.you && x.user.id === p.user.id))
  const named = others.slice(0, 3).map((p) => p.user.display)
  if (others.length > named.length) named.push(`${others.length - named.length} more`)
  parts.push(r.present.length === 0 ? 'nobody here' : `${r.present.length === 1 ? '1 person' : `${r.present.length} people`}${named.length ? `: ${listed(named)}` : ''}`)
  if (r.present.some((p) => p.user.id && r.people.some((x) => x.you && x.user.id === p.user.id))) parts.push('you are here')
  if (r.room.door !== 'open') parts.push(`door ${r.room.door}`)
  if (call) parts.push(call)
  if (r.run) parts.push(`run ${r.run.number} at ${percent(r.run)} percent${r.run.progress.failed ? `, ${r.run.progress.failed} failed` : ''}${r.runs > 1 ? `, and ${r.runs - 1} more` : ''}`)
  if (r.waiting) parts.push(r.waiting === 1 ? '1 run waits for approval' : `${r.waiting} runs wait for approval`)
  const unread = unreadWords(r.room)
  if (unread) parts.push(unread)
  return parts.join(', ')
}
/** What a war room's badge says within a width: a drill is never taken for an outage, so its word stays where not all fits. */
export function severityMark(i: Pick<Incident, 'severity' | 'mode'>, width: number, letter: number): string {
  const word = modeMark(i.mode)
  const all = [word, `SEV-${i.severity}`].filter(Boolean).join(' ')
  return word && all.length * letter > width ? word : all
}
/** "A", "A and B", "A, B and 4 more". */
export const listed = (names: readonly string[]): string => (names.length > 1 ? `${names.slice(0, -1).join(', ')} and ${names.at(-1)}` : (names[0] ?? ''))
export const unreadWords = (room: Pick<Room, 'unread' | 'mentions'>): string => (room.mentions ? `${room.mentions} ${room.mentions === 1 ? 'mention' : 'mentions'}` : room.unread ? `${room.unread} unread` : '')

/** Who was called to an incident, and where they are with it. */
export function calledWords(i: Pick<Incident, 'pages'>, present: ReadonlySet<string>): string {
  const last = new Map<string, string>()
  for (const p of i.pages) last.set(p.user_id, p.state)
  const count = { paged: 0, seen: 0, way: 0 }
  for (const [user, state] of last) {
    if (present.has(user)) continue
    if (state === 'paged') count.paged++
    else if (state === 'seen') count.seen++
    else if (state === 'acknowledged') count.way++
  }
  return [count.paged && `${count.paged} paged`, count.seen && `${count.seen} seen`, count.way && `${count.way} on the way`].filter(Boolean).join(', ')
}

/** The list in its parts: war rooms, then where something is, then what is empty. */
export function listParts(rooms: MapRoom[], here: string): { war: MapRoom[]; rooms: MapRoom[]; empty: MapRoom[] } {
  const all = listOrder(rooms)
  const war = all.filter((r) => r.incident && !resolved(r.incident))
  const rest = all.filter((r) => !war.includes(r))
  const lively = (r: MapRoom) => r.id === here || r.present.length > 0 || !!r.run || r.waiting > 0 || !!r.incident || !!r.room?.mentions
  return { war, rooms: rest.filter(lively), empty: rest.filter((r) => !lively(r)) }
}

/** Letters on the plan are never smaller than this on the screen, however small the floor is drawn. */
export const LEAST = 11
/** How large a letter is to be drawn so that it is that large; in steps, so that a little zooming draws nothing anew. */
export const leastUnits = (scale: number): number => (scale > 0 ? Math.ceil((LEAST / scale) * 4) / 4 : LEAST)
/** By how much a face grows so that its letters can be read: no further than its neighbours leave it. */
export const faceScale = (least: number): number => Math.min(1.4, Math.max(1, least / LETTERS))
/** How large the letters on a face are, before it grows. */
export const LETTERS = 11

export function kindInWords(kind: string): string {
  switch (kind) {
    case 'team':
      return 'team room'
    case 'incident':
      return 'war room'
    case 'lounge':
      return 'lounge'
    case 'lobby':
      return 'lobby'
    case 'gallery':
      return 'gallery'
    case 'meeting':
      return 'meeting room'
    case 'focus':
      return 'focus booth'
    case 'office':
      return 'office'
    default:
      return 'room'
  }
}

export function percent(run: { progress: { done: number; total: number; failed: number }; state: string }): number {
  const { done, total } = run.progress
  if (total <= 0) return 0
  return Math.min(100, Math.floor((done / total) * 100))
}

/** "42 min", "3 h 5 min", "2 days": a clock in words that does not tick every second. */
export function minutesInWords(ms: number): string {
  const min = Math.max(0, Math.floor(ms / 60_000))
  if (min < 1) return 'under a minute'
  if (min < 60) return `${min} min`
  const h = Math.floor(min / 60)
  if (h < 48) return min % 60 ? `${h} h ${min % 60} min` : `${h} h`
  return `${Math.floor(h / 24)} days`
}

export type Box = { x: number; y: number; w: number; h: number }
/** Zooms about a point, never closer than five times and never beyond the whole floor. */
export function zoom(view: Box, full: Box, factor: number, cx: number, cy: number): Box {
  const w = Math.min(full.w, Math.max(full.w / 5, view.w / factor))
  const h = (w * full.h) / full.w
  const kx = (cx - view.x) / view.w
  const ky = (cy - view.y) / view.h
  return within({ x: cx - kx * w, y: cy - ky * h, w, h }, full)
}
export function pan(view: Box, full: Box, dx: number, dy: number): Box {
  return within({ ...view, x: view.x + dx, y: view.y + dy }, full)
}
/** The view that shows a room with some floor around it. */
export function focusOn(rect: Rect, full: Box): Box {
  const w = Math.min(full.w, Math.max(rect.w * 2.2, (rect.h * 2.2 * full.w) / full.h, full.w / 3))
  const h = (w * full.h) / full.w
  return within({ x: rect.x + rect.w / 2 - w / 2, y: rect.y + rect.h / 2 - h / 2, w, h }, full)
}
function within(v: Box, full: Box): Box {
  return { ...v, x: Math.min(full.x + full.w - v.w, Math.max(full.x, v.x)), y: Math.min(full.y + full.h - v.h, Math.max(full.y, v.y)) }
}

/** The list: open incidents by severity, then rooms with people, then the rest by name. */
export function listOrder(rooms: MapRoom[]): MapRoom[] {
  return rooms
    .filter((r) => r.room)
    .sort((a, b) => {
      const sa = a.incident?.severity ?? 9
      const sb = b.incident?.severity ?? 9
      if (sa !== sb) return sa - sb
      const pa = a.present.length > 0 ? 0 : 1
      const pb = b.present.length > 0 ? 0 : 1
      if (pa !== pb) return pa - pb
      return (a.room?.name ?? '').localeCompare(b.room?.name ?? '')
    })
}

/** People whose name, login or team contains every typed word; those in a room first. */
export function findPeople(office: Office, typed: string, limit = 8): { user: User; presence: Presence | null }[] {
  const terms = typed.toLowerCase().split(/\s+/).filter(Boolean)
  if (terms.length === 0) return []
  const at = new Map(office.presence.map((p) => [p.user_id, p]))
  return office.people
    .filter((u) => !u.disabled && u.kind === 'person')
    .filter((u) => {
      const text = `${u.display} ${u.name} ${u.team} ${u.title}`.toLowerCase()
      return terms.every((t) => text.includes(t))
    })
    .map((user) => ({ user, presence: at.get(user.id) ?? null }))
    .sort((a, b) => Number(!a.presence?.room_id) - Number(!b.presence?.room_id) || a.user.display.localeCompare(b.user.display))
    .slice(0, limit)
}

/** A resolved incident keeps its room until it is closed; its clock stands still. */
export function resolved(i: Pick<Incident, 'stage'>): boolean {
  return i.stage === 'resolved' || i.stage === 'closed'
}
/** "open 42 min", or that it is over. */
export function clockWords(i: Pick<Incident, 'stage' | 'times'>, now: number): string {
  return resolved(i) ? 'resolved' : `open ${minutesInWords(now - Date.parse(i.times.declared))}`
}

/** The list is shown first where a plan would not help: on a phone, and while a SEV-1 is open. */
export function defaultView(narrow: boolean, incidents: Incident[]): 'plan' | 'list' {
  return narrow || incidents.some((i) => i.severity === 1 && !resolved(i)) ? 'list' : 'plan'
}
