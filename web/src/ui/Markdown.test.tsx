// @vitest-environment jsdom
import { render } from '@testing-library/react'
import { beforeAll, describe, expect, it } from 'vitest'
import { Markdown, MarkdownPage, markdownReady, safeHref, type PageOptions } from './Markdown'

const show = (text: string, me = 'daniel') =>
  render(<Markdown text={text} mentions={(n) => (['daniel', 'amara'].includes(n) ? { display: n.toUpperCase(), me: n === me } : null)} />).container

describe('markdown', () => {
  beforeAll(() => markdownReady)

  it('renders emphasis, code and lists', () => {
    const el = show('**bold** and `x < y` and\n\n- one\n- two')
    expect(el.querySelector('strong')?.textContent).toBe('bold')
    expect(el.querySelector('code')?.textContent).toBe('x < y')
    expect(el.querySelectorAll('li')).toHaveLength(2)
  })
  it('shows HTML as it was typed', () => {
    const el = show('<img src=x onerror=alert(1)> & <b>hi</b> "quoted"')
    expect(el.querySelector('img, b')).toBeNull()
    expect(el.textContent).toContain('<img src=x onerror=alert(1)> & <b>hi</b> "quoted"')
  })
  it('leaves no script in a link, a picture or a code block', () => {
    const el = show('[x](javascript:alert(1)) [y](data:text/html,1) ![z](https://e.example/p.png)\n\n```html\n<script>1</script>\n```')
    expect([...el.querySelectorAll('a')].map((a) => a.getAttribute('href'))).toEqual(['https://e.example/p.png'])
    expect(el.querySelector('img, script')).toBeNull()
    expect(el.querySelector('pre')?.textContent).toBe('<script>1</script>')
  })
  it('opens other places apart, and its own in place', () => {
    const el = show('[a](https://e.example) [b](/incidents/INC-1)')
    const [a, b] = el.querySelectorAll('a')
    expect(a!.rel).toContain('noopener')
    expect(a!.target).toBe('_blank')
    expect(b!.target).toBe('')
  })
  it('marks people, mine apart, and no address or code', () => {
    const el = show('@daniel and @amara, mail a@daniel, `@daniel` and @nobody')
    const marked = [...el.querySelectorAll('span')].map((s) => s.textContent)
    expect(marked).toEqual(['@DANIEL', '@AMARA'])
  })
  it('keeps line breaks and what plain text says', () => {
    expect(show('one\ntwo').querySelectorAll('br')).toHaveLength(1)
    expect(show('Just a sentence, 40% of it.').textContent).toBe('Just a sentence, 40% of it.')
    expect(show('1. first').querySelector('ol')).not.toBeNull()
  })
  it('tables and tasks', () => {
    const el = show('| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] done\n- [ ] open')
    expect(el.querySelectorAll('td')).toHaveLength(2)
    expect(el.querySelectorAll('input[type=checkbox]')).toHaveLength(2)
  })
})

describe('what stands in a message', () => {
  beforeAll(() => markdownReady)
  const refs = (kind: string, name: string) => (kind === 'room' && name !== 'ops' ? null : { href: `/${kind}/${name}` })
  const links = (text: string) => [...render(<Markdown text={text} refs={refs} />).container.querySelectorAll('a')].map((a) => [a.textContent, a.getAttribute('href')])
  it('leads to incidents, runs and rooms', () => {
    expect(links('INC-2041 after run 12, Run #3; see #ops, #nothing, (INC-7).')).toEqual([
      ['INC-2041', '/incident/INC-2041'],
      ['run 12', '/run/12'],
      ['Run #3', '/run/3'],
      ['#ops', '/room/ops'],
      ['INC-7', '/incident/INC-7'],
    ])
    expect(links('`INC-1` xINC-2 INC-3-b trun 4 a#ops \n\n    INC-5')).toEqual([])
  })
  it('keeps the last letter of an address', () => {
    expect(links('https://x.example/_foo_ and https://x.example/a__, https://x.example/b_).').map(([, href]) => href)).toEqual(['https://x.example/_foo_', 'https://x.example/a__', 'https://x.example/b_'])
  })
  it('lets each block run its own way, and a table its columns', () => {
    const el = show('שלום, @daniel!\n\n- مرحبا\n\n| a | b |\n|:-:|--:|\n| 1 | 2 |')
    expect([...el.querySelectorAll('p, li, td')].every((x) => x.getAttribute('dir') === 'auto')).toBe(true)
    expect([...el.querySelectorAll('td')].map((x) => x.className)).toEqual([expect.stringContaining('center'), expect.stringContaining('right')])
  })
  it('puts what follows on the line of the last words', () => {
    const end = <i>(edited)</i>
    const last = (text: string) => render(<Markdown text={text} end={end} />).container.querySelector('i')?.parentElement?.tagName
    expect([last('plain'), last('*a*\n\n**b**'), last('a\n\n```\ncode\n```')]).toEqual(['P', 'P', 'DIV'])
  })
})

describe('a page of the guide', () => {
  beforeAll(() => markdownReady)
  const page: PageOptions = {
    href: (h) => (h.startsWith('http') || h.startsWith('#') ? h : h.endsWith('.md') ? '/guide/' + h.slice(0, -3) : null),
    image: (src) => (src === 'a.png' ? '/assets/a.png' : null),
    Link: ({ href, children }) => <a href={href}>{children}</a>,
  }
  const show = (text: string) => render(<MarkdownPage text={text} page={page} />).container

  it('has headings with addresses, and leaves the first to the screen', () => {
    const el = show('# Title\n\n## Why was I refused?\n\n### Run\n\n### Run')
    expect([...el.querySelectorAll('h1,h2,h3')].map((h) => [h.tagName, h.id])).toEqual([
      ['H2', 'why-was-i-refused'],
      ['H3', 'run'],
      ['H3', 'run-1'],
    ])
    expect(el.querySelector('h2 a')?.getAttribute('href')).toBe('#why-was-i-refused')
  })
  it('follows its own links and shows its own pictures only', () => {
    const el = show('[p](ledger.md) [q](../x.go) [w](https://e.example) ![one](a.png) ![two](https://e.example/b.png)')
    expect([...el.querySelectorAll('a')].map((a) => a.getAttribute('href'))).toEqual(['/guide/ledger', 'https://e.example', 'https://e.example/b.png'])
    expect([...el.querySelectorAll('img')].map((i) => [i.getAttribute('src'), i.alt])).toEqual([['/assets/a.png', 'one']])
  })
  it('hides comments for authors, and shows other HTML as typed', () => {
    const el = show('<!-- made by a script -->\n\ntext\n\n<b onclick="x">bold</b>')
    expect(el.textContent).not.toContain('made by')
    expect(el.querySelector('b')).toBeNull()
    expect(el.textContent).toContain('<b onclick')
  })
})

it('knows safe links', () => {
  expect(safeHref('https://a.example')).toBe('https://a.example')
  expect(safeHref('//evil.example')).toBeNull()
  expect(safeHref(' javascript:1')).toBeNull()
  expect(safeHref('/rooms/1')).toBe('/rooms/1')
})
