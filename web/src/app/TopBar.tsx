import { Link } from '@tanstack/react-router'
import { Bell, CircleHelp, Flame, Headphones, Menu as MenuIcon, Moon, Search, Sun } from 'lucide-react'
import { useMe } from '@/api'
import { cx } from '@/lib/cx'
import { usePhone } from '@/lib/hooks'
import { useTheme } from '@/lib/theme'
import { useIncidents, useOffice, useOnCall, UserAvatar, UserName } from '@/realtime'
import { modeMark } from '@/lib/severity'
import { Clock, IconButton, iconClass, Kbd, openPalette, Popover, Time, Tooltip, useOverlays } from '@/ui'
import { useDrawer } from './drawer'
import { Logo } from './Logo'
import { MeMenu } from './MeMenu'
import s from './TopBar.module.css'

export function TopBar() {
  const me = useMe()
  const phone = usePhone()
  const unseen = useOffice((o) => o.unseen)
  const news = unseen ? `Notifications, ${unseen} new` : 'Notifications'
  const { theme, toggle } = useTheme()
  return (
    <header className={s.top} data-region="top">
      {phone ? (
        <IconButton label="Rooms and people" side="bottom" onClick={() => useDrawer.setState({ open: true })}>
          <MenuIcon size={18} />
        </IconButton>
      ) : (
        <Link to="/" className={s.org} aria-label={`${me.office.name}, floor map`}>
          <Logo />
          <span>{me.office.name}</span>
        </Link>
      )}
      {phone ? (
        <IconButton label="Search" side="bottom" onClick={openPalette}>
          <Search size={17} />
        </IconButton>
      ) : (
        <button type="button" className={s.search} onClick={openPalette} aria-keyshortcuts="Control+K">
          <Search size={14} aria-hidden="true" />
          <span>Search, jump to a room or run a job</span>
          <Kbd>Ctrl K</Kbd>
        </button>
      )}
      <div className={s.right}>
        <IncidentChips />
        {!phone && <OnCall />}
        <span className={s.bell}>
          <Tooltip text={news} side="bottom">
            <Link to="/inbox" className={iconClass} aria-label={news}>
              <Bell size={15} />
            </Link>
          </Tooltip>
          {unseen > 0 && (
            <span className={s.dot} aria-hidden="true">
              {unseen > 99 ? '99+' : unseen}
            </span>
          )}
        </span>
        {!phone && (
          <IconButton label="Help" side="bottom" shortcut="?" onClick={() => useOverlays.setState({ shortcuts: true })}>
            <CircleHelp size={15} />
          </IconButton>
        )}
        {!phone && (
          <IconButton label={theme === 'dark' ? 'Switch to the light theme' : 'Switch to the dark theme'} side="bottom" onClick={toggle}>
            {theme === 'dark' ? <Sun size={15} /> : <Moon size={15} />}
          </IconButton>
        )}
        <MeMenu />
      </div>
    </header>
  )
}

/** Every open incident, the worst first, with its running clock. */
function IncidentChips() {
  const incidents = useIncidents()
  const phone = usePhone()
  const office = useMe().office.name
  if (!incidents.length) return phone ? <span className={s.calm}>{office}</span> : null
  return (
    <nav className={s.incidents} aria-label="Open incidents">
      {incidents.map((i, n) => (
        <Link
          key={i.id}
          to="/rooms/$id"
          params={{ id: i.room.id }}
          className={cx(s.inc, s['sev' + i.severity], n >= 2 && s.small, i.mode !== 'real' && s.practice)}
          title={i.title}
        >
          <Flame size={13} aria-hidden="true" />
          <b>
            {modeMark(i.mode)} SEV-{i.severity}
          </b>
          <span className={s.ticket}>{i.ticket}</span>
          <span className={s.clock}>
            <span className="sr">open for </span>
            <Clock from={i.times.declared} />
          </span>
        </Link>
      ))}
    </nav>
  )
}

function OnCall() {
  const oncall = useOnCall()
  const first = oncall[0]
  if (!first) return null
  return (
    <Popover
      label="On call"
      align="end"
      width={300}
      trigger={
        <button type="button" className={s.oncall}>
          <Headphones size={13} aria-hidden="true" />
          <span className={s.word}>On call</span>
          <UserAvatar id={first.user_id} size={18} />
          <b>
            <UserName id={first.user_id} first />
          </b>
          {oncall.length > 1 && <span className="c-3">+{oncall.length - 1}</span>}
        </button>
      }
    >
      <div className={s.pop}>
        <h2>
          <Link to="/oncall">On call now</Link>
        </h2>
        <ul>
          {oncall.map((o) => (
            <li key={o.service}>
              <UserAvatar id={o.user_id} size={24} dot link />
              <span>
                <b>{o.service}</b>
                <UserName id={o.user_id} />
              </span>
              <em>
                until <Time at={o.until} mode="when" />
                {o.next_user_id && (
                  <>
                    <br />
                    then <UserName id={o.next_user_id} first />
                  </>
                )}
              </em>
            </li>
          ))}
        </ul>
      </div>
    </Popover>
  )
}
