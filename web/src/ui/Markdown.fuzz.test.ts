import { Lexer } from 'marked'
import { isValidElement, type ReactNode } from 'react'
import { fuzz, quick } from '@/lib/fuzz'
import { CodeBlock, elements } from './Markdown'

const PIECES = [
  'word', 'é', ' ', '\n', '\n\n', '  \n', '\t', '*', '**', '_', '__', '~~', '`', '``', '```', '```js\n', '\n```\n', '#', '# ', '> ', '- ', '1. ', '+ ', '- [ ] ', '- [x] ', '---', '|', '| a | b |\n|---|---|\n', '\n| 1 | 2 |',
  '[', ']', '(', ')', '[x](', '![x](', '](', '<', '>', '"', "'", '\\', '&', '&amp;', '&#106;', '&colon;', '&#x6A;avascript:', '<b onclick=x>', '<script>alert(1)</script>', '<img src=x onerror=x>', '<!--', '-->', '<a href="javascript:1">',
  'javascript:', 'JaVaScRiPt:', 'java\nscript:', 'java\tscript:', '\x01javascript:', 'data:text/html,x', 'vbscript:', 'file:///etc', '//evil.test', '/\\evil.test', '/rooms/1', 'https://a.test', 'http://', 'mailto:a@b.test', 'www.a.test', '#x', '@ann', '@bob.', 'a@ann.test', '[x]: javascript:1\n', '[x]: https://a.test "t"\n', '[x]', '\u202e', '\ud800', '\x00', '999999999. ', ':', '=', '===\n',
]
const TAGS = new Set(['strong', 'em', 'del', 'code', 'br', 'a', 'p', 'blockquote', 'ul', 'ol', 'li', 'input', 'div', 'table', 'thead', 'tbody', 'tr', 'th', 'td', 'hr', 'span'])
const PROPS = new Set(['children', 'dir', 'onClick', 'className', 'href', 'target', 'rel', 'start', 'type', 'checked', 'readOnly', 'disabled', 'aria-label', 'role', 'tabIndex', 'scope', 'text', 'lang'])
// Where a browser would go: it takes out tabs and line ends, and blanks and control characters in front, before it looks.
const goes = (href: string) => href.replace(/[\t\n\r]/g, '').replace(/^[\x00-\x20]+/, '')

function look(node: ReactNode): void {
  if (Array.isArray(node)) return node.forEach(look)
  if (!isValidElement<Record<string, unknown>>(node)) {
    if (node !== null && node !== undefined && typeof node !== 'string' && typeof node !== 'boolean') throw new Error(`a ${typeof node} is shown`)
    return
  }
  const { type, props } = node
  if (typeof type === 'string' ? !TAGS.has(type) : type !== CodeBlock && typeof type !== 'symbol') throw new Error(`the element ${String(type)}`)
  for (const name of Object.keys(props)) if (!PROPS.has(name)) throw new Error(`${String(type)} has ${name}`)
  if (props.href !== undefined || type === 'a') {
    const href = String(props.href)
    if (!/^(https?:|mailto:|\/(?![/\\])|#)/i.test(goes(href))) throw new Error(`a link to ${JSON.stringify(href)}`)
    if (!/^[/#]/.test(href) && props.rel !== 'noopener noreferrer') throw new Error(`a link out with ${String(props.rel)}`)
  }
  if (type === CodeBlock && typeof props.text !== 'string') throw new Error('a code block without text')
  look(props.children as ReactNode)
}

const mentions = (name: string) => (name === 'ann' ? { display: 'Ann <b>', me: true } : null)

fuzz('markdown', (r) => {
  const text = r.text(PIECES, 16)
  try {
    look(elements(Lexer, text, mentions))
  } catch (e) {
    throw new Error(`${JSON.stringify(text)}: ${e instanceof Error ? e.message : String(e)}`, { cause: e })
  }
})

/** A message has at most this many characters. */
const LONGEST = 16 << 10
/** Few enough marks to be read as markdown. */
const CROWD = 950

for (const [name, piece] of [
  ['deep lists', '- '], ['deep numbers', '1. '], ['brackets', '['], ['pictures', '!['], ['stars', '*'], ['stars and words', '*a '], ['underscores', '_a'], ['backticks', '`a'], ['quotes', '> '], ['links without an end', '[a]('], ['angles', '<'], ['tags', '<a '],
  ['lists', '- a\n'], ['tables', '| a '], ['tildes', '~~a'], ['ampersands', '&'], ['backslashes', '\\'], ['addresses', 'a@a.'], ['mentions', '@ann '], ['escapes in links', '[a](<b'],
] as const) {
  quick(name, piece.repeat(Math.floor(LONGEST / piece.length)), (text) => void elements(Lexer, text, mentions))
  quick(`half of ${name}`, piece.repeat(CROWD), (text) => void elements(Lexer, text, mentions))
}
