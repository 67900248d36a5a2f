import { expect } from 'vitest'
import { fuzz, quick } from '@/lib/fuzz'
import { ansi, find, marked, plain } from './ansi'

const E = '\x1b'
const PIECES = [
  'text', 'é', '振込', ' ', '\t', '<b>', '&amp;', 'm', '[', ']', ';', '0', '31', '38;5;', '38;2;1;2;3', '48;5;300', '999999999999', ':', '?',
  E, E + '[', E + '[m', E + '[0m', E + '[1;31m', E + '[38;5;196m', E + '[48:2:1:2:3m', E + '[7m', E + '[2K', E + '[1A', E + ']0;title\x07', E + ']8;;https://x' + E + '\\', E + 'P', E + '\\', E + '(B', E + 'c', E + '[?25l', E + '[>0;1m', E + '[1 q',
  '\x07', '\x00', '\x08', '\r', '\x7f', '\x9b31m', '\u202e', '\u2069', '\ud800', '\udc00', '\n', E + '[3\x00', E + '[38;5', E + '[31é',
]
const CLASS = /^(f\d{1,2}|b\d{1,2}|inv|binv|bo|di|it|un|fx|bx)$/
const COLOUR = /^rgb\(\d{1,3} \d{1,3} \d{1,3}\)$/
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]/

fuzz('ansi', (r) => {
  const line = r.text(PIECES, 14)
  const spans = ansi(line)
  const text = spans.map((s) => s.text).join('')
  expect(text === plain(line), `${JSON.stringify(line)}: shown ${JSON.stringify(text)}, copied ${JSON.stringify(plain(line))}`).toBe(true)
  if (CONTROL.test(text)) throw new Error(`${JSON.stringify(line)} shows ${JSON.stringify(text)}`)
  // What is no escape stays: without ESC only single characters are dropped.
  if (!line.includes(E) && text !== line.replace(new RegExp(CONTROL, 'g'), '')) throw new Error(`${JSON.stringify(line)} lost text: ${JSON.stringify(text)}`)
  for (const s of spans) {
    if (s.text === '') throw new Error('an empty span')
    for (const c of s.className.split(' ')) if (c !== '' && !CLASS.test(c)) throw new Error(`the class ${c}`)
    for (const c of [s.fg, s.bg]) if (c !== undefined && !COLOUR.test(c)) throw new Error(`the colour ${c}`)
  }
  const query = r.text(['te', 'x', 'é', 'İ', ' '], 2)
  const places = find(text, query)
  const parts = marked(spans, places)
  if (parts.map((p) => p.text).join('') !== text) throw new Error(`${JSON.stringify(line)} marked for ${JSON.stringify(query)} is another text`)
})

// The server cuts lines at 64 KiB.
const long = (make: (n: number) => string) => make(64 << 10).slice(0, 64 << 10)

quick('an unfinished title after another', long((n) => (E + ']0;x').repeat(n)), ansi)
quick('escapes without an end', long((n) => (E + '[').repeat(n) + 'x'), ansi)
quick('parameters without an end', long((n) => E + '[' + '1;'.repeat(n)), ansi)
quick('device control strings', long((n) => (E + 'Pq').repeat(n)), ansi)
quick('a rainbow', long((n) => (E + '[31mx' + E + '[0m').repeat(n)), ansi)
