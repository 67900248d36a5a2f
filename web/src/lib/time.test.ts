import { describe, expect, it } from 'vitest'
import { ago, clock, dateTime, day, length, ms, running, sameDay, utc, when } from './time'

const at = (h: number, m: number, d = 22) => new Date(2026, 10, d, h, m, 7).toISOString()
const now = new Date(2026, 10, 22, 14, 32, 0).getTime()

describe('times', () => {
  it('reads what the API sends, and nothing else', () => {
    expect(ms('2026-11-22T13:49:02.123456Z')).toBe(Date.UTC(2026, 10, 22, 13, 49, 2, 123))
    expect(ms(null)).toBeNull()
    expect(ms('')).toBeNull()
    expect(ms('soon')).toBeNull()
  })
  it('shows local time', () => {
    expect(clock(at(9, 5))).toBe('09:05')
    expect(clock(at(9, 5), true)).toBe('09:05:07')
    expect(dateTime(at(9, 5), now)).toBe('22 Nov 09:05')
    expect(dateTime(new Date(2025, 0, 3, 8, 0), now)).toBe('3 Jan 2025 08:00')
  })
  it('shows UTC to the second', () => expect(utc('2026-11-22T13:49:02.9Z')).toBe('2026-11-22 13:49:02 UTC'))
  it('shows a date wherever a day is not today', () => {
    expect(when(at(1, 0), now)).toBe('01:00')
    expect(when(at(1, 0, 29), now)).toBe('29 Nov 01:00')
    expect(when(null, now)).toBe('')
  })
  it('names days', () => {
    expect(day(at(1, 0), now)).toBe('Today')
    expect(day(at(23, 0, 21), now)).toBe('Yesterday')
    expect(day(at(9, 0, 16), now)).toBe('Monday 16 November')
    expect(sameDay(at(0, 1), at(23, 58))).toBe(true)
    expect(sameDay(at(23, 58, 21), at(0, 1))).toBe(false)
  })
  it('runs clocks', () => {
    expect(running(0)).toBe('00:00')
    expect(running(42 * 60_000 + 13_000)).toBe('42:13')
    expect(running(3_723_000)).toBe('1:02:03')
    expect(running(3 * 86_400_000 + 4 * 3_600_000 + 300_000)).toBe('3d 04:05')
    expect(running(-5)).toBe('00:00')
  })
  it('says how long something took', () => {
    expect(length(320)).toBe('320 ms')
    expect(length(4000)).toBe('4 s')
    expect(length(125_000)).toBe('2 min 5 s')
    expect(length(42 * 60_000)).toBe('42 min')
    expect(length(88 * 60_000)).toBe('1 h 28 min')
    expect(length(76 * 3_600_000)).toBe('3 d 4 h')
  })
  it('says how long ago', () => {
    expect(ago(now - 10_000, now)).toBe('just now')
    expect(ago(now - 240_000, now)).toBe('4 min ago')
    expect(ago(now + 20 * 60_000, now)).toBe('in 20 min')
    expect(ago(now - 3 * 3_600_000, now)).toBe('3 h ago')
  })
})
