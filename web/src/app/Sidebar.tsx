import { Link, useRouterState } from '@tanstack/react-router'
import { AudioLines, ChevronDown, ChevronRight, Coffee, ConciergeBell, DoorClosed, DoorOpen, Ear, Hash, Lock, LogOut, PenLine, Plus, Presentation, Search, Star, X, type LucideIcon } from 'lucide-react'
import { lazy, memo, Suspense, useEffect, useMemo, useRef, useState } from 'react'
import { useCan, useMe, type Incident, type Room } from '@/api'
import { cx } from '@/lib/cx'
import { toggleFavourite, useFavourites } from '@/lib/favourites'
import { useNow, usePhone, useStored } from '@/lib/hooks'
import { length, ms } from '@/lib/time'
import { leaveOffice, sidebarRooms, useActiveRuns, useIncidents, useInsideRooms, useOffice, usePeopleIn, usePresence, useRoomInfo, UserStack, useHasDraft, useUnsent, useVoiceWanted } from '@/realtime'
import { Count, IconButton, openDeclare, Ring, SeverityChip, Skeleton, toastError, useOverlays } from '@/ui'
import { PeopleList } from '@/features/people/PeopleList'
import { useDrawer } from './drawer'
import { PLACES } from './nav'
import { MANY, sections, toggled } from './sections'
import s from './Sidebar.module.css'

const CallDock = lazy(() => import('@/features/call/CallDock'))
const DemoCard = lazy(() => import('@/features/demo/DemoCard'))

export function Sidebar() {
  const phone = usePhone()
  const voice = useVoiceWanted()
  const open = useDrawer((d) => d.open)
  const path = useRouterState({ select: (r) => r.location.href })
  const box = useRef<HTMLElement>(null)
  // Going anywhere closes the drawer.
  useEffect(() => useDrawer.setState({ open: false }), [path])
  useEffect(() => {
    if (phone && open) box.current?.focus()
  }, [phone, open])
  if (phone && !open) return null
  return (
    <>
      {phone && <div className={s.scrim} onClick={() => useDrawer.setState({ open: false })} />}
      <aside
        ref={box}
        className={cx(s.side, phone && s.drawer)}
        aria-label="Places"
        data-region="places"
        tabIndex={-1}
        onKeyDown={(e) => e.key === 'Escape' && phone && useDrawer.setState({ open: false })}
      >
        {phone && (
          <div className={s.drawerHead}>
            <DrawerTitle />
            <IconButton label="Close" onClick={() => useDrawer.setState({ open: false })}>
              <X size={16} />
            </IconButton>
          </div>
        )}
        <Nav />
        <div className={s.scroll} tabIndex={0} role="region" aria-label="Rooms and people">
          <Rooms />
          <PeopleList />
        </div>
        {!phone && <Demo />}
        {!phone && voice && (
          <Suspense>
            <CallDock phone={false} />
          </Suspense>
        )}
        <Here />
      </aside>
    </>
  )
}

/** Of a demo office: what leads through a drill. */
export const Demo = () =>
  useMe().drills && (
    <Suspense>
      <DemoCard />
    </Suspense>
  )

const DrawerTitle = () => <b>{useMe().office.name}</b>

function Nav() {
  const me = useMe()
  const path = useRouterState({ select: (r) => r.location.pathname })
  const unseen = useOffice((o) => o.unseen)
  const runs = useActiveRuns().length
  const incidents = useIncidents().length
  const count: Record<string, [number, string]> = { '/inbox': [unseen, 'new'], '/runs': [runs, 'active'], '/incidents': [incidents, 'open'] }
  return (
    <nav aria-label="Workspace" className={s.nav}>
      {PLACES.filter((p) => !p.may || p.may(me.abilities)).map((p) => {
        const base = p.to.startsWith('/admin') ? '/admin' : p.to
        const on = p.to === '/' ? path === '/' : path === base || path.startsWith(base + '/')
        const c = count[p.to]
        return (
          <Link key={p.to} to={p.to} aria-current={on ? 'page' : undefined} className={cx(s.row, s.place, on && s.on)}>
            <p.icon size={15} aria-hidden="true" />
            <span className={s.name}>{p.label}</span>
            {c && <Count n={c[0]} label={c[1]} />}
          </Link>
        )
      })}
    </nav>
  )
}

function Rooms() {
  const ready = useOffice((o) => o.status === 'ready')
  const rooms = useOffice((o) => o.rooms)
  const open = useOffice((o) => o.incidents)
  const incidents = useIncidents()
  const inside = useInsideRooms()
  const runs = useActiveRuns()
  const path = useRouterState({ select: (r) => r.location.pathname })
  const mayCreate = useCan('manage_rooms')
  const mayDeclare = useCan('declare')
  const list = useMemo(() => sidebarRooms({ rooms, incidents: open }), [rooms, open])
  const calls = useOffice((o) => o.calls)
  const talking = useMemo(() => new Set(Object.values(calls).map((c) => c.room_id)), [calls])
  const busy = useMemo(() => {
    const out: Record<string, number> = {}
    for (const r of runs)
      if (r.room_id && r.state === 'running') out[r.room_id] = Math.max(out[r.room_id] ?? 0, r.progress.total ? (100 * r.progress.done) / r.progress.total : 0)
    return out
  }, [runs])
  const at = /^\/rooms\/([^/]+)/.exec(path)?.[1]
  const floors = useOffice((o) => o.floors)
  const [filter, setFilter] = useState('')
  const [folded, setFolded] = useStored<string[]>('side.folded', [])
  const favourites = useFavourites()
  const parts = useMemo(() => sections(list, floors, { favourites, folded, filter, current: at ?? '', talking }), [list, floors, favourites, folded, filter, at, talking])
  if (!ready)
    return (
      <div className={s.loading}>
        <Skeleton lines={6} height={16} />
      </div>
    )
  return (
    <>
      <Section title="Incidents" add={mayDeclare ? 'Declare an incident' : undefined} onAdd={openDeclare}>
        {incidents.length ? (
          <ul>
            {incidents.map((i) => (
              <IncidentRow key={i.id} incident={i} room={rooms[i.room.id]} people={inside[i.room.id] ?? none} on={at === i.room.id} />
            ))}
          </ul>
        ) : (
          <p className={s.calm}>No open incident</p>
        )}
      </Section>
      {list.length >= MANY && (
        <label className={s.filter}>
          <Search size={13} aria-hidden="true" />
          <span className="sr">Filter rooms</span>
          <input type="search" placeholder={`Filter ${list.length} rooms`} value={filter} onChange={(e) => setFilter(e.target.value)} onKeyDown={(e) => e.key === 'Escape' && setFilter('')} />
        </label>
      )}
      {parts.map((p, n) => (
        <Section
          key={p.id}
          title={p.title}
          folded={p.id === 'found' ? undefined : p.folded}
          hidden={p.hidden}
          onFold={() => setFolded(toggled(folded, p.id))}
          add={mayCreate && n === parts.length - 1 ? 'Create a room' : undefined}
          onAdd={() => useOverlays.setState({ createRoom: true })}
        >
          {p.rooms.length ? (
            <ul>
              {p.rooms.map((r) => (
                <RoomRow key={r.id} room={r} people={inside[r.id] ?? none} job={busy[r.id]} talk={talking.has(r.id)} on={at === r.id} liked={favourites.includes(r.id)} />
              ))}
            </ul>
          ) : (
            !p.folded && <p className={s.calm}>{filter ? 'No room fits' : 'No room yet'}</p>
          )}
        </Section>
      ))}
    </>
  )
}
const none: string[] = []

const Section = ({ title, folded, hidden = 0, onFold, add, onAdd, children }: { title: string; folded?: boolean; hidden?: number; onFold?: () => void; add?: string; onAdd?: () => void; children: React.ReactNode }) => (
  <section className={s.section}>
    <h2>
      {folded === undefined ? (
        title
      ) : (
        <button type="button" className={s.folder} aria-expanded={!folded} onClick={onFold}>
          {title}
          {hidden > 0 && <em className="tnum">{hidden} more</em>}
          {folded ? <ChevronRight size={12} aria-hidden="true" /> : <ChevronDown size={12} aria-hidden="true" />}
        </button>
      )}
      {add && (
        <IconButton label={add} size="s" side="right" onClick={onAdd}>
          <Plus size={13} />
        </IconButton>
      )}
    </h2>
    {children}
  </section>
)

const IncidentRow = memo(({ incident: i, room, people, on }: { incident: Incident; room?: Room; people: string[]; on: boolean }) => {
  const now = useNow('minute')
  return (
    <li>
      <Link to="/rooms/$id" params={{ id: i.room.id }} aria-current={on ? 'page' : undefined} className={cx(s.incident, on && s.on)}>
        <SeverityChip severity={i.severity} mode={i.mode} />
        <span className={s.two}>
          <b title={i.title}>{i.title}</b>
          <span className={s.meta}>
            <span>
              <span className="tnum">{i.ticket}</span>, {length(Math.max(1, Math.floor((now - (ms(i.times.declared) ?? now)) / 60_000)) * 60_000)}
              {i.mode === 'retrospective' && ', retrospective'}
            </span>
            {people.length > 0 && <UserStack ids={people} max={3} size={16} />}
          </span>
        </span>
        {room && <Mine room={room.id} on={on} />}
        <Count n={room?.mentions || room?.unread || 0} mention={!!room?.mentions} />
        <span className="sr">{people.length} people in the room</span>
      </Link>
    </li>
  )
})
IncidentRow.displayName = 'IncidentRow'

/** What of mine lies in a room: messages that did not arrive, words begun. */
const Mine = ({ room, on }: { room: string; on: boolean }) => {
  const unsent = useUnsent(room)
  const draft = useHasDraft(room)
  if (unsent) return <span className={s.unsent}>{unsent} not sent</span>
  if (!draft || on) return null
  return (
    <span className={s.draft} title="You began to write here">
      <PenLine size={12} aria-hidden="true" />
      <span className="sr">, draft</span>
    </span>
  )
}

const ICON: Partial<Record<Room['kind'], LucideIcon>> = { lounge: Coffee, meeting: Presentation, focus: DoorClosed, lobby: ConciergeBell, gallery: Ear }
export const roomIcon = (r: Pick<Room, 'kind' | 'private' | 'door'>): LucideIcon => (r.private || r.door === 'locked' ? Lock : (ICON[r.kind] ?? Hash))

const RoomRow = memo(({ room: r, people, job, talk, on, liked }: { room: Room; people: string[]; job?: number; talk: boolean; on: boolean; liked: boolean }) => {
  const Icon = talk ? AudioLines : roomIcon(r)
  return (
    <li className={s.roomItem}>
      <Link to="/rooms/$id" params={{ id: r.id }} aria-current={on ? 'page' : undefined} className={cx(s.row, on && s.on, !!r.unread && !on && s.unread)}>
        <span className={s.icon}>
          <Icon size={14} className={talk ? 'c-teal' : undefined} aria-hidden="true" />
        </span>
        <span className={s.name}>
          {r.name}
          {talk && <span className="sr">, people talk here</span>}
          {r.private && <span className="sr">, private</span>}
        </span>
        {job !== undefined && <Ring value={job} label="A job runs here" />}
        {people.length > 0 && (
          <>
            <UserStack ids={people} max={3} size={16} />
            <span className="sr">{people.length} in the room</span>
          </>
        )}
        <Mine room={r.id} on={on} />
        <Count n={r.mentions || r.unread} mention={r.mentions > 0} />
      </Link>
      <button type="button" tabIndex={-1} className={cx(s.like, liked && s.liked)} aria-pressed={liked} aria-label={`Favourite ${r.name}`} title={liked ? 'No longer a favourite' : 'Make it a favourite'} onClick={() => toggleFavourite(r.id)}>
        <Star size={12} fill={liked ? 'currentColor' : 'none'} aria-hidden="true" />
      </button>
    </li>
  )
})
RoomRow.displayName = 'RoomRow'

/** Where I am in the office, with the way out. */
function Here() {
  const me = useMe()
  const presence = usePresence(me.user.id)
  const room = useRoomInfo(presence?.room_id)
  const people = usePeopleIn(room?.id)
  if (!room) return null
  return (
    <div className={s.here} role="group" aria-label={`You are in ${room.name}`}>
      <DoorOpen size={15} aria-hidden="true" />
      <Link to="/rooms/$id" params={{ id: room.id }}>
        <b>You are in {room.name}</b>
        <span>{people.length > 1 ? `with ${people.length - 1} ${people.length === 2 ? 'other person' : 'others'}` : 'alone'}</span>
      </Link>
      <IconButton label="Leave the room" onClick={() => void leaveOffice().catch((e) => toastError('You could not leave', e))}>
        <LogOut size={14} />
      </IconButton>
    </div>
  )
}
