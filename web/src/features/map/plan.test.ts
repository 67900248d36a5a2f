import { describe, expect, it } from 'vitest'
import { around, doorPaths, fit, planRoom, wrap, type Rect } from './plan'

const inside = (r: Rect, p: { x: number; y: number }) => p.x >= r.x && p.x <= r.x + r.w && p.y >= r.y && p.y <= r.y + r.h
const rooms: [string, Rect, number][] = [
  ['team', { x: 10, y: 10, w: 300, h: 270 }, 24],
  ['team', { x: 0, y: 0, w: 198, h: 172 }, 8],
  ['team', { x: 0, y: 0, w: 160, h: 100 }, 6],
  ['incident', { x: 320, y: 10, w: 270, h: 270 }, 10],
  ['incident', { x: 600, y: 10, w: 128, h: 266 }, 4],
  ['meeting', { x: 0, y: 500, w: 138, h: 258 }, 6],
  ['meeting', { x: 0, y: 500, w: 210, h: 120 }, 6],
  ['lounge', { x: 0, y: 500, w: 240, h: 260 }, 9],
  ['lobby', { x: 0, y: 500, w: 220, h: 260 }, 6],
  ['lobby', { x: 0, y: 500, w: 120, h: 100 }, 6],
  ['gallery', { x: 0, y: 500, w: 380, h: 240 }, 24],
  ['gallery', { x: 0, y: 500, w: 100, h: 90 }, 24],
  ['focus', { x: 0, y: 500, w: 240, h: 90 }, 4],
  ['office', { x: 0, y: 500, w: 100, h: 120 }, 1],
  ['something-new', { x: 0, y: 0, w: 200, h: 200 }, 4],
]
describe('rooms', () => {
  it.each(rooms)('%s keeps every seat inside its walls and no two seats on one spot', (kind, rect, seats) => {
    const plan = planRoom(rect, kind, seats, 30)
    expect(plan.seats.length).toBeGreaterThan(0)
    expect(plan.seats.length).toBeLessThanOrEqual(seats)
    for (const s of plan.seats) expect(inside(rect, s)).toBe(true)
    plan.seats.forEach((a, i) => plan.seats.slice(i + 1).forEach((b) => expect(Math.hypot(a.x - b.x, a.y - b.y)).toBeGreaterThan(20)))
  })
  it('gives a roomy room all the seats it asks for', () => {
    expect(planRoom({ x: 0, y: 0, w: 300, h: 270 }, 'team', 24, 30).seats).toHaveLength(24)
    expect(planRoom({ x: 0, y: 0, w: 270, h: 270 }, 'incident', 10, 50).seats).toHaveLength(10)
  })
  it('draws what it can in a room that is too small', () => {
    for (const kind of ['team', 'incident', 'lounge', 'lobby', 'gallery', 'focus', 'office', 'meeting']) expect(() => planRoom({ x: 0, y: 0, w: 20, h: 20 }, kind, 12, 30)).not.toThrow()
  })
  it('is the same each time', () => {
    expect(planRoom({ x: 0, y: 0, w: 300, h: 200 }, 'team', 12, 30)).toEqual(planRoom({ x: 0, y: 0, w: 300, h: 200 }, 'team', 12, 30))
  })
})

describe('drawing', () => {
  it('places seats evenly along an ellipse', () => {
    const seats = around(0, 0, 100, 40, 8)
    const gaps = seats.map((s, i) => Math.hypot(s.x - seats[(i + 1) % 8]!.x, s.y - seats[(i + 1) % 8]!.y))
    expect(Math.max(...gaps) / Math.min(...gaps)).toBeLessThan(1.25)
    expect(around(0, 0, 10, 10, 0)).toEqual([])
  })
  it('keeps doors within their wall', () => {
    const r = { x: 100, y: 100, w: 80, h: 60 }
    expect(doorPaths(r, { side: 's', at: 500 }).gap).toBe('M148 160h26')
    expect(doorPaths(r, { side: 'w', at: 1 }).gap).toBe('M100 110v26')
  })
  it('cuts and wraps labels', () => {
    expect(fit('payments-ops', 200, 12)).toBe('payments-ops')
    expect(fit('payments-operations-europe', 80, 12)).toMatch(/…$/)
    expect(wrap('Market data latency above 250 ms', 110, 11, 2)).toHaveLength(2)
    expect(wrap('short', 110, 11, 2)).toEqual(['short'])
  })
})
