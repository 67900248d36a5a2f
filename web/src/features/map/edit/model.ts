// The plan while somebody edits it. Pure, without DOM: each act gives a new plan, and history remembers the ones
// before. Units are the plan's own (10 pixels of a screen); everything snaps to whole ones. What is checked here in
// words is checked again by the server, with the same bounds.
import type { Floor, FloorDoor, FloorFile, FloorLayout, FloorPlan, FloorTeam } from '@/api/types'

export type Item = {
  /** Names it while it is edited; the same through undo and redo. */
  key: string
  type: 'room' | 'slot'
  /** '' until it is saved, for a room that is made here. */
  id: string
  name: string
  kind: string
  x: number
  y: number
  w: number
  h: number
  seats: number
  doors: FloorDoor[]
}
export type Doc = { width: number; height: number; items: Item[] }
export type Rect = { x: number; y: number; w: number; h: number }

export const MAX_SIDE = 1000
export const MIN_WIDTH = 30
export const MIN_ROOM = 6
export const MAX_ROOMS = 500
export const MAX_SLOTS = 100
export const MAX_SEATS = 500
export const MAX_FLOOR_SEATS = 10_000
export const MAX_DOORS = 16
export const DOOR = 2
export const KINDS: { id: string; label: string; w: number; h: number; seats: number }[] = [
  { id: 'team', label: 'Team room', w: 29, h: 22, seats: 8 },
  { id: 'office', label: 'Office', w: 16, h: 18, seats: 2 },
  { id: 'meeting', label: 'Meeting room', w: 22, h: 26, seats: 6 },
  { id: 'focus', label: 'Focus booths', w: 26, h: 14, seats: 5 },
  { id: 'gallery', label: 'Gallery', w: 34, h: 24, seats: 20 },
  { id: 'lobby', label: 'Lobby', w: 24, h: 24, seats: 6 },
  { id: 'lounge', label: 'Lounge', w: 34, h: 26, seats: 8 },
]
export const SLOT = { w: 34, h: 28 }

let serial = 0
/** A new key; only different from all others of this page. */
export const newKey = () => `k${++serial}`

export const empty: Doc = { width: 0, height: 0, items: [] }

export function fromLayout(l: FloorLayout): Doc {
  return {
    width: l.width,
    height: l.height,
    items: [
      ...l.rooms.map((r) => ({ key: newKey(), type: 'room' as const, id: r.room_id ?? '', name: r.name ?? '', kind: r.kind ?? 'team', x: r.x, y: r.y, w: r.w, h: r.h, seats: r.seats, doors: r.doors ?? [] })),
      ...(l.slots ?? []).map((s) => ({ key: newKey(), type: 'slot' as const, id: '', name: '', kind: 'incident', ...s, seats: 12, doors: [] })),
    ],
  }
}
export function toLayout(d: Doc): FloorLayout {
  return {
    width: d.width,
    height: d.height,
    rooms: d.items.filter((i) => i.type === 'room').map(({ id, name, kind, x, y, w, h, seats, doors }) => ({ ...(id ? { room_id: id } : { name: name.trim() }), kind, x, y, w, h, seats, doors })),
    slots: d.items.filter((i) => i.type === 'slot').map(({ x, y, w, h }) => ({ x, y, w, h })),
  }
}
/** A plan that has never been drawn has no size: it gets one that holds what is there. */
export function fromPlan(p: FloorPlan): Doc {
  const d = fromLayout(p.layout)
  return d.width ? d : { ...d, width: 112, height: 72 }
}
/** After saving: rooms that were made have their ids now. The server keeps the order. */
export function withIds(d: Doc, saved: FloorPlan): Doc {
  let n = 0
  const items = d.items.map((i) => {
    if (i.type === 'slot') return i
    const r = saved.layout.rooms[n++]
    return r?.room_id && r.room_id !== i.id ? { ...i, id: r.room_id, name: r.name ?? i.name } : i
  })
  return { ...d, items }
}

// -- What a thing is called

export function label(d: Doc, i: Item): string {
  if (i.type === 'slot') return `War room place ${d.items.filter((x) => x.type === 'slot').indexOf(i) + 1}`
  return i.name || (i.id ? 'Private room' : 'New room')
}
export const kindLabel = (kind: string) => (kind === 'incident' ? 'War room' : (KINDS.find((k) => k.id === kind)?.label ?? kind))
const at = (d: Doc, key: string) => d.items.find((i) => i.key === key)

// -- Acts: each gives a new plan, or the same where it changes nothing

const clamp = (n: number, low: number, high: number) => Math.round(Math.min(Math.max(n, low), Math.max(low, high)))
function change(d: Doc, key: string, fn: (i: Item) => Item): Doc {
  let changed = false
  const items = d.items.map((i) => {
    if (i.key !== key) return i
    const next = fn(i)
    if (same(next, i)) return i
    changed = true
    return next
  })
  return changed ? { ...d, items } : d
}
const same = (a: Item, b: Item) => a === b || JSON.stringify(a) === JSON.stringify(b)

/** A door stays on its wall when the wall gets shorter. */
const onWall = (i: Item): Item => {
  const doors = i.doors.map((door) => {
    const to = clamp(door.at, 0, (door.side === 'n' || door.side === 's' ? i.w : i.h) - DOOR)
    return to === door.at ? door : { ...door, at: to }
  })
  return doors.every((door, k) => door === i.doors[k]) ? i : { ...i, doors }
}

/** Moves a thing, as far as the floor goes. */
export const moveTo = (d: Doc, key: string, x: number, y: number): Doc => change(d, key, (i) => ({ ...i, x: clamp(x, 0, d.width - i.w), y: clamp(y, 0, d.height - i.h) }))
export const moveBy = (d: Doc, key: string, dx: number, dy: number): Doc => {
  const i = at(d, key)
  return i ? moveTo(d, key, i.x + dx, i.y + dy) : d
}
/** Resizes by its walls: those that are named move, the others stay. */
export function resize(d: Doc, key: string, to: { left?: number; top?: number; right?: number; bottom?: number }): Doc {
  return change(d, key, (i) => {
    const right = i.x + i.w
    const bottom = i.y + i.h
    const l = to.left === undefined ? i.x : clamp(to.left, 0, right - MIN_ROOM)
    const t = to.top === undefined ? i.y : clamp(to.top, 0, bottom - MIN_ROOM)
    const r = to.right === undefined ? right : clamp(to.right, l + MIN_ROOM, d.width)
    const b = to.bottom === undefined ? bottom : clamp(to.bottom, t + MIN_ROOM, d.height)
    return onWall({ ...i, x: l, y: t, w: r - l, h: b - t })
  })
}
export const resizeBy = (d: Doc, key: string, dw: number, dh: number): Doc => {
  const i = at(d, key)
  return i ? resize(d, key, { right: i.x + i.w + dw, bottom: i.y + i.h + dh }) : d
}
/** Typed numbers are taken as they are, within reason: what is wrong with them is said, not hidden. */
export const setRect = (d: Doc, key: string, r: Partial<Rect>): Doc =>
  change(d, key, (i) => onWall({ ...i, x: clamp(r.x ?? i.x, 0, MAX_SIDE), y: clamp(r.y ?? i.y, 0, MAX_SIDE), w: clamp(r.w ?? i.w, MIN_ROOM, MAX_SIDE), h: clamp(r.h ?? i.h, MIN_ROOM, MAX_SIDE) }))
export const setSeats = (d: Doc, key: string, seats: number): Doc => change(d, key, (i) => ({ ...i, seats: clamp(seats, 0, MAX_SEATS) }))
export const setKind = (d: Doc, key: string, kind: string): Doc => change(d, key, (i) => (i.type === 'slot' ? i : { ...i, kind }))
/** Only of a room that is made here: another one is renamed where it is. */
export const setName = (d: Doc, key: string, name: string): Doc => change(d, key, (i) => (i.id || i.type === 'slot' ? i : { ...i, name: name.slice(0, 80) }))
export const setSize = (d: Doc, width: number, height: number): Doc => {
  const w = clamp(width, MIN_WIDTH, MAX_SIDE)
  const h = clamp(height, MIN_ROOM, MAX_SIDE)
  return w === d.width && h === d.height ? d : { ...d, width: w, height: h }
}
export const addDoor = (d: Doc, key: string): Doc =>
  change(d, key, (i) => {
    if (i.doors.length >= MAX_DOORS || i.type === 'slot') return i
    const side = (['s', 'n', 'e', 'w'] as const).find((x) => !i.doors.some((door) => door.side === x)) ?? 's'
    return { ...i, doors: [...i.doors, { side, at: Math.max(0, Math.floor((side === 'n' || side === 's' ? i.w : i.h) / 2) - 1) }] }
  })
export const setDoor = (d: Doc, key: string, n: number, door: Partial<FloorDoor>): Doc => change(d, key, (i) => onWall({ ...i, doors: i.doors.map((x, k) => (k === n ? { ...x, ...door } : x)) }))
export const removeDoor = (d: Doc, key: string, n: number): Doc => change(d, key, (i) => ({ ...i, doors: i.doors.filter((_, k) => k !== n) }))
export const remove = (d: Doc, key: string): Doc => (at(d, key) ? { ...d, items: d.items.filter((i) => i.key !== key) } : d)

/** A place where a room of that size meets none, row by row from the top; below everything when there is none. */
export function freeSpot(d: Doc, w: number, h: number): { x: number; y: number; height: number } {
  const gap = 2
  const xs = [gap, ...d.items.map((i) => i.x + i.w + gap)].filter((x) => x + w + gap <= d.width).sort((a, b) => a - b)
  const ys = [gap, ...d.items.map((i) => i.y + i.h + gap), ...d.items.map((i) => i.y)].filter((y) => y >= 0).sort((a, b) => a - b)
  for (const y of ys)
    if (y + h + gap <= d.height)
      for (const x of xs) if (!d.items.some((i) => x < i.x + i.w + 1 && i.x < x + w + 1 && y < i.y + i.h + 1 && i.y < y + h + 1)) return { x, y, height: d.height }
  const y = Math.max(gap, ...d.items.map((i) => i.y + i.h + gap))
  return { x: gap, y, height: Math.max(d.height, y + h + gap) }
}
/** Puts a room on the plan where there is space. A room without an id is made when the plan is saved. */
export function addRoom(d: Doc, room: { id?: string; name: string; kind: string }, key = newKey()): Doc {
  const k = KINDS.find((x) => x.id === room.kind) ?? KINDS[0]!
  const w = Math.min(k.w, d.width - 4)
  const spot = freeSpot(d, w, k.h)
  const item: Item = { key, type: 'room', id: room.id ?? '', name: room.name, kind: room.kind, x: spot.x, y: spot.y, w, h: k.h, seats: k.seats, doors: [{ side: 's', at: Math.floor(w / 2) - 1 }] }
  return { ...d, height: spot.height, items: [...d.items, item] }
}
export function addSlot(d: Doc, key = newKey()): Doc {
  const w = Math.min(SLOT.w, d.width - 4)
  const spot = freeSpot(d, w, SLOT.h)
  return { ...d, height: spot.height, items: [...d.items, { key, type: 'slot', id: '', name: '', kind: 'incident', x: spot.x, y: spot.y, w, h: SLOT.h, seats: 12, doors: [] }] }
}
/** A name that no room here has yet. */
export function freshName(d: Doc, kind: string, taken: ReadonlySet<string>): string {
  const base = kindLabel(kind)
  const has = new Set([...taken, ...d.items.map((i) => i.name.toLowerCase())])
  for (let n = 1; ; n++) {
    const name = n === 1 ? base : `${base} ${n}`
    if (!has.has(name.toLowerCase())) return name
  }
}

// -- What is wrong, in words

const meets = (a: Rect, b: Rect) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h
/** What a thing overlaps. */
export const overlaps = (d: Doc, key: string): Item[] => {
  const i = at(d, key)
  return i ? d.items.filter((o) => o.key !== key && meets(i, o)) : []
}
/** Where two things lie over each other. */
export const meeting = (a: Rect, b: Rect): Rect => {
  const x = Math.max(a.x, b.x)
  const y = Math.max(a.y, b.y)
  return { x, y, w: Math.min(a.x + a.w, b.x + b.w) - x, h: Math.min(a.y + a.h, b.y + b.h) - y }
}
export type Trouble = { keys: string[]; text: string }
/** Everything that keeps a plan from being saved. */
export function problems(d: Doc): Trouble[] {
  const out: Trouble[] = []
  const rooms = d.items.filter((i) => i.type === 'room')
  const slots = d.items.length - rooms.length
  if (d.width < MIN_WIDTH || d.width > MAX_SIDE || d.height < MIN_ROOM || d.height > MAX_SIDE) out.push({ keys: [], text: `The floor is ${d.width} × ${d.height}. It can be ${MIN_WIDTH} to ${MAX_SIDE} wide and ${MIN_ROOM} to ${MAX_SIDE} high.` })
  if (rooms.length > MAX_ROOMS) out.push({ keys: [], text: `The floor has ${rooms.length} rooms. It can have ${MAX_ROOMS}.` })
  if (slots > MAX_SLOTS) out.push({ keys: [], text: `The floor has ${slots} places for war rooms. It can have ${MAX_SLOTS}.` })
  const seats = rooms.reduce((n, i) => n + i.seats, 0)
  if (seats > MAX_FLOOR_SEATS) out.push({ keys: [], text: `The floor has ${seats} seats. It can have ${MAX_FLOOR_SEATS}.` })
  const named = new Map<string, Item>()
  for (const i of d.items) {
    const name = label(d, i)
    if (i.x + i.w > d.width || i.y + i.h > d.height) out.push({ keys: [i.key], text: `${name} lies outside the floor.` })
    if (i.type === 'slot') continue
    if (!i.id && !i.name.trim()) out.push({ keys: [i.key], text: 'A new room has no name yet.' })
    const low = i.name.trim().toLowerCase()
    const other = low ? named.get(low) : undefined
    if (other) out.push({ keys: [other.key, i.key], text: `Two rooms are named ${i.name}.` })
    if (low) named.set(low, i)
  }
  d.items.forEach((a, n) => {
    for (const b of d.items.slice(0, n)) if (meets(a, b)) out.push({ keys: [a.key, b.key], text: `${label(d, a)} overlaps ${label(d, b)}.` })
  })
  return out
}
/** What is said while something is moved: where it is, and what it lies over. */
export function inWords(d: Doc, key: string): string {
  const i = at(d, key)
  if (!i) return ''
  const over = overlaps(d, key).map((o) => label(d, o))
  return `${label(d, i)}, ${i.w} by ${i.h}, ${i.x} from the left, ${i.y} from the top.${over.length ? ` Overlaps ${over.slice(0, 3).join(', ')}${over.length > 3 ? ` and ${over.length - 3} more` : ''}.` : ''}`
}

// -- History

export type Step = { doc: Doc; label: string; merge: string }
export type History = { past: Step[]; now: Doc; future: Step[]; saved: Doc }
const DEEP = 200

export const begin = (doc: Doc): History => ({ past: [], now: doc, future: [], saved: doc })
/** Does something. Acts of one gesture (the same `merge`, not '') are undone together. */
export function act(h: History, name: string, doc: Doc, merge = ''): History {
  if (doc === h.now) return h
  const last = h.past.at(-1)
  if (merge && last?.merge === merge && h.future.length === 0) return { ...h, now: doc }
  return { ...h, past: [...h.past.slice(1 - DEEP), { doc: h.now, label: name, merge }], now: doc, future: [] }
}
export function undo(h: History): History {
  const step = h.past.at(-1)
  if (!step) return h
  return { ...h, past: h.past.slice(0, -1), now: step.doc, future: [...h.future, { doc: h.now, label: step.label, merge: '' }] }
}
export function redo(h: History): History {
  const step = h.future.at(-1)
  if (!step) return h
  return { ...h, past: [...h.past, { doc: h.now, label: step.label, merge: '' }], now: step.doc, future: h.future.slice(0, -1) }
}
/** Is there something that would be lost? */
export const dirty = (h: History): boolean => h.now !== h.saved && JSON.stringify(toLayout(h.now)) !== JSON.stringify(toLayout(h.saved))

// -- From files and lists

/** Reads a floor from a file somebody exported, or wrote. Throws what to say. Ids are not taken over: rooms are known by their names. */
export function fromFile(text: string): { name: string; doc: Doc } {
  if (text.length > 500_000) throw new Error('This file is larger than a floor can be. Choose one that was exported here or from another Muster.')
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch {
    throw new Error('This file is not JSON. Choose one that was exported from a floor.')
  }
  const file = data as Partial<FloorFile> & Partial<FloorLayout>
  if (typeof data !== 'object' || data === null || Array.isArray(data)) throw new Error('This file holds no floor. Choose one that was exported from a floor.')
  if (file.format && file.format !== 'muster-floor-1') throw new Error(`This file has the format ${String(file.format).slice(0, 40)}, which this version does not read.`)
  const l = (file.layout ?? file) as Partial<FloorLayout>
  const number = (v: unknown, what: string): number => {
    if (typeof v !== 'number' || !Number.isInteger(v) || Math.abs(v) > 1e6) throw new Error(`${what} is not a whole number.`)
    return v
  }
  if (!Array.isArray(l.rooms) || (l.slots !== undefined && !Array.isArray(l.slots))) throw new Error('This file has no list of rooms. Choose one that was exported from a floor.')
  if (l.rooms.length > MAX_ROOMS) throw new Error(`This file has ${l.rooms.length} rooms. A floor holds ${MAX_ROOMS}.`)
  if ((l.slots?.length ?? 0) > MAX_SLOTS) throw new Error(`This file has ${l.slots!.length} places for war rooms. A floor holds ${MAX_SLOTS}.`)
  const box = (r: unknown, what: string): Rect => {
    const o = (r ?? {}) as Record<string, unknown>
    const b = { x: number(o.x, `${what}: x`), y: number(o.y, `${what}: y`), w: number(o.w, `${what}: w`), h: number(o.h, `${what}: h`) }
    if (b.w < MIN_ROOM || b.h < MIN_ROOM || b.w > MAX_SIDE || b.h > MAX_SIDE) throw new Error(`${what} is ${b.w} × ${b.h}. A room is at least ${MIN_ROOM} × ${MIN_ROOM}, and at most as big as its floor.`)
    if (b.x < 0 || b.y < 0 || b.x > MAX_SIDE || b.y > MAX_SIDE) throw new Error(`${what} lies outside the floor.`)
    return b
  }
  const layout: FloorLayout = {
    width: number(l.width, 'The width of the floor'),
    height: number(l.height, 'The height of the floor'),
    rooms: l.rooms.map((r, n) => {
      const o = (r ?? {}) as unknown as Record<string, unknown>
      const name = typeof o.name === 'string' ? o.name.trim().slice(0, 80) : ''
      const what = name || `Room ${n + 1}`
      if (!name) throw new Error(`${what} of the file has no name.`)
      const kind = o.kind === undefined ? 'team' : String(o.kind)
      if (!KINDS.some((k) => k.id === kind)) throw new Error(`${what} has the kind “${kind.slice(0, 20)}”, which there is not.`)
      const seats = number(o.seats ?? 0, `${what}: seats`)
      if (seats < 0 || seats > MAX_SEATS) throw new Error(`${what} has ${seats} seats. A room has 0 to ${MAX_SEATS}.`)
      const doors = Array.isArray(o.doors) ? o.doors : []
      if (doors.length > MAX_DOORS) throw new Error(`${what} has ${doors.length} doors. A room has at most ${MAX_DOORS}.`)
      const b = box(r, what)
      return {
        name,
        kind,
        seats,
        ...b,
        doors: doors.map((door: Record<string, unknown> | null) => {
          const side = door?.side
          if (side !== 'n' && side !== 's' && side !== 'e' && side !== 'w') throw new Error(`A door of ${what} is in no wall: n, s, e and w are walls.`)
          const where = number(door?.at, `${what}: a door`)
          if (where < 0 || where > (side === 'n' || side === 's' ? b.w : b.h) - DOOR) throw new Error(`A door of ${what} is not on its wall.`)
          return { side, at: where }
        }),
      }
    }),
    slots: (l.slots ?? []).map((s, n) => box(s, `War room place ${n + 1}`)),
  }
  const doc = fromLayout(layout)
  const wrong = problems(doc)
  if (wrong.length) throw new Error(`${wrong[0]!.text}${wrong.length > 1 ? ` And ${wrong.length - 1} more: mend the file first.` : ' Mend the file first.'}`)
  return { name: typeof file.name === 'string' ? file.name.slice(0, 40) : '', doc }
}

/** Rooms that are known take the place of those that are only named the same. */
export function recognise(d: Doc, rooms: readonly { id: string; name: string; kind: string; floor: string }[], floor: string): Doc {
  const byName = new Map(rooms.filter((r) => r.floor === floor && r.kind !== 'incident').map((r) => [r.name.toLowerCase(), r]))
  return {
    ...d,
    items: d.items.map((i) => {
      const r = i.type === 'room' && !i.id ? byName.get(i.name.trim().toLowerCase()) : undefined
      return r ? { ...i, id: r.id, name: r.name } : i
    }),
  }
}

/** A list of teams as it is typed: a name and how many people in each line. Throws what to say. */
export function parseTeams(text: string): FloorTeam[] {
  const teams: FloorTeam[] = []
  const seen = new Set<string>()
  text.split('\n').forEach((raw, n) => {
    const line = raw.trim()
    if (!line) return
    const m = /^(.*?)[\s,;:]+(\d{1,6})$/.exec(line)
    const name = (m?.[1] ?? line).trim()
    const people = m ? Number(m[2]) : 8
    if (!name || name.length > 80) throw new Error(`Line ${n + 1} needs a name of 1 to 80 characters before the number.`)
    if (people < 1 || people > 200) throw new Error(`Line ${n + 1}: ${name} has ${people} people. A room is arranged for 1 to 200.`)
    if (seen.has(name.toLowerCase())) throw new Error(`Line ${n + 1}: ${name} is there twice.`)
    seen.add(name.toLowerCase())
    teams.push({ name, people })
  })
  if (teams.length === 0) throw new Error('Name at least one team, one in each line, such as “Payments 8”.')
  if (teams.length > 100) throw new Error(`These are ${teams.length} teams. A floor is arranged for 100.`)
  return teams
}
/** The teams people belong to, as such a list. */
export function teamsOf(people: readonly { team: string; disabled: boolean; kind: string }[]): string {
  const count = new Map<string, number>()
  for (const p of people) if (p.team && !p.disabled && p.kind === 'person') count.set(p.team, (count.get(p.team) ?? 0) + 1)
  return [...count]
    .sort((a, b) => a[0].localeCompare(b[0]))
    .slice(0, 100)
    .map(([team, n]) => `${team} ${Math.max(4, Math.min(200, n))}`)
    .join('\n')
}

/** A floor as a file. */
export const fileName = (f: Pick<Floor, 'name'>) => `${f.name.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '') || 'floor'}.muster-floor.json`
/** What is carried elsewhere: names, no ids. Rooms one may not read are not in it. */
export function toFile(d: Doc, name: string): FloorFile {
  const layout = toLayout(d)
  const rooms = d.items.filter((i) => i.type === 'room' && i.name.trim())
  const left_out = layout.rooms.length - rooms.length
  return { format: 'muster-floor-1', name, layout: { ...layout, rooms: rooms.map(({ name: n, kind, x, y, w, h, seats, doors }) => ({ name: n.trim(), kind, x, y, w, h, seats, doors })) }, ...(left_out ? { left_out } : {}) }
}
/** The next thing in reading order: rows from the top, then from the left. */
export function next(d: Doc, key: string, by: 1 | -1): string {
  const order = [...d.items].sort((a, b) => a.y - b.y || a.x - b.x)
  const n = order.findIndex((i) => i.key === key)
  return order[n < 0 ? 0 : (n + by + order.length) % order.length]?.key ?? ''
}
