import { Link, useRouterState } from '@tanstack/react-router'
import { Flame, Inbox, Map, MessagesSquare, PlayCircle } from 'lucide-react'
import { cx } from '@/lib/cx'
import { useIncidents, useOffice } from '@/realtime'
import { Count } from '@/ui'
import { useDrawer } from './drawer'
import s from './PhoneTabs.module.css'

/** The five places under the thumb. */
export function PhoneTabs() {
  const path = useRouterState({ select: (r) => r.location.pathname })
  const unseen = useOffice((o) => o.unseen)
  const mentions = useOffice((o) => Object.values(o.rooms).reduce((n, r) => n + r.mentions, 0))
  const incidents = useIncidents().length
  const cls = (on: boolean) => cx(s.tab, on && s.on)
  const under = (p: string) => path === p || path.startsWith(p + '/')
  return (
    <nav className={s.tabs} aria-label="Places">
      <Link to="/" className={cls(path === '/')} aria-current={path === '/' ? 'page' : undefined}>
        <Map size={19} aria-hidden="true" />
        Map
      </Link>
      <button type="button" className={cls(under('/rooms'))} onClick={() => useDrawer.setState({ open: true })}>
        <MessagesSquare size={19} aria-hidden="true" />
        Rooms
        <i>
          <Count n={mentions} mention />
        </i>
      </button>
      <Link to="/incidents" className={cls(under('/incidents'))} aria-current={under('/incidents') ? 'page' : undefined}>
        <Flame size={19} aria-hidden="true" />
        Incidents
        <i>
          <Count n={incidents} label="open" />
        </i>
      </Link>
      <Link to="/runs" className={cls(under('/runs'))} aria-current={under('/runs') ? 'page' : undefined}>
        <PlayCircle size={19} aria-hidden="true" />
        Runs
      </Link>
      <Link to="/inbox" className={cls(under('/inbox'))} aria-current={under('/inbox') ? 'page' : undefined}>
        <Inbox size={19} aria-hidden="true" />
        Inbox
        <i>
          <Count n={unseen} label="new" />
        </i>
      </Link>
    </nav>
  )
}
