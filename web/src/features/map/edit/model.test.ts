import { describe, expect, it } from 'vitest'
import { fuzz, type Random } from '@/lib/fuzz'
import * as m from './model'

const room = (key: string, x: number, y: number, w = 20, h = 20, over: Partial<m.Item> = {}): m.Item => ({ key, type: 'room', id: 'id-' + key, name: key, kind: 'team', x, y, w, h, seats: 4, doors: [{ side: 's', at: 4 }], ...over })
const doc = (...items: m.Item[]): m.Doc => ({ width: 100, height: 80, items })
const of = (d: m.Doc, key: string) => d.items.find((i) => i.key === key)!

describe('acts', () => {
  it('keep a room on the floor, in whole units', () => {
    const d = doc(room('a', 2, 2))
    expect(of(m.moveTo(d, 'a', 3.4, -9), 'a')).toMatchObject({ x: 3, y: 0 })
    expect(of(m.moveBy(d, 'a', 999, 999), 'a')).toMatchObject({ x: 80, y: 60 })
    expect(of(m.resizeBy(d, 'a', -99, 999), 'a')).toMatchObject({ x: 2, w: m.MIN_ROOM, h: 78 })
    expect(of(m.resize(d, 'a', { left: 50 }), 'a')).toMatchObject({ x: 16, w: 6 })
    expect(of(m.resize(d, 'a', { left: 0, top: 0 }), 'a')).toMatchObject({ x: 0, y: 0, w: 22, h: 22 })
  })
  it('keep a door on its wall', () => {
    const d = doc(room('a', 2, 2, 20, 20, { doors: [{ side: 's', at: 18 }, { side: 'e', at: 9 }] }))
    expect(of(m.resizeBy(d, 'a', -10, 0), 'a').doors).toEqual([{ side: 's', at: 8 }, { side: 'e', at: 9 }])
    expect(of(m.setDoor(d, 'a', 1, { at: 99 }), 'a').doors[1]).toEqual({ side: 'e', at: 18 })
    expect(of(m.addDoor(d, 'a'), 'a').doors[2]).toMatchObject({ side: 'n' })
    expect(of(m.removeDoor(d, 'a', 0), 'a').doors).toHaveLength(1)
    expect(of(m.addDoor(doc(room('a', 2, 2, 20, 20, { doors: Array.from({ length: 16 }, () => ({ side: 'n' as const, at: 0 })) })), 'a'), 'a').doors).toHaveLength(16)
  })
  it('give the same plan where nothing changes', () => {
    const d = doc(room('a', 0, 0))
    for (const same of [m.moveBy(d, 'a', -5, 0), m.moveBy(d, 'gone', 1, 1), m.remove(d, 'gone'), m.setSeats(d, 'a', 4), m.setName(d, 'a', 'other'), m.setSize(d, 100, 80)]) expect(same).toBe(d)
  })
  it('put a new room where nothing stands, and below when all is full', () => {
    let d: m.Doc = { width: 60, height: 60, items: [] }
    for (let n = 0; n < 12; n++) d = n % 3 ? m.addRoom(d, { name: `r${n}`, kind: 'team' }) : m.addSlot(d)
    expect(m.problems(d)).toEqual([])
    expect(d.height).toBeGreaterThan(60)
  })
  it('names a new room unlike any other', () => {
    expect(m.freshName(doc(room('a', 0, 0, 20, 20, { name: 'Lobby' })), 'lobby', new Set(['lobby 2']))).toBe('Lobby 3')
  })
})

describe('what is wrong', () => {
  it('is said with names', () => {
    const d = doc(room('Ops', 0, 0), room('Risk', 10, 10), room('x', 90, 0), room('y', 40, 40, 20, 20, { id: '', name: ' ' }), { ...room('s', 62, 62, 10, 10), type: 'slot', id: '', name: '' })
    expect(m.problems(d).map((p) => p.text)).toEqual(['x lies outside the floor.', 'A new room has no name yet.', 'Risk overlaps Ops.'])
    expect(m.inWords(d, 'Risk')).toBe('Risk, 20 by 20, 10 from the left, 10 from the top. Overlaps Ops.')
    expect(m.label(d, d.items[4]!)).toBe('War room place 1')
    expect(m.meeting(of(d, 'Ops'), of(d, 'Risk'))).toEqual({ x: 10, y: 10, w: 10, h: 10 })
    expect(m.problems(doc(room('a', 0, 0, 20, 20, { name: 'Ops' }), room('b', 20, 0, 20, 20, { name: 'ops' }))).map((p) => p.text)).toEqual(['Two rooms are named ops.'])
  })
  it('allows rooms to share a wall', () => {
    expect(m.problems(doc(room('a', 0, 0), room('b', 20, 0)))).toEqual([])
  })
})

describe('files', () => {
  const good = { format: 'muster-floor-1', name: 'Ops', layout: { width: 100, height: 80, rooms: [{ name: 'A', kind: 'lobby', x: 2, y: 2, w: 20, h: 20, seats: 3, doors: [{ side: 'n', at: 2 }] }], slots: [{ x: 30, y: 2, w: 20, h: 20 }] } }
  const with_ = (r: object) => JSON.stringify({ ...good, layout: { ...good.layout, rooms: [{ ...good.layout.rooms[0], ...r }] } })
  it('give the plan they hold', () => {
    const { name, doc: d } = m.fromFile(JSON.stringify(good))
    expect(name).toBe('Ops')
    expect(m.toLayout(d)).toEqual(good.layout)
    expect(m.fromFile(JSON.stringify(good.layout)).doc.items).toHaveLength(2)
  })
  it('find the rooms that are there by their names', () => {
    const d = m.recognise(m.fromFile(JSON.stringify(good)).doc, [{ id: 'r1', name: 'a', kind: 'team', floor: 'f' }, { id: 'r2', name: 'A', kind: 'team', floor: 'other' }], 'f')
    expect(d.items[0]).toMatchObject({ id: 'r1', name: 'a' })
  })
  it.each([
    ['{', 'not JSON'],
    ['[]', 'no floor'],
    ['null', 'no floor'],
    ['{"format":"sococo-7"}', 'format sococo-7'],
    ['{"width":100,"height":80}', 'no list of rooms'],
    [with_({ name: '' }), 'Room 1 of the file has no name'],
    [with_({ w: 1e9 }), 'A: w is not a whole number'],
    [with_({ x: 2.5 }), 'A: x is not a whole number'],
    [with_({ w: -4 }), 'A is -4 × 20'],
    [with_({ x: -1 }), 'A lies outside'],
    [with_({ x: 90 }), 'A lies outside'],
    [with_({ seats: 501 }), 'A has 501 seats'],
    [with_({ kind: 'pool' }), 'A has the kind “pool”'],
    [with_({ doors: [{ side: 'up', at: 1 }] }), 'A door of A is in no wall'],
    [with_({ doors: [{ side: 'n', at: 19 }] }), 'A door of A is not on its wall'],
    [with_({ doors: Array(17).fill({ side: 'n', at: 0 }) }), '17 doors'],
    [JSON.stringify({ ...good, layout: { ...good.layout, rooms: Array(501).fill(good.layout.rooms[0]) } }), '501 rooms'],
    [JSON.stringify({ ...good, layout: { ...good.layout, slots: [{ x: 10, y: 10, w: 20, h: 20 }] } }), 'War room place 1 overlaps A'],
    ['x'.repeat(600_000), 'larger than a floor'],
  ])('%.60s says what is wrong', (text, says) => {
    expect(() => m.fromFile(text)).toThrow(says)
  })
  fuzz('a floor file', (r) => {
    const text = r.text(['{', '}', '[', ']', '"rooms":', '"layout":', '"x":', '1', '-1', '"name":"a"', ',', 'null', '"slots":', '1e99', JSON.stringify(good)], 30)
    try {
      expect(m.problems(m.fromFile(text).doc)).toEqual([])
    } catch (e) {
      if (!(e instanceof Error) || e instanceof TypeError) throw e
    }
  })
})

describe('teams', () => {
  it('are a name and a number in each line', () => {
    expect(m.parseTeams('Payments 8\n\n T2S desk, 12\nRisk\n')).toEqual([{ name: 'Payments', people: 8 }, { name: 'T2S desk', people: 12 }, { name: 'Risk', people: 8 }])
    expect(() => m.parseTeams(' \n')).toThrow('at least one')
    expect(() => m.parseTeams('A 3\na 4')).toThrow('Line 2: a is there twice')
    expect(() => m.parseTeams('A 999')).toThrow('Line 1: A has 999 people')
    expect(() => m.parseTeams(Array.from({ length: 101 }, (_, i) => `t${i}x`).join('\n'))).toThrow('101 teams')
  })
  it('come from the people', () => {
    const p = (team: string, over = {}) => ({ team, disabled: false, kind: 'person', ...over })
    expect(m.teamsOf([p('SRE'), p('Payments'), ...Array.from({ length: 6 }, () => p('SRE')), p('Gone', { disabled: true }), p('Bots', { kind: 'bot' }), p('')])).toBe('Payments 4\nSRE 7')
  })
})

// Any act at all, on any plan.
const some = (r: Random, d: m.Doc): m.Doc => {
  const key = r.below(9) === 0 ? 'gone' : (d.items[r.below(Math.max(1, d.items.length))]?.key ?? 'gone')
  const n = () => r.below(140) - 20
  switch (r.below(13)) {
    case 0: return m.moveTo(d, key, n(), n())
    case 1: return m.moveBy(d, key, n() - 40, n() - 40)
    case 2: return m.resizeBy(d, key, n() - 40, n() - 40)
    case 3: return m.resize(d, key, { left: n(), bottom: n() })
    case 4: return m.setRect(d, key, { w: n(), x: n() })
    case 5: return m.setSeats(d, key, n())
    case 6: return m.setKind(d, key, r.pick(m.KINDS).id)
    case 7: return m.addRoom(d, { name: `n${r.below(99)}`, kind: r.pick(m.KINDS).id })
    case 8: return m.addSlot(d)
    case 9: return m.remove(d, key)
    case 10: return m.addDoor(d, key)
    case 11: return m.setDoor(d, key, r.below(3), { side: r.pick(['n', 's', 'e', 'w'] as const), at: n() })
    default: return m.setSize(d, 60 + n(), 60 + n())
  }
}

describe('history', () => {
  it('undoes what belongs to one gesture together', () => {
    const start = doc(room('a', 2, 2))
    let h = m.begin(start)
    for (let n = 1; n <= 5; n++) h = m.act(h, 'Move a', m.moveBy(h.now, 'a', 1, 0), 'drag 1')
    h = m.act(h, 'Move a', m.moveBy(h.now, 'a', 0, 1), 'drag 2')
    expect(h.past.map((x) => x.label)).toEqual(['Move a', 'Move a'])
    h = m.undo(h)
    expect(of(h.now, 'a')).toMatchObject({ x: 7, y: 2 })
    expect(m.dirty(h)).toBe(true)
    h = m.undo(h)
    expect(h.now).toBe(start)
    expect(m.dirty(h)).toBe(false)
    expect(m.undo(h)).toBe(h)
    // A gesture after an undo begins anew.
    h = m.act(h, 'Move a', m.moveBy(h.now, 'a', 1, 0), 'drag 2')
    expect(h.past).toHaveLength(1)
    expect(m.redo(h)).toBe(h)
  })
  it('knows rooms that were made once they are saved', () => {
    const d = doc(room('a', 0, 0, 20, 20, { id: '', name: 'New' }), room('b', 40, 0))
    const saved = m.withIds(d, { layout: { rooms: [{ room_id: 'made', name: 'New' }, { room_id: 'id-b', name: 'b' }] } } as never)
    expect(saved.items.map((i) => i.id)).toEqual(['made', 'id-b'])
    expect(saved.items[1]).toBe(d.items[1])
  })
  fuzz('undo after do is where one was, and redo is where one went', (r) => {
    let h = m.begin(doc(room('a', 2, 2), room('b', 40, 2)))
    const been = [h.now]
    for (let n = 0; n < 8; n++) {
      const before = JSON.stringify(h.now)
      const next = m.act(h, 'x', some(r, h.now))
      expect(JSON.stringify(h.now)).toBe(before) // no act changes the plan it was given
      if (next === h) continue
      expect(JSON.stringify(m.undo(next).now)).toBe(before)
      expect(m.redo(m.undo(next)).now).toBe(next.now)
      for (const i of next.now.items) for (const door of i.doors) expect(door.at >= 0 && door.at <= (door.side === 'n' || door.side === 's' ? i.w : i.h) - m.DOOR).toBe(true)
      h = next
      been.push(h.now)
    }
    for (const d of been.reverse()) {
      expect(h.now).toBe(d)
      h = m.undo(h)
    }
    expect(h.past).toHaveLength(0)
  })
})
