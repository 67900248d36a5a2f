// Where furniture and seats stand in a room. Pure geometry: the server says which rooms there are, how big they are
// and how many seats they have; this file makes a place of it. Units are SVG pixels.

/** Pixels to a grid unit: ten, less on a wide floor, so that people stay large enough to be told apart. */
export function gridOf(width: number): number {
  return Math.max(7.5, Math.min(10, 980 / Math.max(1, width)))
}

export type Rect = { x: number; y: number; w: number; h: number }
export type Seat = { x: number; y: number; label: 'above' | 'below' }
export type Piece =
  | { kind: 'desk'; x: number; y: number; w: number; face: 'up' | 'down' }
  | { kind: 'table'; x: number; y: number; w: number; h: number; r: number }
  | { kind: 'oval'; x: number; y: number; rx: number; ry: number }
  | { kind: 'screen'; x: number; y: number; w: number; h: number }
  | { kind: 'sofa'; x: number; y: number; w: number; h: number }
  | { kind: 'bar'; x: number; y: number; w: number }
  | { kind: 'wall'; x: number; y: number; h: number; gap: number }
  | { kind: 'plant'; x: number; y: number; r: number }
export type RoomPlan = { seats: Seat[]; pieces: Piece[]; bot: { x: number; y: number } }

/** The furniture a kind of room gets. A kind we do not know is furnished as a meeting room, which suits any size. */
export function planRoom(rect: Rect, kind: string, seats: number, header: number): RoomPlan {
  const inner: Rect = { x: rect.x + 10, y: rect.y + header, w: rect.w - 20, h: Math.max(0, rect.h - header - 8) }
  const bot = { x: rect.x + rect.w - 26, y: rect.y + 26 }
  switch (kind) {
    case 'team':
      return { ...team(inner, seats), bot }
    case 'lounge':
      return { ...lounge(inner, seats), bot }
    case 'lobby':
      return { ...lobby(inner, seats), bot }
    case 'gallery':
      return { ...gallery(inner, seats), bot }
    case 'focus':
      return { ...booths(inner, seats), bot }
    case 'office':
      return { ...office(inner, seats), bot }
    default: {
      const plan = meeting(inner, seats, kind === 'incident')
      const roomy = rect.w >= 180 && rect.h >= 150
      return { ...plan, bot: roomy ? { x: rect.x + 32, y: rect.y + rect.h - 50 } : bot }
    }
  }
}

const BANK_HEIGHT = 118
const DESK = 17

/** Banks of facing desks, as many as the room takes; a shallow room gets one row. */
function team(a: Rect, want: number): Omit<RoomPlan, 'bot'> {
  const columnsMax = Math.max(1, Math.floor(a.w / 36.5))
  const facing = a.h >= BANK_HEIGHT - 8
  const rows = facing ? 2 : 1
  const bankHeight = facing ? BANK_HEIGHT : 64
  const banksMax = Math.max(1, Math.floor((a.h + 8) / bankHeight))
  const banks = Math.min(banksMax, Math.max(1, Math.ceil(want / (columnsMax * rows))))
  const columns = Math.min(columnsMax, Math.max(1, Math.ceil(want / (banks * rows))))
  const pitch = Math.min(48, a.w / columns)
  const left = a.x + (a.w - pitch * columns) / 2
  const gap = (a.h - banks * bankHeight) / (banks + 1)
  const pieces: Piece[] = []
  const slots: { seat: Seat; piece: Piece; order: number }[] = []
  for (let b = 0; b < banks; b++) {
    const top = a.y + Math.max(0, gap) * (b + 1) + b * bankHeight + (facing ? 41 : 2)
    for (let row = 0; row < rows; row++) {
      for (let c = 0; c < columns; c++) {
        const x = left + c * pitch
        const up = facing && row === 0
        const y = top + row * (DESK + 2)
        slots.push({
          piece: { kind: 'desk', x, y, w: pitch - 3, face: up ? 'up' : 'down' },
          seat: { x: x + pitch / 2 - 1.5, y: up ? y - 13 : y + 30, label: up ? 'above' : 'below' },
          // People spread over the bank like on a chessboard before neighbours sit side by side.
          order: ((row + c) % 2) * 1000 + b * 100 + c,
        })
      }
    }
  }
  slots.sort((p, q) => p.order - q.order)
  for (const x of slots) pieces.push(x.piece)
  return { seats: slots.slice(0, want).map((x) => x.seat), pieces }
}

/** One table and chairs around it; a wide war room gets the oval with the shared screen on it. */
function meeting(a: Rect, want: number, war: boolean): Omit<RoomPlan, 'bot'> {
  const cx = a.x + a.w / 2
  const cy = a.y + a.h / 2 - 4
  const pieces: Piece[] = []
  if (a.w >= 190 && a.h >= 140) {
    const rx = Math.min(110, a.w / 2 - 30)
    const ry = Math.min(86, a.h / 2 - 28)
    const capacity = Math.max(2, Math.floor(ellipse(rx, ry) / 46))
    pieces.push({ kind: 'oval', x: cx, y: cy, rx: rx - 30, ry: ry - 34 })
    if (war) pieces.push({ kind: 'screen', x: cx - 28, y: cy - 14, w: 56, h: 28 })
    if (a.h > 170) pieces.push({ kind: 'plant', x: a.x + a.w - 10, y: a.y + a.h - 10, r: 8 })
    return { pieces, seats: around(cx, cy, rx, ry, Math.min(want, capacity)) }
  }
  const upright = a.h >= a.w
  const length = upright ? a.h : a.w
  const perSide = Math.max(1, Math.min(Math.ceil(want / 2), Math.floor((length - 22) / 46)))
  const span = perSide * 46
  const seats: Seat[] = []
  const depth = Math.min(upright ? a.w : a.h, 120)
  const tw = Math.max(14, Math.min(38, depth - 76))
  if (upright) {
    pieces.push({ kind: 'table', x: cx - tw / 2, y: cy - span / 2 + 2, w: tw, h: span - 4, r: 10 })
    for (let i = 0; i < perSide; i++) {
      const y = cy - span / 2 + 20 + i * 46
      seats.push({ x: cx - tw / 2 - 18, y, label: 'below' }, { x: cx + tw / 2 + 18, y, label: 'below' })
    }
  } else {
    const flat = a.h < 104
    const th = Math.max(12, Math.min(34, a.h - 92))
    pieces.push({ kind: 'table', x: cx - span / 2 + 2, y: flat ? a.y + 2 : cy - th / 2, w: span - 4, h: flat ? 16 : th, r: 8 })
    for (let i = 0; i < perSide; i++) {
      const x = cx - span / 2 + 23 + i * 46
      if (flat) seats.push({ x, y: a.y + 36, label: 'below' })
      else seats.push({ x, y: cy - th / 2 - 17, label: 'above' }, { x, y: cy + th / 2 + 17, label: 'below' })
    }
  }
  return { pieces, seats: seats.slice(0, Math.max(want, 0)) }
}

/** A coffee bar, a corner sofa and round tables, as many as the seats ask for. */
function lounge(a: Rect, want: number): Omit<RoomPlan, 'bot'> {
  const pieces: Piece[] = []
  const seats: Seat[] = []
  const tall = a.h >= 150
  if (tall) pieces.push({ kind: 'bar', x: a.x + 2, y: a.y + 4, w: Math.min(90, a.w * 0.42) })
  const sofaH = Math.min(92, a.h - (tall ? 46 : 14))
  const sofaW = Math.min(110, a.w * 0.5)
  const sofaY = a.y + a.h - sofaH - 12
  pieces.push({ kind: 'sofa', x: a.x + 14, y: sofaY, w: sofaW, h: sofaH })
  pieces.push({ kind: 'table', x: a.x + 52, y: sofaY + sofaH - 62, w: Math.min(46, sofaW - 48), h: 26, r: 8 })
  // The corner seat comes first: a lounge looks inhabited with one person in it.
  for (let y = sofaY + 8; y < sofaY + sofaH - 26; y += 42) seats.push({ x: a.x + 14, y, label: 'below' })
  for (let x = a.x + 60; x < a.x + 14 + sofaW; x += 44) seats.push({ x, y: sofaY + sofaH - 2, label: 'above' })
  const side = a.x + sofaW + 52
  const columns = Math.max(1, Math.floor((a.x + a.w - side + 10) / 96))
  const lines = Math.max(1, Math.floor((a.h - 6) / 84))
  for (let l = 0; l < lines && seats.length < want; l++) {
    for (let c = 0; c < columns && seats.length < want; c++) {
      const x = Math.min(a.x + a.w - 36, side + c * 96)
      const y = a.y + (tall ? 30 : 24) + l * 84
      pieces.push({ kind: 'oval', x, y, rx: 14, ry: 14 })
      seats.push({ x: x - 28, y: y + 2, label: 'below' }, { x: x + 26, y: y + 2, label: 'below' })
    }
  }
  if (a.w > 150 && tall) pieces.push({ kind: 'plant', x: a.x + a.w - 10, y: a.y + a.h - 12, r: 10 })
  pieces.push({ kind: 'plant', x: a.x + a.w - 8, y: a.y - 14, r: 9 })
  return { pieces, seats: seats.slice(0, want) }
}

/** A desk to be met at, and a row of seats to wait on. */
function lobby(a: Rect, want: number): Omit<RoomPlan, 'bot'> {
  const pieces: Piece[] = [{ kind: 'bar', x: a.x + 4, y: a.y + 4, w: Math.min(110, a.w * 0.55) }]
  const seats: Seat[] = []
  const pitch = 42
  const columns = Math.max(1, Math.floor((a.w - 10) / pitch))
  const lines = Math.max(1, Math.floor((a.h - 44) / 56))
  const left = a.x + (a.w - columns * pitch) / 2
  for (let l = 0; l < lines && seats.length < want; l++)
    for (let c = 0; c < columns && seats.length < want; c++) seats.push({ x: left + c * pitch + pitch / 2, y: Math.min(a.y + a.h - 26, a.y + 56 + l * 56), label: 'below' })
  if (a.h > 90) pieces.push({ kind: 'plant', x: a.x + a.w - 10, y: a.y + 10, r: 10 })
  if (a.w > 150 && a.h > 150) pieces.push({ kind: 'plant', x: a.x + 12, y: a.y + a.h - 12, r: 9 })
  return { seats, pieces }
}

/** Rows that look to a screen in front: those who listen sit beside the speakers' table, not at it. */
function gallery(a: Rect, want: number): Omit<RoomPlan, 'bot'> {
  const screen = Math.min(140, a.w * 0.55)
  const pieces: Piece[] = [{ kind: 'screen', x: a.x + (a.w - screen) / 2, y: a.y - 2, w: screen, h: 26 }]
  const seats: Seat[] = []
  const pitch = 40
  const columns = Math.max(1, Math.floor((a.w - 6) / pitch))
  const lines = Math.max(1, Math.floor((a.h - 32) / 46))
  for (let l = 0; l < lines && seats.length < want; l++) {
    const n = Math.min(columns, want - seats.length)
    const left = a.x + (a.w - n * pitch) / 2
    for (let c = 0; c < n; c++) seats.push({ x: left + c * pitch + pitch / 2, y: Math.min(a.y + a.h - 24, a.y + 50 + l * 46), label: 'below' })
  }
  return { seats, pieces }
}

/** Booths side by side with thin walls between them. */
function booths(a: Rect, want: number): Omit<RoomPlan, 'bot'> {
  const n = Math.max(1, Math.min(want, Math.floor(a.w / 44) || 1))
  const width = a.w / n
  const pieces: Piece[] = []
  const seats: Seat[] = []
  for (let i = 0; i < n; i++) {
    const cx = a.x + width * i + width / 2
    if (i > 0) pieces.push({ kind: 'wall', x: a.x + width * i, y: a.y, h: a.h, gap: 0 })
    pieces.push({ kind: 'table', x: cx - 14, y: a.y + 2, w: 28, h: 9, r: 2 })
    seats.push({ x: cx, y: a.y + Math.min(a.h - 28, 30), label: 'below' })
  }
  return { pieces, seats }
}

function office(a: Rect, want: number): Omit<RoomPlan, 'bot'> {
  const cx = a.x + a.w / 2
  const y = a.y + Math.max(42, a.h / 2 - 8)
  const seats: Seat[] = [{ x: cx, y: y - 13, label: 'above' }]
  for (let i = 1; i < want; i++) seats.push({ x: cx + (i % 2 ? -24 : 24) * Math.ceil(i / 2), y: y + 30, label: 'below' })
  return { seats: seats.filter((s) => s.x > a.x + 8 && s.x < a.x + a.w - 8), pieces: [{ kind: 'desk', x: cx - 30, y, w: 60, face: 'up' }, { kind: 'plant', x: a.x + a.w - 8, y: a.y + a.h - 10, r: 8 }] }
}

function ellipse(rx: number, ry: number): number {
  return Math.PI * (3 * (rx + ry) - Math.sqrt((3 * rx + ry) * (rx + 3 * ry)))
}

/** Seats at equal distances along an ellipse, from the top clockwise. */
export function around(cx: number, cy: number, rx: number, ry: number, n: number): Seat[] {
  if (n <= 0) return []
  const steps = 720
  const points: { x: number; y: number }[] = []
  const lengths: number[] = [0]
  for (let i = 0; i <= steps; i++) {
    const angle = -Math.PI / 2 + (2 * Math.PI * i) / steps
    const p = { x: cx + rx * Math.cos(angle), y: cy + ry * Math.sin(angle) }
    const last = points[i - 1]
    if (last) lengths.push((lengths[i - 1] ?? 0) + Math.hypot(p.x - last.x, p.y - last.y))
    points.push(p)
  }
  const total = lengths[steps] ?? 1
  const seats: Seat[] = []
  let i = 0
  for (let k = 0; k < n; k++) {
    const goal = (total * k) / n
    while (i < steps && (lengths[i] ?? 0) < goal) i++
    const p = points[i] ?? { x: cx, y: cy }
    seats.push({ x: p.x, y: p.y, label: 'below' })
  }
  return seats
}

export type Door = { side: 'n' | 's' | 'e' | 'w'; at: number }
/** A door as two strokes: the gap it cuts into the wall, and the quarter circle it swings. */
export function doorPaths(r: Rect, door: Door, grid = 10, length = 26): { gap: string; swing: string; bolt: { x: number; y: number } } {
  const along = door.side === 'n' || door.side === 's' ? r.w : r.h
  const at = Math.max(6, Math.min(along - length - 6, door.at * grid))
  switch (door.side) {
    case 'n':
    case 's': {
      const x = r.x + at
      const y = door.side === 'n' ? r.y : r.y + r.h
      return { bolt: { x: x + length / 2, y }, gap: `M${x} ${y}h${length}`, swing: `M${x} ${y}v${-length}A${length} ${length} 0 0 1 ${x + length} ${y}` }
    }
    default: {
      const x = door.side === 'w' ? r.x : r.x + r.w
      const y = r.y + at
      return { bolt: { x, y: y + length / 2 }, gap: `M${x} ${y}v${length}`, swing: `M${x} ${y}h${length}A${length} ${length} 0 0 1 ${x} ${y + length}` }
    }
  }
}

/** Cuts a label to a width without measuring: digits and letters of the interface font average a little over half the size. */
export function fit(text: string, width: number, size: number): string {
  const max = Math.floor(width / (size * 0.56))
  if (text.length <= max) return text
  return max <= 1 ? '' : text.slice(0, Math.max(1, max - 1)).trimEnd() + '…'
}

/** Breaks a label into at most `lines` lines, the last one cut with an ellipsis. */
export function wrap(text: string, width: number, size: number, lines: number): string[] {
  const max = Math.max(4, Math.floor(width / (size * 0.56)))
  const out: string[] = []
  let line = ''
  const words = text.split(/\s+/).filter(Boolean)
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? ''
    const next = line ? `${line} ${word}` : word
    if (next.length <= max || !line) {
      line = next
      continue
    }
    if (out.length === lines - 1) {
      line = `${line} ${words.slice(i).join(' ')}`
      break
    }
    out.push(line)
    line = word
  }
  if (line) out.push(fit(line, width, size))
  return out.slice(0, lines)
}
