// ANSI to spans. Only colour and weight (SGR) survive; every other escape, control character and bidirectional override
// is dropped, so that a log can neither move the cursor, set a title, hide text nor become markup.

export type Span = { text: string; className: string; fg?: string; bg?: string }

const DROP =
  /\x1b\][^\x07\x1b]*(?:\x07|\x1b\\|$)|\x1b[PX^_][^\x1b]*(?:\x1b\\|$)|\x1b\[(?![\d;:]*m)[0-?]*[ -/]*[@-~]|\x1b\[[0-?]*[ -/]*$|\x1b[@-Z\\^_]|\x1b(?!\[)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

type Style = { fg: string; bg: string; fgRGB?: string; bgRGB?: string; bold: boolean; dim: boolean; italic: boolean; under: boolean; inverse: boolean }
const PLAIN: Style = { fg: '', bg: '', bold: false, dim: false, italic: false, under: false, inverse: false }

/** A line longer than this is cut for display; the download has all of it. */
export const SHOWN = 4000

export function ansi(line: string): Span[] {
  if (!line.includes('\x1b')) {
    const text = plain(line)
    return text ? [{ text, className: '' }] : []
  }
  const out: Span[] = []
  let style: Style = PLAIN
  const parts = line.replace(DROP, '').split('\x1b[')
  for (let i = 0; i < parts.length; i++) {
    let text = parts[i] ?? ''
    if (i > 0) {
      const end = text.indexOf('m')
      const codes = end >= 0 ? text.slice(0, end) : ''
      if (end >= 0 && /^[\d;:]*$/.test(codes)) {
        style = apply(style, codes)
        text = text.slice(end + 1)
      }
    }
    if (text) out.push(span(text, style))
  }
  return out
}

/** The text alone, for search and for copying. */
export function plain(line: string): string {
  // What is left of a broken escape is shown as text, and copied as that.
  return line.replace(DROP, '').replace(/\x1b\[(?:[\d;:]*m)?/g, '')
}

function span(text: string, s: Style): Span {
  const fg = s.inverse ? (s.bg ? 'f' + s.bg.slice(1) : 'inv') : s.fg
  const bg = s.inverse ? (s.fg ? 'b' + s.fg.slice(1) : 'binv') : s.bg
  const className = [fg, bg, s.bold && 'bo', s.dim && 'di', s.italic && 'it', s.under && 'un', s.fgRGB && 'fx', s.bgRGB && 'bx'].filter(Boolean).join(' ')
  return { text, className, ...(s.fgRGB ? { fg: s.fgRGB } : {}), ...(s.bgRGB ? { bg: s.bgRGB } : {}) }
}

function apply(before: Style, codes: string): Style {
  const p = codes.split(/[;:]/).map(Number)
  let s: Style = { ...before }
  for (let k = 0; k < p.length; k++) {
    const n = p[k] ?? 0
    if (n === 0) s = { ...PLAIN }
    else if (n === 1) s.bold = true
    else if (n === 2) s.dim = true
    else if (n === 3) s.italic = true
    else if (n === 4) s.under = true
    else if (n === 7) s.inverse = true
    else if (n === 22) s.bold = s.dim = false
    else if (n === 23) s.italic = false
    else if (n === 24) s.under = false
    else if (n === 27) s.inverse = false
    else if (n >= 30 && n <= 37) set(s, 'fg', n - 30)
    else if (n >= 90 && n <= 97) set(s, 'fg', n - 82)
    else if (n >= 40 && n <= 47) set(s, 'bg', n - 40)
    else if (n >= 100 && n <= 107) set(s, 'bg', n - 92)
    else if (n === 39) clear(s, 'fg')
    else if (n === 49) clear(s, 'bg')
    else if (n === 38 || n === 48) {
      const side = n === 38 ? 'fg' : 'bg'
      if (p[k + 1] === 5) {
        const x = (p[k + 2] ?? 0) & 255
        if (x < 16) set(s, side, x)
        else rgb(s, side, cube(x))
        k += 2
      } else if (p[k + 1] === 2) {
        rgb(s, side, `rgb(${(p[k + 2] ?? 0) & 255} ${(p[k + 3] ?? 0) & 255} ${(p[k + 4] ?? 0) & 255})`)
        k += 4
      }
    }
  }
  return s
}
function set(s: Style, side: 'fg' | 'bg', n: number): void {
  clear(s, side)
  s[side] = (side === 'fg' ? 'f' : 'b') + n
}
function rgb(s: Style, side: 'fg' | 'bg', value: string): void {
  clear(s, side)
  if (side === 'fg') s.fgRGB = value
  else s.bgRGB = value
}
function clear(s: Style, side: 'fg' | 'bg'): void {
  s[side] = ''
  if (side === 'fg') delete s.fgRGB
  else delete s.bgRGB
}
function cube(n: number): string {
  if (n >= 232) {
    const v = (n - 232) * 10 + 8
    return `rgb(${v} ${v} ${v})`
  }
  const x = n - 16
  const f = (c: number) => (c ? c * 40 + 55 : 0)
  return `rgb(${f(Math.floor(x / 36))} ${f(Math.floor(x / 6) % 6)} ${f(x % 6)})`
}

/** Where a text occurs in a line, without regard to case; at most a hundred places. */
export function find(text: string, query: string): [number, number][] {
  if (!query) return []
  const t = text.toLowerCase()
  const q = query.toLowerCase()
  const out: [number, number][] = []
  for (let i = t.indexOf(q); i >= 0 && out.length < 100; i = t.indexOf(q, i + q.length)) out.push([i, i + q.length])
  return out
}

/** Splits spans at the places found, so that these can be marked without losing their colours. */
export function marked(spans: readonly Span[], places: readonly [number, number][]): (Span & { hit: boolean })[] {
  if (places.length === 0) return spans.map((s) => ({ ...s, hit: false }))
  const out: (Span & { hit: boolean })[] = []
  let at = 0
  let k = 0
  for (const s of spans) {
    let from = 0
    while (from < s.text.length) {
      while (k < places.length && places[k]![1] <= at + from) k++
      const place = places[k]
      const inside = !!place && place[0] <= at + from
      const edge = place ? (inside ? place[1] : place[0]) - at : Infinity
      const to = Math.min(s.text.length, edge)
      out.push({ ...s, text: s.text.slice(from, to), hit: inside })
      from = to
    }
    at += s.text.length
  }
  return out
}
