import { describe, expect, it } from 'vitest'
import type { Recording, TimelineEntry } from '@/api'
import { message } from '@/realtime/fixtures'
import { createDeck, type Player } from './deck'
import { callsOf, heardAt } from '@/realtime/recorded'
import { keyTo, place, saidAt, saidIn } from './model'

const T = Date.parse('2026-11-22T14:00:00Z')
const iso = (ms: number) => new Date(T + ms).toISOString()
const track = (id: string, user_id: string, offset_ms: number, ms: number, o: Partial<Recording> = {}): Recording => ({ id, call_id: 'c1', room_id: 'r', user_id, state: 'kept', started_at: iso(offset_ms), offset_ms, ms, bytes: 1, sha256: '', transcript: '', ...o })

describe('recorded calls', () => {
  const calls = callsOf([track('b', 'ben', 4000, 6000), track('a', 'ada', 1000, 2000), track('z', 'zoe', 0, 500, { call_id: 'c2', started_at: iso(3_600_000) })])
  it('stand newest first, their tracks as they began', () => {
    expect(calls.map((c) => [c.id, c.at - T, c.ms, c.tracks.map((t) => t.id)])).toEqual([
      ['c2', 3_600_000, 500, ['z']],
      ['c1', 0, 10_000, ['a', 'b']],
    ])
  })
  it('have what was written meanwhile beside them', () => {
    const entry: TimelineEntry = { id: 'e', at: iso(5000), kind: 'note', actor: { id: '', name: '' }, text: 'Noted', data: null }
    const said = saidIn(calls[1]!, [message(1, { created_at: iso(-1) }), message(2, { created_at: iso(7000), text: 'later' }), message(3, { created_at: iso(2000), text: 'hi' }), message(4, { created_at: iso(2500), deleted: true })], [entry])
    expect(said.map((x) => x.ms)).toEqual([2000, 5000, 7000])
    expect([0, 2000, 6999, 9000].map((ms) => saidAt(said, ms))).toEqual([-1, 0, 1, 2])
  })
  it('can be heard from a moment of the timeline on', () => {
    expect([iso(-1), iso(5000), iso(10_001), iso(3_600_100)].map((at) => heardAt(calls, at))).toEqual([null, { call: 'c1', at: 5000 }, null, { call: 'c2', at: 100 }])
    expect(heardAt(callsOf([track('a', 'ada', 0, 9000, { state: 'deleted' })]), iso(5000))).toBeNull()
  })
  it('are told by place and moved by key', () => {
    expect([0, 7999, 750_000, 3_723_000].map(place)).toEqual(['0:00', '0:07', '12:30', '1:02:03'])
    expect([keyTo('ArrowLeft', 3000, 9000), keyTo('ArrowRight', 3000, 9000), keyTo('End', 0, 9000), keyTo('x', 0, 9000)]).toEqual([0, 8000, 9000, null])
  })
})

describe('the deck', () => {
  class Sound implements Player {
    currentTime = 0
    paused = true
    readyState = 4
    muted = false
    error = null
    play = async () => void (this.paused = false)
    pause = () => void (this.paused = true)
  }
  const setup = () => {
    let at = 0
    const deck = createDeck([track('a', 'ada', 0, 5000), track('b', 'ben', 3000, 5000)], 8000, () => at)
    const a = new Sound()
    const b = new Sound()
    deck.add('a', a)
    deck.add('b', b)
    const pass = (ms: number) => {
      for (let left = ms; left > 0; left -= 100) {
        at += 100
        for (const p of [a, b]) if (!p.paused) p.currentTime += 0.1
        deck.tick()
      }
    }
    return { deck, a, b, pass, now: deck.use.getState }
  }
  it('starts each track when its time has come, and ends', () => {
    const { deck, a, b, pass, now } = setup()
    deck.play()
    expect([a.paused, b.paused]).toEqual([false, true])
    pass(4000)
    expect([a.paused, b.paused]).toEqual([false, false])
    expect(b.currentTime).toBeCloseTo(1, 1)
    pass(1500)
    expect([a.paused, b.paused]).toEqual([true, false])
    pass(3000)
    expect(now()).toMatchObject({ at: 8000, playing: false })
    deck.play()
    expect(now()).toMatchObject({ at: 0, playing: true })
  })
  it('jumps, mutes, and brings back who drifted', () => {
    const { deck, a, b, pass } = setup()
    deck.play()
    deck.to(4000)
    expect([a.currentTime, b.currentTime]).toEqual([4, 1])
    b.currentTime = 2
    pass(100)
    expect(b.currentTime).toBeCloseTo(1.1, 1)
    deck.only('b')
    expect([a.muted, b.muted]).toEqual([true, false])
    deck.pause()
    expect([a.paused, b.paused]).toEqual([true, true])
  })
  it('waits for a voice that is on its way', () => {
    const { deck, b, pass, now } = setup()
    deck.to(3500)
    b.readyState = 0
    deck.play()
    pass(1000)
    expect(now().at).toBe(3500)
    b.readyState = 4
    pass(500)
    expect(now().at).toBe(4000)
  })
})
