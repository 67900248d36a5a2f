// The user guide, inside the product: pages of docs/guide with contents, search, and print.
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useRouterState } from '@tanstack/react-router'
import { ArrowLeft, ArrowRight, BookOpen, Footprints, Printer, Search } from 'lucide-react'
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import { useSession } from '@/api'
import { typing, useSettled, useWindow } from '@/lib/hooks'
import { singleKeys } from '@/lib/keys'
import { chapters, INDEX, loadPage, loadSections, search, sections, type Chapter, type Entry } from '@/lib/guide'
import { Button, Empty, ErrorState, IconButton, Input, Loading, MarkdownPage, Page, Select, startTour } from '@/ui'
import { pageOptions } from './links'
import s from './guide.module.css'

/** Pages are part of the build: once read they stay as they are. */
const still = { staleTime: Infinity, gcTime: Infinity, retry: false } as const

export default function GuideView() {
  const { page = INDEX } = useParams({ strict: false })
  const inside = useSession((x) => x.status === 'in')
  const index = useQuery({ queryKey: ['guide', INDEX], queryFn: () => loadPage(INDEX), ...still })
  const text = useQuery({ queryKey: ['guide', page], queryFn: () => loadPage(page), ...still })
  const parts = useMemo(() => sections(page, text.data ?? ''), [page, text.data])
  const list = useMemo(() => chapters(index.data ?? ''), [index.data])
  const order = useMemo(() => list.flatMap((c) => c.entries), [list])
  const at = order.findIndex((e) => e.page === page)
  const title = page === INDEX ? 'Guide' : (parts[0]?.heading ?? order[at]?.title ?? 'Guide')
  const body = useRef<HTMLDivElement>(null)
  useHash(body, parts.length > 0)
  useEffect(() => {
    document.title = `${title === 'Guide' ? '' : title + ' · '}Guide`
  }, [title])

  return (
    <Page
      title={title}
      icon={<BookOpen size={16} aria-hidden="true" />}
      actions={
        <>
          {inside && (
            <Button size="s" icon={<Footprints size={13} />} onClick={startTour}>
              Show me around
            </Button>
          )}
          <span className={s.desktop}>
            <IconButton label="Print this page" side="bottom" onClick={() => print()}>
              <Printer size={15} />
            </IconButton>
          </span>
        </>
      }
      flush
    >
      <div className={s.guide}>
        <Contents list={list} page={page} />
        <div className={s.body} ref={body} tabIndex={0} role="region" aria-label={title}>
          <PhoneContents list={list} page={page} />
          {text.isPending ? (
            <Loading label="Loading the page" lines={10} />
          ) : text.error ? (
            <ErrorState error={text.error} onRetry={() => void text.refetch()} title="This page did not load" />
          ) : text.data === null ? (
            <Empty icon={<BookOpen size={20} />} title="The guide has no such page" action={<Link to="/guide">To the guide</Link>}>
              The link may be old. Look for it in the contents.
            </Empty>
          ) : (
            <article className={s.article}>
              <MarkdownPage text={text.data} page={pageOptions} />
              {at >= 0 && <Neighbours before={order[at - 1]} after={order[at + 1]} />}
            </article>
          )}
        </div>
        <OnThisPage parts={parts.filter((p) => p.depth === 2 || p.depth === 3)} />
      </div>
    </Page>
  )
}

/** Goes to the heading that the address names, once the page is there; else to the top. */
function useHash(body: React.RefObject<HTMLDivElement | null>, ready: boolean) {
  const { hash, pathname } = useRouterState({ select: (r) => r.location })
  useEffect(() => {
    if (!ready) return
    // The text is drawn in the next frame, when the reader of markdown has come.
    let tries = 60
    let frame = 0
    const look = () => {
      const el = hash && document.getElementById(decodeURIComponent(hash))
      if (el) {
        // Only the page moves, not the frame around it.
        const box = body.current
        if (box) box.scrollTop += el.getBoundingClientRect().top - box.getBoundingClientRect().top - 16
        el.focus({ preventScroll: true })
      } else if (!hash) body.current?.scrollTo(0, 0)
      else if (tries-- > 0) frame = requestAnimationFrame(look)
    }
    look()
    return () => cancelAnimationFrame(frame)
  }, [hash, pathname, ready, body])
}

function Contents({ list, page }: { list: Chapter[]; page: string }) {
  const [text, setText] = useState('')
  const field = useRef<HTMLInputElement>(null)
  useWindow('keydown', (e) => {
    if (e.key !== '/' || !singleKeys() || e.ctrlKey || e.metaKey || e.altKey || typing(e)) return
    e.preventDefault()
    field.current?.focus()
  })
  return (
    <nav className={s.nav} aria-label="Guide">
      <span className={s.search}>
        <Search size={13} aria-hidden="true" />
        <Input ref={field} type="search" placeholder="Search the guide" aria-label="Search the guide" value={text} onChange={(e) => setText(e.target.value)} onKeyDown={(e) => e.key === 'Escape' && setText('')} />
      </span>
      {text.trim() ? (
        <Found query={text} />
      ) : (
        <>
          <Link to="/guide" activeOptions={{ exact: true, includeHash: false }} className={s.entry} aria-current={page === INDEX ? 'page' : undefined}>
            All pages
          </Link>
          {list.map((c) => (
            <div key={c.title} className={s.chapter}>
              <h2>{c.title}</h2>
              <ul>
                {c.entries.map((e) => (
                  <li key={e.page}>
                    <Link to="/guide/$page" params={{ page: e.page }} className={s.entry} aria-current={e.page === page ? 'page' : undefined}>
                      {e.title}
                    </Link>
                  </li>
                ))}
              </ul>
            </div>
          ))}
        </>
      )}
    </nav>
  )
}

function Found({ query }: { query: string }) {
  const settled = useSettled(query)
  const all = useQuery({ queryKey: ['guide'], queryFn: loadSections, ...still })
  const hits = useMemo(() => search(settled, all.data ?? []), [settled, all.data])
  if (all.isPending) return <Loading label="Loading the guide" />
  if (all.error) return <ErrorState compact error={all.error} onRetry={() => void all.refetch()} />
  return (
    <>
      <p className={s.count} role="status">
        {hits.length === 0 ? `Nothing in the guide has “${settled.trim()}”.` : `${hits.length === 30 ? 'The best 30' : hits.length} ${hits.length === 1 ? 'place' : 'places'}`}
      </p>
      <ul>
        {hits.map(({ section: x, before, match, after }) => (
          <li key={x.page + x.id}>
            <Link to="/guide/$page" params={{ page: x.page }} hash={x.id} className={s.hit}>
              <b>{x.heading}</b>
              {x.depth > 1 && <em>{x.title}</em>}
              <span>
                {before}
                {match && <mark>{match}</mark>}
                {after}
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </>
  )
}

/** At phone width the contents are a list to choose from. */
function PhoneContents({ list, page }: { list: Chapter[]; page: string }) {
  const navigate = useNavigate()
  return (
    <div className={s.phone}>
      <Select aria-label="Page of the guide" value={page} onChange={(e) => void (e.target.value === INDEX ? navigate({ to: '/guide' }) : navigate({ to: '/guide/$page', params: { page: e.target.value } }))}>
        <option value={INDEX}>All pages</option>
        {list.map((c) => (
          <optgroup key={c.title} label={c.title}>
            {c.entries.map((e) => (
              <option key={e.page} value={e.page}>
                {e.title}
              </option>
            ))}
          </optgroup>
        ))}
      </Select>
    </div>
  )
}

function OnThisPage({ parts }: { parts: { id: string; heading: string; depth: number }[] }) {
  if (parts.length < 2) return null
  return (
    <nav className={s.toc} aria-label="On this page">
      <h2>On this page</h2>
      <ul>
        {parts.map((p) => (
          <li key={p.id} className={p.depth === 3 ? s.deep : undefined}>
            <Link to="." hash={p.id} activeOptions={{ includeHash: true }}>
              {p.heading}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  )
}

function Neighbours({ before, after }: { before?: Entry; after?: Entry }) {
  const to = (e: Entry, word: string, icon: ReactNode, last?: boolean) => (
    <Link to="/guide/$page" params={{ page: e.page }} className={last ? s.next : s.previous}>
      {!last && icon}
      <span>
        <small>{word}</small>
        <b>{e.title}</b>
      </span>
      {last && icon}
    </Link>
  )
  return (
    <nav className={s.neighbours} aria-label="Before and after">
      {before ? to(before, 'Before', <ArrowLeft size={15} aria-hidden="true" />) : <span />}
      {after && to(after, 'Next', <ArrowRight size={15} aria-hidden="true" />, true)}
    </nav>
  )
}
