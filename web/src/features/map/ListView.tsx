import { AudioLines, ChevronDown, ChevronRight, DoorClosed, Footprints, Lock, MapPin, ShieldCheck } from 'lucide-react'
import { useEffect, useRef, useState, type ReactNode } from 'react'
import type { User } from '@/api'
import { useMyId } from '@/api'
import { awaitsAck, awaitsWord } from '@/lib/awaits'
import { cx } from '@/lib/cx'
import { PRESENCE_WORD, unremarkable } from '@/ui/presence'
import { nameOf, UserStack, WayIn } from '@/realtime'
import { Avatar, Button, Clock, Count, EnvChip, IconButton, SeverityChip, StageChip } from '@/ui'
import { marksInWords, type Media } from './media'
import { MiniPlan } from './Minimap'
import { calledWords, kindInWords, listParts, percent, resolved, type Box, type MapRoom } from './model'
import { GetSomeone } from './RoomPanel'
import s from './map.module.css'

type Props = { name: string; rooms: MapRoom[]; full: Box; here: string; spotlight: string; following: string; media: Media; busy: string; onFollow: (u: User) => void; onSelect: (id: string) => void; onEnter: (id: string) => void; onOpen: (id: string) => void }

/** The same floor as a list: everything the plan shows and does, in reading order. War rooms first, what is empty folded away. */
export function ListView(p: Props) {
  const box = useRef<HTMLDivElement>(null)
  const [open, setOpen] = useState(false)
  const { war, rooms, empty } = listParts(p.rooms, p.here)
  const at = p.rooms.find((r) => r.present.some((x) => x.user.id === p.spotlight))?.id ?? ''
  // Who is looked for, or followed, is brought into view.
  useEffect(() => {
    if (at) box.current?.querySelector(`[data-row="${CSS.escape(at)}"]`)?.scrollIntoView({ block: 'nearest' })
  }, [at, p.spotlight])
  // Where everything is empty there is nothing to fold it under.
  const unfolded = open || war.length + rooms.length === 0
  return (
    <div ref={box} className={s.listScroll} tabIndex={0} role="region" aria-label={`Rooms on ${p.name}`}>
      <div className={s.listWrap}>
        <div className={s.listColumn}>
          {war.length + rooms.length > 0 && (
            <ul className={s.list}>
              {war.map((r) => (
                <WarRow key={r.id} r={r} p={p} />
              ))}
              {rooms.map((r) => (
                <Row key={r.id} r={r} p={p} />
              ))}
            </ul>
          )}
          {empty.length > 0 && war.length + rooms.length > 0 && (
            <button type="button" className={s.fold} aria-expanded={unfolded} onClick={() => setOpen(!open)}>
              {unfolded ? <ChevronDown size={13} aria-hidden="true" /> : <ChevronRight size={13} aria-hidden="true" />}
              {empty.length === 1 ? '1 empty room' : `${empty.length} empty rooms`}
            </button>
          )}
          {unfolded && empty.length > 0 && (
            <ul className={s.list}>
              {empty.map((r) => (
                <Row key={r.id} r={r} p={p} />
              ))}
            </ul>
          )}
        </div>
        {war.length > 0 && <MiniPlan rooms={p.rooms} full={p.full} onPick={p.onSelect} />}
      </div>
    </div>
  )
}

/** A war room in two lines: what it is about, and who is on it. */
function WarRow({ r, p }: { r: MapRoom; p: Props }) {
  const i = r.incident!
  const present = new Set(r.present.map((x) => x.user.id))
  const commander = i.roles.find((x) => x.role === 'commander')?.user_id
  const called = calledWords(i, present)
  return (
    <li data-row={r.id} className={cx(s.row, s.rowWar, s['rowSev' + i.severity], r.id === p.here && s.rowHere)} aria-current={r.id === p.here ? 'location' : undefined}>
      <button type="button" className={s.rowMain} onClick={() => p.onSelect(r.id)}>
        <span className={s.rowTitle}>
          <SeverityChip severity={i.severity} mode={i.mode} />
          <b>{i.ticket}</b>
          <span className={s.rowName}>{i.title}</span>
        </span>
        <span className={s.rowSub}>
          <StageChip stage={i.stage} />
          <EnvChip env={i.environment} production={i.production} />
          <span className={s.rowClock}>
            open for <Clock from={i.times.declared} />
          </span>
          <Here r={r} p={p} />
          <span>{commander ? `${nameOf(commander)} commands` : 'No commander'}</span>
          {awaitsAck(i) && <span className="c-red">{awaitsWord(i)}</span>}
          {called && <span className="c-amber">{called}</span>}
          <span>{r.present.length === 0 ? 'Nobody here' : `${r.present.length} here`}</span>
          <MarksOf r={r} p={p} />
        </span>
      </button>
      <Acts r={r} p={p} />
      <Faces r={r} p={p} />
    </li>
  )
}

function Row({ r, p }: { r: MapRoom; p: Props }) {
  const room = r.room!
  const i = r.incident
  return (
    <li data-row={r.id} className={cx(s.row, s.rowThin, r.id === p.here && s.rowHere)} aria-current={r.id === p.here ? 'location' : undefined}>
      <button type="button" className={s.rowMain} onClick={() => p.onSelect(r.id)}>
        <span className={s.rowName}>{i ? `${i.ticket} ${i.title}` : room.name}</span>
        {i && <StageChip stage={i.stage} />}
        <span className={s.rowKind}>{kindInWords(r.kind)}</span>
        <Here r={r} p={p} />
        <MarksOf r={r} p={p} />
      </button>
      <Faces r={r} p={p} />
      <Acts r={r} p={p} />
    </li>
  )
}

const Here = ({ r, p }: { r: MapRoom; p: Props }) =>
  r.id === p.here ? (
    <span className="c-blue">
      <MapPin size={11} aria-hidden="true" /> You are here
    </span>
  ) : null

/** What goes on in a room, each in a word. */
function MarksOf({ r, p }: { r: MapRoom; p: Props }) {
  const room = r.room!
  const call = p.media.rooms.get(r.id)
  const mark = (key: string, tone: string, icon: ReactNode, text: string) => (
    <span key={key} className={cx(s.rowMark, tone)}>
      {icon}
      {text}
    </span>
  )
  return (
    <>
      {call && mark('call', 'c-teal', <AudioLines size={11} aria-hidden="true" />, `${call.count} in call${call.recording ? ', recorded' : ''}`)}
      {r.waiting > 0 && mark('waiting', 'c-amber', <ShieldCheck size={11} aria-hidden="true" />, `${r.waiting} to approve`)}
      {r.run && mark('run', 'c-violet', null, `${r.run.title} ${percent(r.run)}%${r.run.progress.failed > 0 ? `, ${r.run.progress.failed} failed` : ''}`)}
      {room.private && !r.incident && mark('private', '', <Lock size={11} aria-hidden="true" />, 'private')}
      {room.door !== 'open' && mark('door', '', <DoorClosed size={11} aria-hidden="true" />, `door ${room.door}`)}
      <Count n={room.mentions || room.unread} mention={room.mentions > 0} />
    </>
  )
}

/** Who is in the room: faces, names for who reads with their ears, and in a war room both for everybody. */
function Faces({ r, p }: { r: MapRoom; p: Props }) {
  const me = useMyId()
  if (r.present.length === 0) return <span className={s.rowNobody} />
  const found = r.present.find((x) => x.user.id === p.spotlight && x.user.id !== me)
  if (r.incident && !resolved(r.incident))
    return (
      <span className={s.rowPeople}>
        {r.present.slice(0, 24).map(({ user, presence }) => (
          <span key={user.id} className={cx(s.chip, user.id === me && s.chipYou, user.id === p.spotlight && s.chipFound)}>
            <Avatar person={user} size={20} />
            {user.id === me ? 'You' : user.display}
            {[...(unremarkable(presence.state) || presence.state === 'call' ? [] : [PRESENCE_WORD[presence.state]]), ...marksInWords(p.media.people.get(user.id) ?? 0)].map((w) => (
              <em key={w}>{w}</em>
            ))}
            {found?.user.id === user.id && <FollowButton user={user} p={p} />}
          </span>
        ))}
        {r.present.length > 24 && <span className={s.chip}>&nbsp;+{r.present.length - 24}</span>}
      </span>
    )
  return (
    <span className={cx(s.rowStack, found && s.chipFound)}>
      <UserStack ids={r.present.map((x) => x.user.id)} max={5} size={22} />
      <span className={r.present.length <= 2 ? s.rowNames : 'sr'}>{r.present.map((x) => (x.user.id === me ? 'You' : x.user.display)).join(', ')}</span>
      {found && <FollowButton user={found.user} p={p} />}
    </span>
  )
}
const FollowButton = ({ user, p }: { user: User; p: Props }) => (
  <IconButton label={p.following === user.id ? `Follow ${user.display} no more` : `Follow ${user.display}`} on={p.following === user.id} size="s" onClick={() => p.onFollow(user)}>
    <Footprints size={12} />
  </IconButton>
)

function Acts({ r, p }: { r: MapRoom; p: Props }) {
  const room = r.room!
  return (
    <span className={s.rowActions}>
      {r.id !== p.here && (
        <WayIn room={room}>
          <Button size="s" busy={p.busy === r.id} disabled={room.abilities.enter === false} onClick={() => p.onEnter(r.id)} aria-label={`Enter ${room.name}`}>
            Enter
          </Button>
        </WayIn>
      )}
      <Button size="s" onClick={() => p.onOpen(r.id)} aria-label={`Open the chat of ${room.name}`}>
        Chat
      </Button>
      <GetSomeone room={room} compact />
    </span>
  )
}
