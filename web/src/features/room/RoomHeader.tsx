import { Archive, AudioLines, Coffee, ConciergeBell, Disc, DoorClosed, DoorOpen, Ear, Hash, History, Home, Link2, Lock, LogIn, MoreHorizontal, PanelRight, PenLine, Phone, Presentation, Siren, Star, StarOff, UserPlus } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { go } from '@/lib/go'
import { api, useMyId, type Door, type Room, type User } from '@/api'
import { usePhone } from '@/lib/hooks'
import { enterRoom, setHome, turnDoor, useCall, useOffice, useOpenIncident, UserAvatar, WayIn } from '@/realtime'
import { Button, Chip, copy, EnvChip, focusNext, IconButton, Loading, Menu, MenuItem, MenuSeparator, Popover, SeverityChip, StageChip, Tabs, toast, toastError, useSlots } from '@/ui'
import s from './room.module.css'

const BringIn = lazy(async () => ({ default: (await import('./RoomForms')).BringIn }))
const PutBridge = lazy(async () => ({ default: (await import('./Bridge')).PutBridge }))
const RecordRoom = lazy(async () => ({ default: (await import('./RoomForms')).RecordRoom }))
const EditRoom = lazy(async () => ({ default: (await import('./RoomForms')).EditRoom }))

export type RoomTab = 'chat' | 'runs' | 'people'

export function RoomHeader({
  room,
  people,
  runs,
  tab,
  onTab,
  hasRuns,
  panel,
  onPanel,
  staged,
  caughtUp,
}: {
  room: Room
  people: User[]
  runs: number
  tab: RoomTab
  onTab: (t: RoomTab) => void
  hasRuns: boolean
  panel?: boolean
  onPanel: () => void
  /** Something is shown: who is here stands below it. */
  staged: boolean
  /** Shows what happened here; absent while that is shown. */
  caughtUp?: () => void
}) {
  const phone = usePhone()
  const incident = useOpenIncident(room.subject.kind === 'incident' ? room.subject.id : null)
  const recorded = useCall(room.id)?.recording
  const Icon =
    room.kind === 'incident' ? Siren : room.private || room.door === 'locked' ? Lock : room.kind === 'lounge' ? Coffee : room.kind === 'meeting' ? Presentation : room.kind === 'lobby' ? ConciergeBell : room.kind === 'gallery' ? Ear : Hash
  return (
    <header className={s.header}>
      <div className={s.titleRow}>
        <h1>
          <Icon size={16} className={room.kind === 'incident' ? 'c-red' : 'c-3'} aria-hidden="true" />
          <span>{room.name}</span>
        </h1>
        {incident && <SeverityChip severity={incident.severity} mode={incident.mode} />}
        {incident && !phone && !panel && <StageChip stage={incident.stage} />}
        {incident && !phone && <EnvChip env={incident.environment} production={incident.production} />}
        {room.door !== 'open' && <Chip icon={room.door === 'locked' ? <Lock size={11} /> : <DoorClosed size={11} />}>Door {room.door}</Chip>}
        {recorded && (
          <Chip tone="red" icon={<Disc size={11} aria-hidden="true" />}>
            Recorded
          </Chip>
        )}
        {room.archived && <Chip>Archived</Chip>}
        {!phone && !(incident && panel) && <span className={s.topic} title={incident?.title ?? room.topic}>{incident?.title ?? room.topic}</span>}
        <span className="grow" />
        <Tabs<RoomTab>
          idBase="room"
          label="Views of the room"
          value={tab}
          onChange={onTab}
          tabs={[
            { id: 'chat', label: 'Chat' },
            ...(hasRuns ? [{ id: 'runs' as const, label: 'Runs', count: runs }] : []),
            { id: 'people', label: 'People', count: people.length },
          ]}
        />
        {staged && !phone && room.abilities.invite !== false && <Bring room={room} inside={people} />}
        {caughtUp && tab === 'chat' && !phone && (
          <IconButton label="Catch up: what happened, who is here, what is asked of you" side="bottom" onClick={caughtUp}>
            <History size={15} />
          </IconButton>
        )}
        <RoomMenu room={room} people={people} caughtUp={phone && tab === 'chat' ? caughtUp : undefined} />
        {panel !== undefined && (
          <IconButton label={panel ? 'Hide the facts' : 'Show the facts'} on={panel} side="bottom" onClick={onPanel}>
            <PanelRight size={15} />
          </IconButton>
        )}
      </div>
      {!staged && <Stage room={room} people={people} />}
    </header>
  )
}

/** Who is in the room, and the way in. */
function Stage({ room, people }: { room: Room; people: User[] }) {
  const me = useMyId()
  const phone = usePhone()
  const here = people.some((p) => p.id === me)
  const { roomVoice: Voice } = useSlots()
  const [busy, setBusy] = useState(false)
  const most = phone ? 6 : 14
  const incident = useOpenIncident(room.subject.kind === 'incident' ? room.subject.id : null)
  return (
    <div className={s.stage} role="group" aria-label="In the room">
      {!here && (
        <WayIn room={room} kind="live">
          <Button
            kind="live"
            icon={<LogIn size={13} />}
            busy={busy}
            disabled={room.abilities.enter === false}
            onClick={() => {
              setBusy(true)
              focusNext('[data-offer] button', '[data-composer] textarea')
              enterRoom(room.id)
                .catch((e) => toastError(`You could not enter ${room.name}`, e))
                .finally(() => setBusy(false))
            }}
          >
            Enter
          </Button>
        </WayIn>
      )}
      {people.slice(0, most).map((u) => {
        const role = incident?.roles.find((r) => r.user_id === u.id)?.role
        return <UserAvatar key={u.id} id={u.id} size={28} dot talk link you={u.id === me} badge={role === 'commander' ? 'commander' : undefined} />
      })}
      {people.length > most && <span className="c-3 tnum">+{people.length - most}</span>}
      <span className={s.who}>{people.length === 0 ? 'Nobody is in the room' : here && people.length === 1 ? 'Only you' : `${people.length} in the room`}</span>
      <span className="grow" />
      {Voice && <Voice room={room} />}
      {room.abilities.invite !== false && <Bring room={room} inside={people} />}
    </div>
  )
}

/** Asks people to come here. */
const Bring = ({ room, inside }: { room: Room; inside: User[] }) => (
  <Popover
    label="Bring someone in"
    align="end"
    width={320}
    trigger={
      <Button icon={<UserPlus size={13} />} kind="ghost">
        Bring in
      </Button>
    }
  >
    <Suspense fallback={<Loading lines={4} />}>
      <BringIn room={room} inside={inside} />
    </Suspense>
  </Popover>
)

function RoomMenu({ room, people, caughtUp }: { room: Room; people: User[]; caughtUp?: () => void }) {
  const me = useMyId()
  const [editing, setEditing] = useState(false)
  const [bridging, setBridging] = useState(false)
  const [recording, setRecording] = useState(false)
  const may = room.abilities.update !== false
  const home = useOffice((o) => o.desk.home_room_id === room.id)
  const change = (what: string, patch: Partial<Room>) => () => void api.patch(`/rooms/${room.id}`, patch).catch((e) => toastError(`${what} failed`, e))
  const here = people.some((p) => p.id === me)
  const turns = !room.archived && (may || (here && room.door !== 'locked'))
  const turn = (door: Door) => () => void turnDoor(room.id, door).catch((e) => toastError('The door was not turned', e))
  const member = () =>
    void (room.member ? api.del(`/rooms/${room.id}/membership`) : api.put(`/rooms/${room.id}/membership`))
      .then(() => {
        useOffice.setState((o) => (o.rooms[room.id] ? { rooms: { ...o.rooms, [room.id]: { ...o.rooms[room.id]!, member: !room.member } } } : o))
        toast(room.member ? `You left ${room.name}` : `You follow ${room.name}`, { tone: 'info' })
      })
      .catch((e) => toastError('This was not saved', e))
  return (
    <>
      <Menu
        trigger={
          <IconButton label="More about this room" side="bottom">
            <MoreHorizontal size={15} />
          </IconButton>
        }
      >
        {caughtUp && (
          <MenuItem icon={<History size={14} />} onSelect={caughtUp}>
            Catch up
          </MenuItem>
        )}
        <MenuItem icon={<Link2 size={14} />} onSelect={() => void copy(`${location.origin}/rooms/${room.id}`).then(() => toast('The link is copied'))}>
          Copy the link
        </MenuItem>
        <MenuItem icon={room.member ? <StarOff size={14} /> : <Star size={14} />} onSelect={member}>
          {room.member ? 'Stop following' : 'Follow this room'}
        </MenuItem>
        <MenuItem icon={<AudioLines size={14} />} onSelect={() => go(`/rooms/${room.id}/recordings`)}>
          Recordings
        </MenuItem>
        {room.abilities.invite !== false && !room.archived && (
          <MenuItem icon={<Phone size={14} />} onSelect={() => setBridging(true)}>
            Bridge by link or phone
          </MenuItem>
        )}
        {room.kind !== 'incident' && !room.archived && (
          <MenuItem
            icon={<Home size={14} />}
            onSelect={() =>
              void setHome(home ? '' : room.id)
                .then(() => toast(home ? 'You have no home room now' : `${room.name} is your home room`, { tone: 'info' }))
                .catch((e) => toastError('This was not saved', e))
            }
          >
            {home ? 'No longer my home room' : 'Make this my home room'}
          </MenuItem>
        )}
        {turns && (
          <>
            <MenuSeparator />
            {room.door !== 'open' && (
              <MenuItem icon={<DoorOpen size={14} />} onSelect={turn('open')}>
                Open the door
              </MenuItem>
            )}
            {room.door !== 'closed' && here && (
              <MenuItem icon={<DoorClosed size={14} />} onSelect={turn('closed')}>
                Close the door
              </MenuItem>
            )}
            {room.door !== 'locked' && may && (
              <MenuItem icon={<Lock size={14} />} onSelect={turn('locked')}>
                Lock the door
              </MenuItem>
            )}
          </>
        )}
        {may && (
          <>
            <MenuSeparator />
            <MenuItem icon={<PenLine size={14} />} onSelect={() => setEditing(true)}>
              Name and topic
            </MenuItem>
            {!room.archived && (
              <MenuItem icon={<Disc size={14} />} onSelect={() => setRecording(true)}>
                {room.recording === 'required' ? 'No longer record calls here' : 'Record calls here'}
              </MenuItem>
            )}
            <MenuItem icon={<Archive size={14} />} danger={!room.archived} onSelect={change('Archiving', { archived: !room.archived })}>
              {room.archived ? 'Open again' : 'Archive'}
            </MenuItem>
          </>
        )}
      </Menu>
      {bridging && (
        <Suspense>
          <PutBridge room={room} onClose={() => setBridging(false)} />
        </Suspense>
      )}
      {recording && (
        <Suspense>
          <RecordRoom room={room} onClose={() => setRecording(false)} />
        </Suspense>
      )}
      {editing && (
        <Suspense>
          <EditRoom room={room} onClose={() => setEditing(false)} />
        </Suspense>
      )}
    </>
  )
}
