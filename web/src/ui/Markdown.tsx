import type { Lexer, Token, Tokens } from 'marked'
import { Fragment, memo, useMemo, useSyncExternalStore, type ComponentType, type MouseEvent, type ReactNode } from 'react'
import { cx } from '@/lib/cx'
import { asEmoji } from '@/lib/emoji'
import { go } from '@/lib/go'
import { slugs } from '@/lib/slug'
import { visible } from '@/lib/visible'
import { CopyButton } from './bits'
import { Tooltip } from './Tooltip'
import s from './Markdown.module.css'

// The lexer's tokens become React elements: text stays text, HTML in a message is shown as typed,
// and a link goes only where http, https, mailto or this app lead.

const SAFE = /^(https?:|mailto:|\/(?!\/)|#)/i
export const safeHref = (href: string): string | null => (SAFE.test(href.trim()) ? href.trim() : null)

/** Undoes the entities the lexer leaves in place, for text that React will escape anyway. */
const decode = (t: string) =>
  visible(t).replace(/&(amp|lt|gt|quot|#39|#x27);/g, (_, e: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", '#x27': "'" })[e] ?? _)

export type Mentions = (name: string) => { display: string; me: boolean } | null

/** How a page of the guide is shown: unlike a message it has headings with addresses, pictures of its own and links to other pages. */
export type PageOptions = {
  /** The address in this app, or elsewhere, that a link of the page means; null leaves its text only. */
  href: (href: string) => string | null
  /** Where the app keeps a picture; null when it has none. */
  image: (src: string) => string | null
  /** Follows an address within this app. */
  Link: ComponentType<{ href: string; className?: string; children: ReactNode }>
}
/** Where the name of an incident, a run or a room in a text leads, and what it is in a line; null where it is none. */
export type Refs = (kind: 'incident' | 'run' | 'room', name: string) => { href: string; about?: ReactNode } | null
type Options = { mentions?: Mentions; refs?: Refs; page?: PageOptions; slug?: (heading: string) => string }

const REF = /(?<![\w/#@.-])(?:(INC-\d{1,9})|[Rr]un (#?\d{1,9})|#([a-z][\w.-]*\w))(?![\w-])/g
function withRefs(text: string, o: Options): ReactNode {
  const { refs } = o
  if (!refs || !/INC-|[Rr]un |#/.test(text)) return withMentions(text, o.mentions)
  const out: ReactNode[] = []
  let last = 0
  for (const m of text.matchAll(REF)) {
    const [words, incident, run, room] = m
    const to = incident ? refs('incident', incident) : run ? refs('run', run.replace('#', '')) : refs('room', room!)
    if (!to) continue
    out.push(<Fragment key={'t' + m.index}>{withMentions(text.slice(last, m.index), o.mentions)}</Fragment>)
    out.push(
      <Tooltip key={m.index} text={to.about}>
        <a className={s.link} href={to.href} onClick={(e) => within(e, to.href)}>
          {words}
        </a>
      </Tooltip>,
    )
    last = m.index + words.length
  }
  if (!last) return withMentions(text, o.mentions)
  out.push(<Fragment key="end">{withMentions(text.slice(last), o.mentions)}</Fragment>)
  return out
}
/** A link within the app does not load it anew. */
function within(e: MouseEvent, href: string) {
  if (e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return
  e.preventDefault()
  go(href)
}

const MENTION = /(^|[^\w@/.-])@([a-z0-9][\w.-]*[\w]|[a-z0-9])/gi
function withMentions(text: string, mentions: Mentions | undefined): ReactNode {
  if (!mentions || !text.includes('@')) return text
  const out: ReactNode[] = []
  let last = 0
  for (const m of text.matchAll(MENTION)) {
    const who = mentions(m[2]!)
    if (!who) continue
    const at = m.index + m[1]!.length
    out.push(text.slice(last, at))
    out.push(
      <span key={at} className={cx(s.mention, who.me && s.me)}>
        @{who.display}
      </span>,
    )
    last = at + 1 + m[2]!.length
  }
  if (!last) return text
  out.push(text.slice(last))
  return out
}

/** The lexer ends a bare address before "_", which may well be its last letter: what follows without a blank is put back. */
function whole(tokens: Token[]): Token[] {
  const out: Token[] = []
  for (const t of tokens) {
    const before = out.at(-1)
    const rest = t.type === 'text' && before?.type === 'link' && before.raw === (before as Tokens.Link).text ? /^_+(?=$|[\s.,;:!?)\]])/.exec(t.raw)?.[0] : undefined
    if (!rest) out.push(t)
    else {
      const l = before as Tokens.Link
      out[out.length - 1] = { ...l, raw: l.raw + rest, text: l.text + rest, href: l.href + rest, tokens: [{ type: 'text', raw: l.text + rest, text: l.text + rest } as Token] }
      const text = (t as Tokens.Text).text.slice(rest.length)
      if (text) out.push({ ...t, raw: t.raw.slice(rest.length), text } as Token)
    }
  }
  return out
}

function inline(tokens: Token[] | undefined, o: Options): ReactNode {
  return whole(tokens ?? []).map((t, i) => {
    switch (t.type) {
      case 'strong':
        return <strong key={i}>{inline(t.tokens, o)}</strong>
      case 'em':
        return <em key={i}>{inline(t.tokens, o)}</em>
      case 'del':
        return <del key={i}>{inline(t.tokens, o)}</del>
      case 'codespan':
        return (
          <code key={i} className={s.code}>
            {decode((t as Tokens.Codespan).text)}
          </code>
        )
      case 'br':
        return <br key={i} />
      case 'link': {
        const { href: raw } = t as Tokens.Link
        const href = o.page ? o.page.href(raw) : safeHref(raw)
        const body = inline(t.tokens, { ...o, mentions: undefined, refs: undefined })
        if (href && o.page && !/^\w+:/.test(href))
          return (
            <o.page.Link key={i} href={href} className={s.link}>
              {body}
            </o.page.Link>
          )
        if (!href) return <Fragment key={i}>{body}</Fragment>
        const here = href.startsWith('/') || href.startsWith('#')
        return (
          <a key={i} className={s.link} href={href} {...(here ? { onClick: (e: MouseEvent) => href.startsWith('/') && within(e, href) } : { target: '_blank', rel: 'noopener noreferrer' })}>
            {body}
          </a>
        )
      }
      case 'image': {
        // A picture would be fetched from wherever the message says: it is a link instead.
        const own = o.page?.image((t as Tokens.Image).href)
        if (own) return <img key={i} className={s.image} src={own} alt={decode((t as Tokens.Image).text)} loading="lazy" />
        const href = safeHref((t as Tokens.Image).href)
        const text = decode((t as Tokens.Image).text) || href || ''
        return href ? (
          <a key={i} className={s.link} href={href} target="_blank" rel="noopener noreferrer">
            {text}
          </a>
        ) : (
          <Fragment key={i}>{text}</Fragment>
        )
      }
      case 'text':
        if ('tokens' in t && t.tokens) return <Fragment key={i}>{inline(t.tokens, o)}</Fragment>
        return <Fragment key={i}>{withRefs(o.page ? decode((t as Tokens.Text).text) : asEmoji(decode((t as Tokens.Text).text)), o)}</Fragment>
      case 'escape':
        return <Fragment key={i}>{decode((t as Tokens.Escape).text)}</Fragment>
      default:
        return <Fragment key={i}>{visible(t.raw)}</Fragment>
    }
  })
}

const ALIGN = { left: s.left, right: s.right, center: s.center }
/** `end` follows the last words, on their line where they are a paragraph. */
function blocks(tokens: Token[], o: Options, end?: ReactNode): ReactNode {
  if (end) {
    const last = tokens.at(-1)
    if (last?.type !== 'paragraph') return [blocks(tokens, o), <Fragment key="end">{end}</Fragment>]
    return [
      blocks(tokens.slice(0, -1), o),
      <p key="last" dir="auto">
        {inline(last.tokens, o)} {end}
      </p>,
    ]
  }
  return tokens.map((t, i) => {
    switch (t.type) {
      case 'space':
      case 'def':
        return null
      case 'paragraph':
        return (
          <p key={i} dir="auto">
            {inline(t.tokens, o)}
          </p>
        )
      case 'text':
        return <Fragment key={i}>{'tokens' in t && t.tokens ? inline(t.tokens, o) : decode((t as Tokens.Text).text)}</Fragment>
      case 'heading': {
        if (o.page && o.slug) {
          const h = t as Tokens.Heading
          if (h.depth === 1) return null // it is the screen's own heading
          const id = o.slug(h.text)
          const H = h.depth === 2 ? 'h2' : h.depth === 3 ? 'h3' : 'h4'
          return (
            <H key={i} id={id} tabIndex={-1}>
              {inline(t.tokens, o)}
              <o.page.Link href={'#' + id} className={s.anchor}>
                <span aria-hidden="true">#</span>
                <span className="sr">Link to this heading</span>
              </o.page.Link>
            </H>
          )
        }
        return (
          <p key={i} className={s.heading} dir="auto">
            {inline(t.tokens, o)}
          </p>
        )
      }
      case 'code': {
        const c = t as Tokens.Code
        return <CodeBlock key={i} text={c.text} lang={c.lang} />
      }
      case 'blockquote':
        return (
          <blockquote key={i} dir="auto">
            {blocks(t.tokens ?? [], o)}
          </blockquote>
        )
      case 'list': {
        const l = t as Tokens.List
        const items = l.items.map((it, k) => (
          <li key={k} dir="auto">
            {it.task && <input type="checkbox" checked={!!it.checked} readOnly disabled aria-label={it.checked ? 'Done' : 'Not done'} />}
            {blocks(
              it.tokens.filter((x) => x.type !== 'checkbox'),
              o,
            )}
          </li>
        ))
        return l.ordered ? (
          <ol key={i} start={Number(l.start) || 1}>
            {items}
          </ol>
        ) : (
          <ul key={i}>{items}</ul>
        )
      }
      case 'table': {
        const tb = t as Tokens.Table
        return (
          <div key={i} className={s.table} role="group" aria-label="Table" tabIndex={0}>
            <table>
              <thead>
                <tr>
                  {tb.header.map((h, k) => (
                    <th key={k} scope="col" dir="auto" className={tb.align[k] ? ALIGN[tb.align[k]] : undefined}>
                      {inline(h.tokens, o)}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {tb.rows.map((r, k) => (
                  <tr key={k}>
                    {r.map((c, j) => (
                      <td key={j} dir="auto" className={tb.align[j] ? ALIGN[tb.align[j]] : undefined}>
                        {inline(c.tokens, o)}
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )
      }
      case 'html':
        // A page's comments are for its authors; HTML in a message is shown as typed.
        return o.page && /^<!--[^]*-->\s*$/.test(t.raw) ? null : <p key={i}>{visible(t.raw.trim())}</p>
      case 'hr':
        return <hr key={i} />
      default:
        return <p key={i}>{visible(t.raw.trim())}</p>
    }
  })
}

// What nests this deep or has this many marks is no writing: the lexer would run out of stack, or take long at it, on the
// screen of everybody in the room. It is shown as typed.
const DEEP = /^[ \t]*(?:>[ \t]*|(?:[*+-]|\d{1,9}[.)])[ \t]+){25}/m
const CROWDED = 2000
function plainly(text: string): boolean {
  let marks = 0
  for (let i = 0; i < text.length; i++) if ('*_~`[]<>&'.includes(text[i]!) && ++marks > CROWDED) return true
  return DEEP.test(text)
}

/** What a text becomes. */
export const elements = (Lex: typeof Lexer, text: string, mentions?: Mentions, refs?: Refs, end?: ReactNode): ReactNode =>
  plainly(text) ? (
    <p className={s.raw} dir="auto">
      {visible(text)}
      {end && ' '}
      {end}
    </p>
  ) : (
    blocks(new Lex({ gfm: true, breaks: true }).lex(text), { ...(mentions ? { mentions } : {}), ...(refs ? { refs } : {}) }, end)
  )

/** A code block that scrolls sideways and can be copied. */
export const CodeBlock = ({ text, lang }: { text: string; lang?: string }) => (
  <div className={s.pre}>
    <pre className="mono" tabIndex={0} aria-label={lang ? `Code, ${lang}` : 'Code'}>
      {visible(text)}
    </pre>
    <span className={s.copy}>
      <CopyButton text={text} label="Copy the code" />
    </span>
  </div>
)

// The lexer comes beside the first screen. Until it is there, a text is shown as it was typed.
let lexer: typeof Lexer | null = null
const waiting = new Set<() => void>()
/** Resolves when markdown can be read. */
export const markdownReady: Promise<void> = import('marked').then((m) => {
  lexer = m.Lexer
  for (const fn of waiting) fn()
  waiting.clear()
})
const subscribe = (fn: () => void) => {
  if (!lexer) waiting.add(fn)
  return () => waiting.delete(fn)
}

const PLAIN = /^[\w ,.;:!?'"()%€$£/+-]*$/
const NAMES = /INC-|[Rr]un |:\/\/|www\./
type Props = { text: string; mentions?: Mentions; refs?: Refs; className?: string; /** Follows the last words. */ end?: ReactNode }
/** Messages and notes. Plain sentences don't wake the lexer. */
export const Markdown = memo(({ text, mentions, refs, className, end }: Props) => {
  const Lex = useSyncExternalStore(subscribe, () => lexer)
  const body = useMemo(() => {
    if (PLAIN.test(text) && !NAMES.test(text) && !/^\s*(\d+\.|[-+]) /.test(text))
      return (
        <p dir="auto">
          {asEmoji(text)}
          {end && ' '}
          {end}
        </p>
      )
    if (!Lex)
      return (
        <p className={s.raw} dir="auto">
          {visible(text)}
          {end && ' '}
          {end}
        </p>
      )
    return elements(Lex, text, mentions, refs, end)
  }, [text, mentions, refs, Lex, end])
  return <div className={cx(s.md, className)}>{body}</div>
})
Markdown.displayName = 'Markdown'

/** A page of the guide. It has room, headings with addresses, and pictures. */
export const MarkdownPage = memo(({ text, page }: { text: string; page: PageOptions }) => {
  const Lex = useSyncExternalStore(subscribe, () => lexer)
  const body = useMemo(() => Lex && blocks(new Lex({ gfm: true }).lex(text), { page, slug: slugs() }), [text, page, Lex])
  return <div className={cx(s.md, s.page)}>{body}</div>
})
MarkdownPage.displayName = 'MarkdownPage'
