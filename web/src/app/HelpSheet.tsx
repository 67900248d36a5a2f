// "?": what to read about this screen, the whole guide by search, and the keys.
import { useQuery } from '@tanstack/react-query'
import { Link, useRouterState } from '@tanstack/react-router'
import { BookOpen, Footprints, ListChecks, Search } from 'lucide-react'
import { useMemo, useState } from 'react'
import { useCan } from '@/api'
import { loadSections, search } from '@/lib/guide'
import { useSettled } from '@/lib/hooks'
import { Dialog, Input, Kbd, SingleKeys, openChecklist, startTour } from '@/ui'
import { helpFor } from './help'
import { SHORTCUTS } from './shortcuts'
import s from './HelpSheet.module.css'

export default function HelpSheet({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState('')
  const query = useSettled(text, 80).trim()
  const here = helpFor(useRouterState({ select: (r) => r.location.pathname }))
  const [page = '', hash] = here.page.split('#')
  const admin = useCan('manage_users')
  const all = useQuery({ queryKey: ['guide'], queryFn: loadSections, staleTime: Infinity })
  const hits = useMemo(() => search(query, all.data ?? [], 8), [query, all.data])
  return (
    <Dialog open onOpenChange={onClose} title="Help" width={520}>
      <span className={s.search}>
        <Search size={14} aria-hidden="true" />
        <Input type="search" autoFocus placeholder="Search the guide" aria-label="Search the guide" value={text} onChange={(e) => setText(e.target.value)} />
      </span>
      {query ? (
        <>
          <p className="sr" role="status">
            {hits.length} places in the guide
          </p>
          {hits.length === 0 && <p className={s.none}>Nothing in the guide has “{query}”.</p>}
          <ul className={s.hits}>
            {hits.map(({ section: x, before, match, after }) => (
              <li key={x.page + x.id}>
                <Link to="/guide/$page" params={{ page: x.page }} hash={x.id} onClick={onClose}>
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
      ) : (
        <>
          <ul className={s.ways}>
            <li>
              <Link to="/guide/$page" params={{ page }} hash={hash} onClick={onClose}>
                <BookOpen size={15} aria-hidden="true" />
                <span>
                  <b>{here.title}</b>
                  About this screen
                </span>
              </Link>
            </li>
            <li>
              <Link to="/guide" onClick={onClose}>
                <BookOpen size={15} aria-hidden="true" />
                <span>
                  <b>The guide</b>
                  All pages, in reading order
                </span>
              </Link>
            </li>
            <li>
              <button type="button" onClick={startTour}>
                <Footprints size={15} aria-hidden="true" />
                <span>
                  <b>Show me around</b>
                  Two minutes, on these screens
                </span>
              </button>
            </li>
            {admin && (
              <li>
                <button type="button" onClick={openChecklist}>
                  <ListChecks size={15} aria-hidden="true" />
                  <span>
                    <b>Set up this office</b>
                    What it needs, and what is there
                  </span>
                </button>
              </li>
            )}
          </ul>
          <h3 className={s.keys}>Keyboard shortcuts</h3>
          {SHORTCUTS.map(({ where, keys }) => (
            <section key={where} aria-label={where}>
              <h4 className={s.where}>{where}</h4>
              <dl className={s.list}>
                {keys.map(([key, what]) => (
                  <div key={key}>
                    <dt>{what}</dt>
                    <dd>
                      <Kbd>{key}</Kbd>
                    </dd>
                  </div>
                ))}
              </dl>
            </section>
          ))}
          <SingleKeys />
        </>
      )}
    </Dialog>
  )
}
