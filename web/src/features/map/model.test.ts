import { describe, expect, it } from 'vitest'
import type { Floor, Incident, Presence, Room, RunSummary, User } from '@/api/types'
import * as m from './model'

const user = (name: string, display = name): User => ({ id: `u-${name}`, name, display, email: '', title: '', roles: [], team: '', skills: [], initials: name.slice(0, 2), hue: 1, disabled: false, kind: 'person' })
const at = (name: string, room: string | null, over: Partial<Presence> = {}): Presence => ({ user_id: `u-${name}`, state: 'available', said: 'available', status_text: '', room_id: room, seat: null, ...over })
const room = (id: string, over: Partial<Room> = {}): Room => ({ id, name: id, kind: 'team', topic: '', private: false, door: 'open', subject: { kind: '', id: '' }, floor: 'f', recording: 'none', seq: 0, archived: false, created_at: '', unread: 0, mentions: 0, read_seq: 0, member: true, abilities: {}, ...over })
const floor = (rooms: Floor['layout']['rooms']): Floor => ({ id: 'f', name: 'Ops', version: 1, changed_by: '', layout: { width: 80, height: 60, rooms } })
const slot = (room_id: string, x: number, y: number, seats = 8) => ({ room_id, x, y, w: 20, h: 18, kind: 'team', seats })
const incident = (over: Partial<Incident> = {}): Incident => ({ id: 'i', ticket: 'INC-7', title: 'Queue backs up', room: { id: 'a', name: 'a' }, severity: 1, stage: 'triage', mode: 'real', restricted: false, gathers: false, service: '', environment: 'prod', production: true, summary: '', declared_by: '', roles: [], pages: [], alerts: [], times: { declared: '2026-11-22T14:00:00Z' }, ticket_url: '', abilities: {}, ...over })
const office = (over: Partial<m.Office> = {}): m.Office => ({ rooms: [room('a'), room('b')], people: [user('ada', 'Ada Nwosu'), user('ben', 'Ben Carter')], presence: [at('ada', 'a'), at('ben', 'b')], incidents: [], runs: [], ...over })

it('says on the plan that a drill is one', () => {
  const drill = { severity: 2, mode: 'drill' as const }
  expect(m.severityMark(drill, 200, 7)).toBe('DRILL SEV-2')
  expect(m.severityMark(drill, 40, 7)).toBe('DRILL')
  expect(m.severityMark({ severity: 1, mode: 'real' }, 10, 7)).toBe('SEV-1')
})
describe('who sits where', () => {
  it('keeps the seat the server gave, and finds a free one for who has none', () => {
    const seats = [0, 1, 2].map((x) => ({ x, y: 0, label: 'below' as const }))
    const p = (n: number | null) => ({ presence: { seat: n } as Presence })
    const { seated, more } = m.seat([p(2), p(null), p(2), p(99)], seats)
    expect(seated.map((s) => s.seat.x)).toEqual([2, 0, 1])
    expect(more).toBe(1)
  })
  it('says how many stand beyond the seats', () => {
    const people = Array.from({ length: 12 }, (_, i) => user(`p${i}`))
    const r = m.buildFloor(floor([slot('a', 0, 0, 4)]), office({ people, presence: people.map((u) => at(u.name, 'a')) }), '')[0]!
    expect(r.people).toHaveLength(4)
    expect(r.more).toBe(8)
    expect(r.present).toHaveLength(12)
  })
  it('gives you a seat and calls you You, however full it is', () => {
    const people = Array.from({ length: 12 }, (_, i) => user(`p${i}`))
    const r = m.buildFloor(floor([slot('a', 0, 0, 2)]), office({ people, presence: people.map((u) => at(u.name, 'a')) }), 'u-p11')[0]!
    expect(r.people[0]).toMatchObject({ you: true, name: 'You' })
  })
  it('leaves out who is offline or in no room', () => {
    const rooms = m.buildFloor(floor([slot('a', 0, 0)]), office({ presence: [at('ada', 'a', { state: 'offline' }), at('ben', null)] }), '')
    expect(rooms[0]!.present).toHaveLength(0)
  })
  it('shows fewer faces on a crowded floor', () => {
    const people = Array.from({ length: 320 }, (_, i) => user(`p${i}`))
    const r = m.buildFloor(floor([{ ...slot('a', 0, 0, 60), w: 80, h: 60 }]), office({ people, presence: people.map((u) => at(u.name, 'a')) }), '')[0]!
    expect(r.people.length).toBe(m.FACES)
    expect(r.more).toBe(320 - m.FACES)
  })
  it('leaves a room in which nothing changed as it was, and the people who stayed where they sat', () => {
    const built: m.Built = new Map()
    const f = floor([slot('a', 0, 0), slot('b', 20, 0)])
    const o = office()
    const [a, b] = m.buildFloor(f, o, '', built)
    const [a2, b2] = m.buildFloor(f, { ...o, presence: [...o.presence] }, '', built)
    expect(a2).toBe(a)
    expect(b2).toBe(b)
    const [a3, b3] = m.buildFloor(f, { ...o, people: [...o.people, user('cleo', 'Cleo Ito')], presence: [...o.presence, at('cleo', 'a')] }, '', built)
    expect(a3).not.toBe(a)
    expect(a3!.people[0]).toBe(a!.people[0])
    expect(b3).toBe(b)
    expect(m.buildFloor(f, o, '', built)).toEqual(m.buildFloor(f, o, ''))
  })
  it('tells people of one first name apart', () => {
    expect([...m.shortNames([user('a', 'Ian Doyle'), user('b', 'Ian Moss'), user('c', 'Zoë Martin')]).values()]).toEqual(['Ian D', 'Ian M', 'Zoë'])
  })
  it('draws a war room that nobody uses', () => {
    const r = m.buildFloor(floor([{ ...slot('', 0, 0), kind: 'incident' }]), office(), '')[0]!
    expect(m.describe(m.buildFloor(floor([slot('secret', 0, 0)]), office(), '')[0]!, 0)).toBe('Private room')
    expect(r.room).toBeNull()
    expect(m.describe(r, 0)).toBe('Free war room')
  })
})

describe('what a room says', () => {
  const now = Date.parse('2026-11-22T14:42:00Z')
  it('reads ticket, severity, title, clock, people and run aloud', () => {
    const run = { id: 'r', number: 41, state: 'running', room_id: 'a', progress: { done: 7, total: 12, failed: 1 } } as RunSummary
    const r = m.buildFloor(floor([slot('a', 0, 0)]), office({ incidents: [incident()], runs: [run] }), 'u-ada')[0]!
    expect(m.describe(r, now)).toBe('INC-7, severity 1, Queue backs up, open 42 min, not acknowledged, 1 person, you are here, run 41 at 58 percent, 1 failed')
  })
  it('says who is here, up to three, and what waits', () => {
    const people = ['amara', 'jonas', 'ines', 'daniel', 'farah'].map((n) => user(n))
    const waits = { id: 'w', number: 2, state: 'waiting', room_id: 'a', progress: { done: 0, total: 1, failed: 0 } } as RunSummary
    const r = m.buildFloor(floor([slot('a', 0, 0)]), office({ people, presence: people.map((u) => at(u.name, 'a')), incidents: [], runs: [waits], rooms: [{ ...room('a'), unread: 3, mentions: 0 }] }), '')[0]!
    const said = m.describe(r, now)
    expect(said).toMatch(/5 people: [^,]+, [^,]+, [^,]+ and 2 more/)
    expect(said).toMatch(/1 run waits for approval, 3 unread$/)
    expect(r.run).toBeNull()
  })
  it('letters are never smaller than eleven on the screen, however far one stands off', () => {
    for (const scale of [0.2, 0.35, 0.6, 0.75, 0.9, 1, 1.6, 5]) {
      expect(m.leastUnits(scale) * scale).toBeGreaterThanOrEqual(m.LEAST)
      expect(m.leastUnits(scale) * scale).toBeLessThan(m.LEAST + 0.25 * scale + 0.01)
    }
    expect(m.leastUnits(0)).toBe(m.LEAST)
    // Faces grow as far as their neighbours let them.
    expect([m.faceScale(8), m.faceScale(13.2), m.faceScale(50)]).toEqual([1, 1.2, 1.4])
  })
  it('war rooms first, what is empty last, and who was called in words', () => {
    const rooms = m.buildFloor(floor([slot('c', 0, 0), slot('b', 20, 0), slot('a', 40, 0), slot('d', 60, 0)]), office({ rooms: ['a', 'b', 'c', 'd'].map((x) => room(x)), people: [user('ada')], presence: [at('ada', 'c')], incidents: [incident()] }), 'u-ada')
    const parts = m.listParts(rooms, 'd')
    expect([parts.war, parts.rooms, parts.empty].map((l) => l.map((r) => r.id))).toEqual([['a'], ['c', 'd'], ['b']])
    const page = (user_id: string, state: 'paged' | 'seen' | 'acknowledged') => ({ user_id, state }) as Incident['pages'][number]
    expect(m.calledWords({ pages: [page('x', 'paged'), page('y', 'paged'), page('y', 'acknowledged'), page('z', 'seen'), page('here', 'acknowledged')] }, new Set(['here']))).toBe('1 paged, 1 seen, 1 on the way')
    expect(m.calledWords({ pages: [] }, new Set())).toBe('')
  })
  it('marks what nobody has acknowledged, however its pages stand', () => {
    const said = (over: Partial<Incident>) => m.describe(m.buildFloor(floor([slot('a', 0, 0)]), office({ rooms: [room('a')], incidents: [incident(over)] }), '')[0]!, now)
    const times = { declared: '2026-11-22T14:00:00Z', acknowledged: '2026-11-22T14:01:00Z' }
    expect(said({ pages: [{ user_id: 'x', state: 'seen' } as Incident['pages'][number]] })).toContain('not acknowledged')
    expect(said({ mode: 'drill' })).toContain('not acknowledged')
    expect(said({ times, next_page: { user_id: 'x', at: '' } as unknown as Incident['next_page'] })).toContain('paged again')
    for (const calm of [{ times }, { mode: 'test' }, { mode: 'retrospective' }, { stage: 'resolved' }] as Partial<Incident>[]) expect(said(calm)).not.toMatch(/acknowledged|again/)
  })
  it('says times in words', () => {
    expect([m.minutesInWords(20_000), m.minutesInWords(60_000 * 61), m.minutesInWords(3_600_000 * 3), m.minutesInWords(86_400_000 * 3)]).toEqual(['under a minute', '1 h 1 min', '3 h', '3 days'])
  })
  it('opens as a list on a phone and in a SEV-1', () => {
    expect(m.defaultView(false, [])).toBe('plan')
    expect(m.defaultView(true, [])).toBe('list')
    expect(m.defaultView(false, [incident()])).toBe('list')
    expect(m.defaultView(false, [incident({ severity: 2 })])).toBe('plan')
    expect(m.defaultView(false, [incident({ stage: 'resolved' })])).toBe('plan')
    expect(m.clockWords(incident({ stage: 'resolved' }), now)).toBe('resolved')
  })
  it('lists incidents first, then rooms with people', () => {
    const rooms = m.buildFloor(floor([slot('c', 0, 0), slot('b', 20, 0), slot('a', 40, 0)]), office({ rooms: [room('a'), room('b'), room('c')], incidents: [incident()] }), '')
    expect(m.listOrder(rooms).map((r) => r.id)).toEqual(['a', 'b', 'c'])
  })
})

describe('keyboard and view', () => {
  const rooms = [
    { id: 'nw', rect: { x: 0, y: 0, w: 100, h: 100 } },
    { id: 'ne', rect: { x: 120, y: 0, w: 100, h: 100 } },
    { id: 'sw', rect: { x: 0, y: 120, w: 100, h: 100 } },
    { id: 'se', rect: { x: 120, y: 120, w: 100, h: 100 } },
  ]
  it('walks by arrows and stops at the walls', () => {
    expect(m.neighbour(rooms, 'nw', 'right')).toBe('ne')
    expect(m.neighbour(rooms, 'nw', 'down')).toBe('sw')
    expect(m.neighbour([...rooms, { id: 'low', rect: { x: 60, y: 130, w: 80, h: 40 } }], 'nw', 'right')).toBe('ne')
    expect(m.neighbour(rooms, 'se', 'up')).toBe('ne')
    expect(m.neighbour(rooms, 'nw', 'left')).toBeNull()
    expect(m.neighbour(rooms, 'gone', 'left')).toBe('nw')
  })
  it('finds a room by the beginning of a word, and goes on with the next', () => {
    const list = m.buildFloor(floor([slot('a', 0, 0), slot('b', 20, 0)]), office({ rooms: [room('a', { name: 'payments-ops' }), room('b', { name: 'platform' })], incidents: [incident()] }), '')
    expect(m.typeAhead(list, 'a', 'pl')).toBe('b')
    expect(m.typeAhead(list, 'a', 'p')).toBe('b')
    expect(m.typeAhead(list, 'b', 'p')).toBe('a')
    expect(m.typeAhead(list, 'b', 'inc-7')).toBe('a')
    expect(m.typeAhead(list, 'b', 'ops')).toBe('a')
    expect(m.typeAhead(list, 'a', 'zzz')).toBeNull()
  })
  it('zooms about a point and never past the floor', () => {
    const full = { x: 0, y: 0, w: 1000, h: 800 }
    const near = m.zoom(full, full, 2, 250, 200)
    expect(near).toEqual({ x: 125, y: 100, w: 500, h: 400 })
    expect(m.zoom(near, full, 0.1, 0, 0)).toEqual(full)
    expect(m.zoom(full, full, 100, 0, 0).w).toBe(200)
    expect(m.pan(near, full, 9999, -9999)).toMatchObject({ x: 500, y: 0 })
    const focus = m.focusOn({ x: 900, y: 700, w: 80, h: 80 }, full)
    expect(focus.x + focus.w).toBeLessThanOrEqual(1000)
  })
  it('finds people by every word typed', () => {
    expect(m.findPeople(office(), 'ada nw').map((f) => f.user.id)).toEqual(['u-ada'])
    expect(m.findPeople(office(), '')).toEqual([])
  })
})
