// Times as people read them. Screens show local time; UTC is one hover away (ui/Time).

export type When = string | number | Date | null | undefined

/** Milliseconds, or null when not set or not a time. */
export function ms(at: When): number | null {
  if (at === null || at === undefined || at === '') return null
  const n = at instanceof Date ? at.getTime() : typeof at === 'number' ? at : Date.parse(at)
  return Math.abs(n) <= 8.64e15 ? n : null // beyond it a Date has no parts
}

const pad = (n: number) => String(n).padStart(2, '0')
const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December']
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

/** 14:32 */
export function clock(at: When, seconds = false): string {
  const n = ms(at)
  if (n === null) return ''
  const d = new Date(n)
  return `${pad(d.getHours())}:${pad(d.getMinutes())}${seconds ? ':' + pad(d.getSeconds()) : ''}`
}

/** 22 Nov 14:32, with the year when it isn't this one. */
export function dateTime(at: When, now: number = Date.now(), seconds = false): string {
  const n = ms(at)
  if (n === null) return ''
  const d = new Date(n)
  const year = d.getFullYear() === new Date(now).getFullYear() ? '' : ` ${d.getFullYear()}`
  return `${d.getDate()} ${MONTHS[d.getMonth()]!.slice(0, 3)}${year} ${clock(n, seconds)}`
}

/** 14:32 today, and with the date on any other day: for what is not already under a day's heading. */
export const when = (at: When, now: number = Date.now()): string => (sameDay(at, now) ? clock(at) : dateTime(at, now))

/** Today, Yesterday, or Sunday 22 November. */
export function day(at: When, now: number = Date.now()): string {
  const n = ms(at)
  if (n === null) return ''
  const d = new Date(n)
  const today = new Date(now)
  const days = Math.round((startOfDay(today) - startOfDay(d)) / 86_400_000)
  if (days === 0) return 'Today'
  if (days === 1) return 'Yesterday'
  const year = d.getFullYear() === today.getFullYear() ? '' : ` ${d.getFullYear()}`
  return `${DAYS[d.getDay()]} ${d.getDate()} ${MONTHS[d.getMonth()]}${year}`
}
const startOfDay = (d: Date) => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime()
export const sameDay = (a: When, b: When): boolean => {
  const x = ms(a)
  const y = ms(b)
  return x !== null && y !== null && startOfDay(new Date(x)) === startOfDay(new Date(y))
}

/** 2026-11-22 14:32:07 UTC */
export function utc(at: When): string {
  const n = ms(at)
  return n === null ? '' : new Date(n).toISOString().slice(0, 19).replace('T', ' ') + ' UTC'
}

/** 22 Nov 2026 14:32:07, and the zone's name: what the hover shows beside UTC. */
export function local(at: When): string {
  const n = ms(at)
  if (n === null) return ''
  const d = new Date(n)
  const off = -d.getTimezoneOffset()
  const zone = off === 0 ? 'UTC+0' : `UTC${off > 0 ? '+' : '−'}${Math.floor(Math.abs(off) / 60)}${off % 60 ? ':' + pad(Math.abs(off) % 60) : ''}`
  return `${d.getDate()} ${MONTHS[d.getMonth()]!.slice(0, 3)} ${d.getFullYear()} ${clock(n, true)} (${zone})`
}

/** A running clock: 07:48, 1:02:03, 3d 04:05. */
export function running(milliseconds: number): string {
  const s = Math.max(0, Math.floor(milliseconds / 1000))
  const d = Math.floor(s / 86_400)
  const h = Math.floor((s % 86_400) / 3600)
  const m = Math.floor((s % 3600) / 60)
  if (d > 0) return `${d}d ${pad(h)}:${pad(m)}`
  return h > 0 ? `${h}:${pad(m)}:${pad(s % 60)}` : `${pad(m)}:${pad(s % 60)}`
}

/** A finished length in words: 4 s, 12 min, 1 h 28 min, 3 d 4 h. */
export function length(milliseconds: number): string {
  const s = Math.max(0, Math.round(milliseconds / 1000))
  if (milliseconds > 0 && milliseconds < 1000) return `${Math.max(1, Math.round(milliseconds))} ms`
  if (s < 60) return `${s} s`
  const m = Math.floor(s / 60)
  if (m < 60) return s % 60 && m < 10 ? `${m} min ${s % 60} s` : `${m} min`
  const h = Math.floor(m / 60)
  if (h < 24) return m % 60 ? `${h} h ${m % 60} min` : `${h} h`
  const d = Math.floor(h / 24)
  return h % 24 ? `${d} d ${h % 24} h` : `${d} d`
}

/** now, 4 min ago, 3 h ago, in 20 min, 22 Nov 14:32. */
export function ago(at: When, now: number = Date.now()): string {
  const n = ms(at)
  if (n === null) return ''
  const gap = now - n
  const abs = Math.abs(gap)
  if (abs < 45_000) return gap >= 0 ? 'just now' : 'in a moment'
  if (abs > 6 * 86_400_000) return dateTime(n, now)
  const word =
    abs < 3_600_000 ? `${Math.round(abs / 60_000)} min` : abs < 86_400_000 ? `${Math.round(abs / 3_600_000)} h` : `${Math.round(abs / 86_400_000)} d`
  return gap > 0 ? `${word} ago` : `in ${word}`
}
