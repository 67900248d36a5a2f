import { useNavigate } from '@tanstack/react-router'
import { Footprints, List, Map as MapIcon, Maximize, Minus, PencilRuler, Plus, Search, X } from 'lucide-react'
import { useEffect, useId, useMemo, useRef, useState } from 'react'
import { useCan, useMyId, type User } from '@/api'
import { usePhone, useStored } from '@/lib/hooks'
import { enterRoom, getPerson, keptOut, knockAt, useOffice, useSpotlight, voiceAct } from '@/realtime'
import { Avatar, Button, Dialog, Empty, ErrorState, IconButton, Loading, TabPanel, Tabs, toast, toastError, useOverlays, useSlots } from '@/ui'
import { FloorMenu } from './FloorMenu'
import { ListView } from './ListView'
import { useMedia } from './media'
import { buildFloor, CROWD_PACE, defaultView, findPeople, focusOn, kindInWords, rectOf, TERSE, zoom, type Built, type MapRoom, type Office } from './model'
import { fullBox, Plan } from './Plan'
import { gridOf } from './plan'
import { RoomPanel } from './RoomPanel'
import { useGlide } from './useGlide'
import { usePacedPresence } from './usePaced'
import s from './map.module.css'

/** The office: one floor at a time, as a plan or as a list of the same rooms. */
export default function MapView() {
  const { mapRoom: Extra } = useSlots()
  const status = useOffice((x) => x.status)
  const error = useOffice((x) => x.error)
  const floors = useOffice((x) => x.floors)
  const rooms = useOffice((x) => x.rooms)
  const users = useOffice((x) => x.users)
  const [crowded, setCrowded] = useState(false)
  const incidents = useOffice((x) => x.incidents)
  const runs = useOffice((x) => x.runs)
  const me = useMyId()
  const presence = usePacedPresence(me, crowded ? CROWD_PACE : 0)
  const media = useMedia()
  const mayCreate = useCan('manage_rooms')
  const navigate = useNavigate()
  const phone = usePhone()
  const office = useMemo<Office>(() => ({ rooms: Object.values(rooms), people: Object.values(users), presence: Object.values(presence), incidents: Object.values(incidents), runs: Object.values(runs) }), [rooms, users, presence, incidents, runs])
  const here = presence[me]?.room_id ?? ''
  const [floorId, setFloorId] = useState('')
  const floor = floors.find((f) => f.id === floorId) ?? floors.find((f) => f.layout.rooms.some((r) => r.room_id === here)) ?? floors[0]
  const [chosenView, setChosenView] = useStored<'' | 'plan' | 'list'>('map.view', '')
  const [override, setOverride] = useState<'' | 'plan' | 'list'>('')
  const byItself = defaultView(phone, office.incidents)
  // A SEV-1 brings the list whatever was chosen before it; choosing again during it holds.
  const view = override || (byItself === 'list' ? 'list' : chosenView || 'plan')
  const [picked, setPicked] = useState<string | null>(null)
  const { view: box, look: setBox, glide } = useGlide()
  const [spotlight, setSpotlight] = useState('')
  const [follow, setFollow] = useState('')
  const [busy, setBusy] = useState('')
  const built = useRef<{ floor: string; rooms: Built }>({ floor: '', rooms: new Map() })
  const mapRooms = useMemo(() => {
    if (!floor) return []
    if (built.current.floor !== floor.id) built.current = { floor: floor.id, rooms: new Map() }
    return buildFloor(floor, office, me, built.current.rooms)
  }, [floor, office, me])
  const inside = mapRooms.reduce((n, r) => n + r.present.length, 0)
  useEffect(() => setCrowded(inside > TERSE), [inside])
  const counts = useMemo(() => {
    const at = new Map<string, number>()
    for (const p of office.presence) if (p.room_id && p.state !== 'offline') at.set(p.room_id, (at.get(p.room_id) ?? 0) + 1)
    return at
  }, [office])
  const commanders = useMemo(() => new Set(office.incidents.flatMap((i) => i.roles.filter((r) => r.role === 'commander').map((r) => r.user_id))), [office])

  // Whoever is followed is kept in view, over floors.
  const followed = follow ? (presence[follow]?.room_id ?? '') : ''
  const show = (roomId: string) => {
    const on = floors.find((f) => f.layout.rooms.some((r) => r.room_id === roomId))
    const slot = on?.layout.rooms.find((r) => r.room_id === roomId)
    if (!on || !slot) return false
    setFloorId(on.id)
    setPicked(roomId)
    const g = gridOf(on.layout.width)
    const whole = fullBox(on.layout.width * g, on.layout.height * g)
    if (view === 'plan') glide(focusOn(rectOf(slot, g), whole), whole)
    return true
  }
  const latest = useRef(show)
  useEffect(() => {
    latest.current = show
  })
  useEffect(() => {
    if (followed) latest.current(followed)
  }, [followed, follow])
  // Found from elsewhere (the palette, the list of people): shown here once.
  const sought = useSpotlight((x) => x.userId)
  useEffect(() => {
    if (!sought || status !== 'ready') return
    setSpotlight(sought)
    const roomId = useOffice.getState().presence[sought]?.room_id
    if (roomId) latest.current(roomId)
    useSpotlight.setState({ userId: '', at: 0 })
  }, [sought, status])

  if (status === 'failed') return <ErrorState error={error} title="The office did not load" onRetry={() => location.reload()} />
  if (status === 'loading') return <Loading label="Loading the floor" lines={8} />
  if (!floor || (mapRooms.length === 0 && floors.length === 1))
    return (
      <div className={s.nothing}>
        <Empty
          page
          icon={<MapIcon size={20} />}
          title="The office is empty"
          action={
            mayCreate ? (
              <Button kind="primary" icon={<Plus size={14} aria-hidden="true" />} onClick={() => useOverlays.setState({ createRoom: true })}>
                Make the first room
              </Button>
            ) : undefined
          }
        >
          Rooms stand on this floor as soon as they are made; an incident's room comes and goes by itself.{mayCreate ? '' : ' An administrator makes them.'}
        </Empty>
      </div>
    )

  const grid = gridOf(floor.layout.width)
  const full = fullBox(floor.layout.width * grid, floor.layout.height * grid)
  const selected = picked === null ? (mapRooms.some((r) => r.id === here) ? here : '') : picked
  const current = mapRooms.find((r) => r.id === selected)
  const open = (id: string) => void navigate({ to: '/rooms/$id', params: { id } })
  const enter = async (id: string, thenOpen = false) => {
    if (keptOut(id)) {
      setPicked(id)
      const name = rooms[id]?.name ?? 'this room'
      toast(`The door of ${name} keeps you out`, { tone: 'info', detail: 'Whoever is inside can let you in.', action: { label: 'Knock', run: () => void knockAt(id).catch((e) => toastError('You did not knock', e)) } })
      return
    }
    if (id !== here) {
      setBusy(id)
      try {
        await enterRoom(id)
      } catch (e) {
        toastError('You could not enter', e)
        return
      } finally {
        setBusy('')
      }
    }
    setPicked(id)
    if (thenOpen) open(id)
  }
  const talk = async (id: string) => {
    await enter(id)
    voiceAct('join-voice', id)
  }
  const get = async (user: User, roomId: string) => {
    try {
      await getPerson(user.id, roomId)
      toast(`Asked ${user.display} to come`)
    } catch (e) {
      toastError(`${user.display} could not be asked`, e)
    }
  }
  const find = (user: User) => {
    setSpotlight(user.id)
    setFollow('')
    const roomId = presence[user.id]?.room_id
    if (!roomId || !show(roomId)) toast(`${user.display} is in no room right now`, { tone: 'info' })
  }
  const pursue = (user: User) => {
    setSpotlight(user.id)
    setFollow(user.id)
  }
  const by = (factor: number) => {
    const b = box ?? full
    const next = zoom(b, full, factor, b.x + b.w / 2, b.y + b.h / 2)
    setBox(next.w >= full.w - 1 ? null : next)
  }
  const panel = current && <RoomPanel r={current} here={current.id === here} busy={busy === current.id} extra={Extra} media={media} myRoom={here} following={follow} onFollow={(u) => (follow === u.id ? setFollow('') : pursue(u))} onGet={(u, id) => void get(u, id)} onEnter={(id) => void enter(id)} onTalk={(id) => void talk(id)} onOpen={open} onClose={phone ? undefined : () => setPicked('')} />

  return (
    <div className={s.view}>
      <header className={s.head}>
        <h1>{floor.name}</h1>
        <FloorMenu floor={floor} floors={floors} />
        {floors.length > 1 && (
          <Tabs
            label="Floors"
            tabs={floors.map((f) => ({ id: f.id, label: f.name, count: people(f.layout.rooms, counts) }))}
            value={floor.id}
            onChange={(id) => {
              setFloorId(id)
              setFollow('')
              setBox(null)
              setPicked(null)
            }}
          />
        )}
        <span className="grow" />
        <FindPerson office={office} onFind={find} />
        {view === 'plan' && (
          <>
            <IconButton label="Zoom out" disabled={!box} onClick={() => by(1 / 1.4)}>
              <Minus size={15} />
            </IconButton>
            <IconButton label="Zoom in" onClick={() => by(1.4)}>
              <Plus size={15} />
            </IconButton>
            <IconButton label="Fit the floor" disabled={!box} onClick={() => setBox(null)}>
              <Maximize size={14} />
            </IconButton>
          </>
        )}
        <IconButton
          label={view === 'plan' ? 'Show as a list' : 'Show as a plan'}
          onClick={() => {
            const next = view === 'plan' ? 'list' : 'plan'
            setOverride(next)
            if (byItself === 'plan') setChosenView(next)
          }}
        >
          {view === 'plan' ? <List size={15} /> : <MapIcon size={15} />}
        </IconButton>
      </header>
      <TabPanel id={floor.id} className={s.split}>
        {mapRooms.length === 0 ? (
          <div className={s.nothing}>
            <Empty
              icon={<MapIcon size={20} />}
              title="Nothing on this floor yet"
              action={
                floor.abilities?.update ? (
                  <Button kind="primary" icon={<PencilRuler size={14} />} onClick={() => void navigate({ to: '/floors/$id/edit', params: { id: floor.id } })}>
                    Edit the plan
                  </Button>
                ) : undefined
              }
            >
              Rooms can be made or moved here when the plan is edited.
            </Empty>
          </div>
        ) : view === 'plan' ? (
          <div className={s.canvas}>
            {spotlight && users[spotlight] && <Spotted user={users[spotlight]} where={rooms[presence[spotlight]?.room_id ?? '']?.name ?? ''} following={follow === spotlight} onFollow={() => setFollow(follow === spotlight ? '' : spotlight)} onClose={() => { setFollow(''); setSpotlight('') }} />}
            <Plan
              name={floor.name}
              width={floor.layout.width * grid}
              height={floor.layout.height * grid}
              grid={grid}
              rooms={mapRooms}
              slots={floor.layout.slots ?? NO_SLOTS}
              selected={selected}
              here={here}
              spotlight={spotlight}
              commanders={commanders}
              media={media}
              view={box}
              onView={setBox}
              onSelect={setPicked}
              onGo={(id) => void enter(id, true)}
              onGet={(u, id) => void get(u, id)}
            />
          </div>
        ) : (
          <ListView name={floor.name} rooms={mapRooms} full={full} here={here} spotlight={spotlight} following={follow} media={media} busy={busy} onFollow={(u) => (follow === u.id ? setFollow('') : pursue(u))} onSelect={setPicked} onEnter={(id) => void enter(id)} onOpen={open} />
        )}
        {!phone && panel && (
          <aside className={s.panel} aria-label={`Room ${current.room?.name ?? ''}`} tabIndex={0}>
            {panel}
          </aside>
        )}
      </TabPanel>
      {phone && (
        <Dialog open={!!picked && !!current} onOpenChange={(o) => !o && setPicked('')} title={current?.incident?.ticket ?? kindName(current)}>
          {panel}
        </Dialog>
      )}
    </div>
  )
}
/** The sheet's own words say which room; its title what sort of one. */
const kindName = (r: MapRoom | undefined) => (r ? kindInWords(r.kind).replace(/^./, (c) => c.toUpperCase()) : 'Room')
const NO_SLOTS: never[] = []
function people(rooms: { room_id?: string }[], counts: Map<string, number>): number {
  return rooms.reduce((n, r) => n + (counts.get(r.room_id ?? '') ?? 0), 0)
}

/** Who is looked for, where they are, and whether the view goes with them. */
function Spotted({ user, where, following, onFollow, onClose }: { user: User; where: string; following: boolean; onFollow: () => void; onClose: () => void }) {
  return (
    <div className={s.follow}>
      <Avatar person={user} size={20} />
      <span role="status">
        <b>{user.display}</b> {following ? (where ? `followed, in ${where}` : 'followed, in no room now') : where ? `is in ${where}` : 'is in no room now'}
      </span>
      <Button size="s" kind={following ? 'live' : 'ghost'} icon={<Footprints size={12} />} aria-pressed={following} onClick={onFollow}>
        {following ? 'Following' : 'Follow'}
      </Button>
      <IconButton label={`Look for ${user.display} no more`} size="s" onClick={onClose}>
        <X size={13} />
      </IconButton>
    </div>
  )
}

/** Typing a name shows where that person is; Enter goes to the first. */
function FindPerson({ office, onFind }: { office: Office; onFind: (u: User) => void }) {
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const [open, setOpen] = useState(false)
  const id = useId()
  const found = useMemo(() => findPeople(office, text), [office, text])
  const roomName = (roomId: string | null | undefined) => office.rooms.find((r) => r.id === roomId)?.name
  const pick = (u: User) => {
    onFind(u)
    setOpen(false)
    setText('')
  }
  const show = open && text.trim() !== ''
  return (
    <div className={s.find}>
      <label className={s.field}>
        <Search size={13} aria-hidden="true" />
        <span className="sr">Find a person</span>
        <input
          placeholder="Find a person"
          value={text}
          role="combobox"
          aria-expanded={show}
          aria-controls={id}
          aria-autocomplete="list"
          aria-activedescendant={show && found[at] ? `${id}-${at}` : undefined}
          autoComplete="off"
          onChange={(e) => {
            setText(e.target.value)
            setAt(0)
            setOpen(true)
          }}
          onFocus={() => setOpen(true)}
          onBlur={() => setOpen(false)}
          onKeyDown={(e) => {
            if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
              e.preventDefault()
              setAt((n) => Math.max(0, Math.min(found.length - 1, n + (e.key === 'ArrowDown' ? 1 : -1))))
            } else if (e.key === 'Enter' && found[at]) pick(found[at].user)
            else if (e.key === 'Escape') setText('')
          }}
        />
      </label>
      <ul id={id} role="listbox" aria-label="People found" className={s.found} hidden={!show}>
        {found.map((f, i) => (
          <li key={f.user.id} id={`${id}-${i}`} role="option" aria-selected={i === at} onPointerDown={(e) => e.preventDefault()} onClick={() => pick(f.user)}>
            <Avatar person={f.user} size={20} />
            {f.user.display}
            <span>{roomName(f.presence?.room_id) ?? 'in no room'}</span>
          </li>
        ))}
        {show && found.length === 0 && (
          <li role="option" aria-selected={false} aria-disabled="true">
            Nobody by that name
          </li>
        )}
      </ul>
    </div>
  )
}
