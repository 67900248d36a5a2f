import { Coffee, ConciergeBell, Disc, DoorClosed, Ear, Hash, History, Lock, LogIn, MoreHorizontal, PanelRight, Presentation, Siren, UserPlus } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { useMyId, type Room, type User } from '@/api'
import { usePhone } from '@/lib/hooks'
import { enterRoom, useCall, useOpenIncident, UserAvatar, WayIn } from '@/realtime'
import { Button, Chip, EnvChip, focusNext, IconButton, Loading, Menu, Popover, SeverityChip, StageChip, Tabs, toastError, useSlots } from '@/ui'
import type { RoomDialog } from './RoomMenuItems'
import s from './room.module.css'

const BringIn = lazy(async () => ({ default: (await import('./RoomForms')).BringIn }))
const PutBridge = lazy(async () => ({ default: (await import('./Bridge')).PutBridge }))
const RecordRoom = lazy(async () => ({ default: (await import('./RoomForms')).RecordRoom }))
const EditRoom = lazy(async () => ({ default: (await import('./RoomForms')).EditRoom }))

// What can be done with a room is a long list, and seldom opened.
const RoomMenuItems = lazy(() => import('./RoomMenuItems'))

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
  const tabs = (
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
  )
  return (
    <header className={s.header}>
      <div className={s.titleRow}>
        <h1>
          <Icon size={16} className={room.kind === 'incident' ? 'c-red' : 'c-3'} aria-hidden="true" />
          <span title={room.name}>{room.name}</span>
        </h1>
        {/* The panel beside it says the same, larger. */}
        {incident && (phone || !panel) && <SeverityChip severity={incident.severity} mode={incident.mode} />}
        {incident && !phone && !panel && <StageChip stage={incident.stage} />}
        {incident && !phone && !panel && <EnvChip env={incident.environment} production={incident.production} />}
        {room.door !== 'open' && <Chip icon={room.door === 'locked' ? <Lock size={11} /> : <DoorClosed size={11} />}>Door {room.door}</Chip>}
        {recorded && (
          <Chip tone="red" icon={<Disc size={11} aria-hidden="true" />}>
            Recorded
          </Chip>
        )}
        {room.archived && <Chip>Archived</Chip>}
        {/* The name of an incident's room is its title. */}
        {!phone && !incident && <span className={s.topic} title={room.topic}>{room.topic}</span>}
        <span className="grow" />
        {!phone && tabs}
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
      {phone ? (
        // The name has its row; who is here stands under People, and the way in beside the tabs.
        <div className={s.phoneRow}>
          {tabs}
          {!staged && <Stage room={room} people={people} />}
        </div>
      ) : (
        !staged && <Stage room={room} people={people} />
      )}
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
  const most = 14
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
      {!phone && people.slice(0, most).map((u) => {
        const role = incident?.roles.find((r) => r.user_id === u.id)?.role
        return <UserAvatar key={u.id} id={u.id} size={28} dot talk link you={u.id === me} badge={role === 'commander' ? 'commander' : undefined} />
      })}
      {!phone && people.length > most && <span className="c-3 tnum">+{people.length - most}</span>}
      {!phone && <span className={s.who}>{people.length === 0 ? 'Nobody is in the room' : here && people.length === 1 ? 'Only you' : `${people.length} in the room`}</span>}
      {!phone && <span className="grow" />}
      {Voice && <Voice room={room} />}
      {room.abilities.invite !== false && <Bring room={room} inside={people} terse={phone} />}
    </div>
  )
}

/** Asks people to come here. */
const Bring = ({ room, inside, terse }: { room: Room; inside: User[]; /** only the sign: there is little room */ terse?: boolean }) => (
  <Popover
    label="Bring someone in"
    align="end"
    width={320}
    trigger={
      terse ? (
        <IconButton label="Bring in">
          <UserPlus size={16} />
        </IconButton>
      ) : (
        <Button icon={<UserPlus size={13} />} kind="ghost">
          Bring in
        </Button>
      )
    }
  >
    <Suspense fallback={<Loading lines={4} />}>
      <BringIn room={room} inside={inside} />
    </Suspense>
  </Popover>
)

function RoomMenu({ room, people, caughtUp }: { room: Room; people: User[]; caughtUp?: () => void }) {
  const [dialog, setDialog] = useState<RoomDialog | null>(null)
  const onClose = () => setDialog(null)
  return (
    <>
      <Menu
        trigger={
          <IconButton label="More about this room" side="bottom">
            <MoreHorizontal size={15} />
          </IconButton>
        }
      >
        <RoomMenuItems room={room} people={people} caughtUp={caughtUp} onDialog={setDialog} />
      </Menu>
      <Suspense>
        {dialog === 'bridge' && <PutBridge room={room} onClose={onClose} />}
        {dialog === 'record' && <RecordRoom room={room} onClose={onClose} />}
        {dialog === 'edit' && <EditRoom room={room} onClose={onClose} />}
      </Suspense>
    </>
  )
}
