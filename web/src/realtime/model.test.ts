import { describe, expect, it } from 'vitest'
import type { Office, OfficeEvent, RunState, Stage } from '@/api/types'
import { call, caller, incident, office, pick, presence, random, room, run, user } from './fixtures'
import { applyOffice, applyRead, applyUser, callIn, callOf, fromSnapshot, incidentOrder, insideRooms, isActive, isOpen, keepsOut, leavesOpen, sidebarRooms, type OfficeState } from './model'

const base = () =>
  office({
    rooms: [room('r1'), room('r2', { unread: 3, read_seq: 4, seq: 7 })],
    people: [user('amara'), user('jonas'), user('kofi')],
    presence: [presence('amara', 'r1'), presence('jonas', null)],
    incidents: [incident('1')],
    runs: [run('a')],
  })

/** The server's side of the story: changes its own truth and tells of it. */
function step(truth: Office, next: () => number): [Office, OfficeEvent] {
  const who = pick(next, ['amara', 'jonas', 'kofi'])
  const where = pick(next, ['r1', 'r2', null])
  const id = pick(next, ['1', '2', '3'])
  switch (Math.floor(next() * 7)) {
    case 0: {
      const p = presence(who, where, { state: pick(next, ['available', 'away', 'offline'] as const) })
      return [{ ...truth, presence: [...truth.presence.filter((x) => x.user_id !== who), p] }, { type: 'presence', presence: p }]
    }
    case 1: {
      const i = incident(id, { stage: pick<Stage>(next, ['declared', 'mitigating', 'resolved', 'closed']), severity: 1 + Math.floor(next() * 4) })
      const rest = truth.incidents.filter((x) => x.id !== id)
      return [{ ...truth, incidents: isOpen(i) ? [...rest, i] : rest }, { type: 'incident', incident: i }]
    }
    case 2: {
      const r = run(id, { state: pick<RunState>(next, ['waiting', 'running', 'succeeded', 'failed', 'unknown']) })
      const rest = truth.runs.filter((x) => x.id !== id)
      return [{ ...truth, runs: isActive(r) ? [...rest, r] : rest }, { type: 'run', run: r }]
    }
    case 3: {
      const target = truth.rooms[Math.floor(next() * truth.rooms.length)]!
      const seq = target.seq + 1
      const rooms = truth.rooms.map((x) => (x === target ? { ...x, seq, unread: x.unread + 1 } : x))
      return [{ ...truth, rooms }, { type: 'unread', room_id: target.id, seq }]
    }
    case 4: {
      const room = pick(next, ['r1', 'r2'])
      const people = [who, 'amara'].slice(0, Math.floor(next() * 3)).map((x) => caller(x, { mic: next() > 0.5, speaking: next() > 0.5 }))
      const c = call('call-' + room, room, people)
      const rest = truth.calls.filter((x) => x.id !== c.id)
      return [{ ...truth, calls: people.length ? [...rest, c] : rest }, { type: 'call', call: c }]
    }
    case 5: {
      const media = { ...truth.media, state: pick(next, ['ready', 'starting', 'off'] as const) }
      return [{ ...truth, media }, { type: 'media', media }]
    }
    default: {
      const u = user(who, { title: 'Title ' + Math.floor(next() * 100) })
      return [{ ...truth, people: truth.people.map((x) => (x.id === who ? u : x)) }, { type: 'user', user: u }]
    }
  }
}

describe('office', () => {
  it('events applied to a snapshot give the next snapshot', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const next = random(seed)
      let truth = base()
      let state = fromSnapshot(truth)
      for (let i = 0; i < 40; i++) {
        const [after, event] = step(truth, next)
        truth = after
        state = applyOffice(state, event)
      }
      // Since when a room's counts are known is the one thing in which they may differ.
      const since = (s: OfficeState) => ({ ...s, rooms: Object.fromEntries(Object.entries(s.rooms).map(([id, r]) => [id, { ...r, since: 0 }])) })
      expect(since(state)).toEqual(since(fromSnapshot(truth)))
    }
  })

  it('events that a later snapshot already holds change nothing', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const next = random(seed)
      let truth = base()
      const events: OfficeEvent[] = []
      for (let i = 0; i < 25; i++) {
        const [after, event] = step(truth, next)
        truth = after
        events.push(event)
      }
      // The snapshot came after all of them; the socket delivers the last ten once more.
      const state = events.slice(-10).reduce((s, e) => applyOffice(s, e), fromSnapshot(truth))
      expect(state).toEqual(fromSnapshot(truth))
    }
  })

  it('keeps what is mine about a room when I am told of the room', () => {
    const news = { id: 'r2', name: 'r2', topic: 'New topic', seq: 7, member: true, abilities: { post: false } }
    const s = applyOffice(fromSnapshot(base()), { type: 'room', room: news })
    expect(s.rooms.r2).toMatchObject({ topic: 'New topic', unread: 3, read_seq: 4, seq: 7, abilities: { post: false } })
  })
  it('takes a new room in, and an archived one out', () => {
    const s = applyOffice(fromSnapshot(base()), { type: 'room', room: { id: 'r3', name: 'settlement' } })
    expect(s.rooms.r3).toMatchObject({ name: 'settlement', unread: 0, door: 'open' })
    expect(applyOffice(s, { type: 'room', room: { id: 'r3', name: 'settlement', archived: true } }).rooms.r3).toBeUndefined()
  })
  it('counts neither what the snapshot holds nor what I have read', () => {
    let s = fromSnapshot(base())
    s = applyOffice(s, { type: 'unread', room_id: 'r2', seq: s.rooms.r2!.seq })
    expect(s.rooms.r2!.unread).toBe(3)
    s = applyUser(s, { type: 'read', room_id: 'r2', seq: 9, unread: 0, as_of: 9 })
    s = applyOffice(s, { type: 'unread', room_id: 'r2', seq: 9 })
    expect(s.rooms.r2).toMatchObject({ unread: 0, read_seq: 9 })
    s = applyOffice(s, { type: 'unread', room_id: 'r2', seq: 10 })
    expect(s.rooms.r2!.unread).toBe(1)
  })
  it('a message taken back is not unread any more', () => {
    let s = applyOffice(fromSnapshot(base()), { type: 'unread', room_id: 'r1', seq: 1 })
    s = applyOffice(s, { type: 'unread', room_id: 'r1', seq: 2, deleted: 1 })
    expect(s.rooms.r1).toMatchObject({ unread: 0, seq: 2 })
  })
  it('nothing counts in a room I never had to do with, until I join it', () => {
    const s = fromSnapshot(office({ rooms: [room('a', { read_seq: -1, member: false })] }))
    expect(applyOffice(s, { type: 'unread', room_id: 'a', seq: 1 }).rooms.a!.unread).toBe(0)
    const joined = applyUser(s, { type: 'membership', room_id: 'a', member: true, read_seq: 1 })
    expect(applyOffice(joined, { type: 'unread', room_id: 'a', seq: 2 }).rooms.a!.unread).toBe(1)
  })
  it('says when only a new snapshot tells', () => {
    const s = fromSnapshot(office({ rooms: [room('a', { private: true }), room('b', { seq: 5 })] }))
    expect(leavesOpen(s, { type: 'membership', room_id: 'a', member: false })).toBe(true)
    expect(leavesOpen(s, { type: 'membership', room_id: 'b', member: false })).toBe(false)
    expect(leavesOpen(s, { type: 'membership', room_id: 'c', member: true })).toBe(true)
    expect(leavesOpen(s, { type: 'read', room_id: 'b', seq: 3, unread: 1, as_of: 4 })).toBe(true)
    expect(leavesOpen(s, { type: 'read', room_id: 'b', seq: 3, unread: 1, as_of: 5 })).toBe(false)
  })
  it('does not count what I wrote myself', () => {
    const s = applyOffice(fromSnapshot(base()), { type: 'unread', room_id: 'r1', seq: 1, author: 'amara' }, 'amara')
    expect(s.rooms.r1).toMatchObject({ unread: 0, seq: 1 })
  })
  it('a private room I am put out of disappears, another one stays', () => {
    const s = fromSnapshot(office({ rooms: [room('a', { private: true }), room('b')] }))
    expect(applyUser(s, { type: 'membership', room_id: 'a', member: false }).rooms.a).toBeUndefined()
    expect(applyUser(s, { type: 'membership', room_id: 'b', member: false }).rooms.b).toMatchObject({ member: false })
  })
  it('reading up to the end clears the counts; reading less does not', () => {
    const s = applyUser(fromSnapshot(base()), { type: 'mention', room_id: 'r2', seq: 8 })
    expect(applyRead(s, 'r2', 5).rooms.r2).toMatchObject({ unread: 3, mentions: 1, read_seq: 5 })
    expect(applyRead(s, 'r2', 7).rooms.r2).toMatchObject({ unread: 0, mentions: 0, read_seq: 7 })
  })
  it('an event about something unknown leaves the state as it is', () => {
    const s = fromSnapshot(base())
    expect(applyOffice(s, { type: 'unread', room_id: 'nowhere', seq: 9 })).toBe(s)
    expect(applyOffice(s, { type: 'oncall' })).toBe(s)
  })
  it('a get is held while it waits', () => {
    const get = { id: 'g', from: 'amara', to: 'me', room_id: 'r1', state: 'pending' as const, note: '', answer: '', quiet: false, created_at: '', expires_at: '' }
    const s = applyUser(fromSnapshot(base()), { type: 'get', get })
    expect(s.gets.g).toEqual(get)
    expect(applyUser(s, { type: 'get', get: { ...get, state: 'accepted' } }).gets.g).toBeUndefined()
  })
  it('a knock is held while it waits and I am where I hear it', () => {
    const knock = { id: 'k', user_id: 'kofi', room_id: 'r1', state: 'pending' as const, note: '', answer: '', answered_by: '', created_at: '', expires_at: '', guest: '', looks_like: '' }
    const mine = { ...knock, id: 'm', user_id: 'amara', room_id: 'r2' }
    const at = (s: OfficeState, p: ReturnType<typeof presence>) => Object.keys(applyOffice(s, { type: 'presence', presence: p }, 'amara').knocks)
    const s = applyUser(fromSnapshot({ ...base(), knocks: [mine] }), { type: 'knock', knock })
    expect(s.knocks).toEqual({ k: knock, m: mine })
    expect(applyUser(s, { type: 'knock', knock: { ...knock, state: 'declined' } }).knocks).toEqual({ m: mine })
    expect(at(s, presence('amara', 'r2'))).toEqual(['m'])
    expect(at(s, presence('amara', 'r1', { state: 'busy' })).sort()).toEqual(['k', 'm'])
    expect(at(s, presence('amara', null, { state: 'offline' })).sort()).toEqual(['k', 'm'])
    expect(at(s, presence('jonas', 'r2')).sort()).toEqual(['k', 'm'])
  })
  it('a guest who is gone leaves nothing behind', () => {
    const zoe = user('zoe', { kind: 'guest' })
    const s = fromSnapshot(base())
    const inside = applyOffice(applyOffice(s, { type: 'user', user: zoe }), { type: 'presence', presence: presence('zoe', 'r1') })
    expect(inside.presence.zoe?.room_id).toBe('r1')
    const gone = applyOffice(inside, { type: 'user', user: { ...zoe, disabled: true } })
    expect(gone).toEqual(s)
    expect(applyOffice(gone, { type: 'presence', presence: presence('zoe', null, { state: 'offline' }) })).toBe(gone)
  })
  it('being sent home comes with my presence', () => {
    const s = fromSnapshot(base())
    expect(applyUser(s, { type: 'sent_home', room_id: 'r1', by: 'jonas', reason: '', home_room_id: '' })).toBe(s)
  })
})

describe('calls', () => {
  it('a call whose last person left is over', () => {
    const s = applyOffice(fromSnapshot(base()), { type: 'call', call: call('c', 'r1', [caller('amara')]) })
    expect(callIn(s.calls, 'r1')?.id).toBe('c')
    expect(applyOffice(s, { type: 'call', call: call('c', 'r1', []) }).calls).toEqual({})
    // The next one in that room is not taken for it.
    const next = applyOffice(s, { type: 'call', call: call('d', 'r1', [caller('jonas')]) })
    expect(Object.keys(applyOffice(next, { type: 'call', call: call('c', 'r1', []) }).calls)).toEqual(['d'])
  })
  it('goes with the room I no longer see', () => {
    const s = fromSnapshot(office({ rooms: [room('a', { private: true }), room('b')], calls: [call('x', 'a', [caller('amara')]), call('y', 'b', [caller('kofi')])] }))
    expect(Object.keys(applyUser(s, { type: 'membership', room_id: 'a', member: false }).calls)).toEqual(['y'])
    expect(Object.keys(applyOffice(s, { type: 'room', room: { id: 'b', archived: true } }).calls)).toEqual(['x'])
  })
  it('somebody who speaks in one room and listens to another is where they speak', () => {
    const calls = { x: call('x', 'a', [caller('amara', { mode: 'gallery' })]), y: call('y', 'b', [caller('amara')]) }
    expect(callOf(calls, 'amara')?.room).toBe('b')
    expect(callOf({ x: calls.x }, 'amara')).toMatchObject({ room: 'a', person: { mode: 'gallery' } })
    expect(callOf(calls, 'jonas')).toBeUndefined()
  })
  it('a reaction passes without a trace', () => {
    const s = fromSnapshot(base())
    expect(applyUser(s, { type: 'reaction', room_id: 'r1', user_id: 'jonas', emoji: '🎉' })).toBe(s)
  })
})

describe('readings', () => {
  it('orders incidents by severity, the newest first', () => {
    const list = [
      incident('a', { severity: 3 }),
      incident('b', { severity: 1, times: { declared: '2026-11-22T14:00:00Z' } }),
      incident('c', { severity: 1, times: { declared: '2026-11-22T13:00:00Z' } }),
    ]
    expect(list.sort(incidentOrder).map((i) => i.id)).toEqual(['b', 'c', 'a'])
  })
  it('keeps the rooms of open incidents out of the list of rooms, and a resolved one in it for its members', () => {
    const rooms = [room('b'), room('a'), room('x', { kind: 'incident' }), room('y', { kind: 'incident' }), room('n', { kind: 'incident', member: false }), room('z', { kind: 'lounge' })]
    const s = fromSnapshot(office({ rooms, incidents: [incident('i', { room: { id: 'x', name: 'x' } }), incident('j', { stage: 'resolved', room: { id: 'y', name: 'y' } })] }))
    expect(sidebarRooms(s).map((r) => r.id)).toEqual(['a', 'b', 'y', 'z'])
  })
  it('nobody who is offline is inside a room', () => {
    const s = fromSnapshot(office({ presence: [presence('a', 'r1'), presence('b', 'r1', { state: 'offline' })] }))
    expect(insideRooms(s.presence)).toEqual({ r1: ['a'] })
  })
  it('says whom a door keeps out, as the server does', () => {
    const out = (o: Parameters<typeof room>[1], inside: number) => keepsOut(room('r', { member: false, ...o }), inside)
    expect(out({ door: 'open' }, 3)).toBe(false)
    expect(out({ door: 'closed' }, 0)).toBe(false)
    expect(out({ door: 'closed' }, 1)).toBe(true)
    expect(out({ door: 'closed', member: true }, 1)).toBe(true)
    expect(out({ door: 'closed', member: true, kind: 'incident' }, 1)).toBe(false)
    expect(out({ door: 'locked' }, 0)).toBe(true)
    expect(out({ door: 'locked', member: true }, 2)).toBe(false)
  })
})
