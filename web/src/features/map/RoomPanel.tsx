import { AudioLines, DoorClosed, DoorOpen, Footprints, Lock, LogIn, MessageSquare, Mic, Search, UserPlus, X } from 'lucide-react'
import { useMemo, useState, type ComponentType } from 'react'
import type { Door, Incident, Room, User } from '@/api'
import { useMyId } from '@/api'
import { PRESENCE_WORD, unremarkable } from '@/ui/presence'
import { UserAvatar, WayIn, getPerson, keptOut, useOffice } from '@/realtime'
import { Avatar, Button, Clock, EnvChip, IconButton, Input, PanelSection, Popover, Progress, SeverityChip, StageChip, toast, toastError, useSlots } from '@/ui'
import { marksInWords, type Media } from './media'
import { findPeople, kindInWords, percent, resolved, type MapRoom } from './model'
import s from './map.module.css'

const DOOR: Record<Door, string> = { open: '', closed: 'Door closed: others knock', locked: 'Door locked: members enter, others knock' }
export type RoomExtra = ComponentType<{ room: Room; incident: Incident | null }>

/** What a room on the map says when it is chosen: who is here, how to go in, whom to get. */
export function RoomPanel({ r, here, busy, extra: Extra, media, myRoom, following, onFollow, onGet, onEnter, onTalk, onOpen, onClose }: { r: MapRoom; here: boolean; busy: boolean; extra?: RoomExtra | null; media: Media; /** where I am, '' nowhere */ myRoom: string; following: string; onFollow: (u: User) => void; onGet: (u: User, roomId: string) => void; onEnter: (id: string) => void; onTalk: (id: string) => void; onOpen: (id: string) => void; onClose?: () => void }) {
  const me = useMyId()
  const room = r.room
  const { roomVoice: Offer, roomCall: Voice } = useSlots()
  const ready = useOffice((o) => o.media.state)
  if (!room) return null
  const i = r.incident
  const call = media.rooms.get(r.id)
  return (
    <>
      <div className={s.panelHead}>
        <h2>{i ? i.title : room.name}</h2>
        {onClose && (
          <IconButton label="Close the room's panel" size="s" side="left" onClick={onClose}>
            <X size={14} />
          </IconButton>
        )}
      </div>
      <p className={s.panelSub}>
        {i ? `${i.ticket}${i.service ? `, ${i.service}` : ''}` : room.topic || kindInWords(r.kind)}
        {here && <span>You are here.</span>}
      </p>
      {i && (
        <div className={s.panelMeta}>
          <SeverityChip severity={i.severity} mode={i.mode} />
          <StageChip stage={i.stage} />
          <EnvChip env={i.environment} production={i.production} />
          {!resolved(i) && (
            <span>
              open for <Clock from={i.times.declared} />
            </span>
          )}
        </div>
      )}
      {((room.private && !i) || room.door !== 'open') && (
        <div className={s.panelMeta}>
          {room.door === 'locked' || room.private ? <Lock size={12} aria-hidden="true" /> : <DoorClosed size={12} aria-hidden="true" />}
          {[room.private && !i && 'Private: members only', DOOR[room.door]].filter(Boolean).join('. ')}
        </div>
      )}
      {call && (
        <div className={s.panelMeta}>
          <AudioLines size={12} aria-hidden="true" className="c-teal" />
          {call.count} in call{call.speaking > 0 ? `, ${call.speaking} speaking` : ''}
          {call.recording ? ', recorded' : ''}
        </div>
      )}
      <div className={s.actions}>
        {here ? (
          <Button kind="primary" icon={<MessageSquare size={13} />} onClick={() => onOpen(room.id)}>
            Open chat
          </Button>
        ) : (
          <>
            <WayIn room={room} kind="primary">
              <Button kind="primary" icon={<LogIn size={13} />} busy={busy} disabled={room.abilities.enter === false} onClick={() => onEnter(room.id)}>
                Enter
              </Button>
            </WayIn>
            <Button icon={<MessageSquare size={13} />} onClick={() => onOpen(room.id)}>
              Open chat
            </Button>
          </>
        )}
        {!here && ready === 'ready' && !room.archived && room.abilities.enter !== false && !keptOut(room.id) && (
          <Button kind={call ? 'live' : 'soft'} icon={<Mic size={13} />} title="You enter the room, and the map stays" onClick={() => onTalk(room.id)}>
            {call ? 'Join voice' : 'Start voice'}
          </Button>
        )}
        <GetSomeone room={room} />
      </div>
      {/* One talks from here: the map stays. */}
      <div className={s.panelVoice}>
        {Offer && <Offer room={room} />}
        {Voice && <Voice room={room} />}
      </div>
      {r.run && (
        <div className={s.job}>
          <Avatar person={{ id: 'runner', display: 'Runner', kind: 'bot' }} size={22} />
          <b>{r.run.title}</b>
          <em>
            {percent(r.run)}%{r.run.progress.failed > 0 ? `, ${r.run.progress.failed} failed` : ''}
          </em>
          <div>
            <Progress value={percent(r.run)} label={`${r.run.title} is ${percent(r.run)} percent done`} />
          </div>
        </div>
      )}
      <PanelSection title="In the room" count={r.present.length}>
        {r.present.length === 0 ? (
          <p className={s.note}>Nobody is here right now.</p>
        ) : (
          <ul className={s.people}>
            {r.present.map(({ user, presence }) => (
              <li key={user.id}>
                <UserAvatar id={user.id} size={24} dot link />
                <b>{user.display}</b>
                <small>{[user.id === me ? 'You' : presence.status_text || (unremarkable(presence.state) ? user.title || user.team : PRESENCE_WORD[presence.state]), ...marksInWords(media.people.get(user.id) ?? 0)].filter(Boolean).join(', ')}</small>
                {user.id !== me && (
                  <span className={s.rowTools}>
                    {myRoom && !here && user.kind === 'person' && (
                      <IconButton label={`Get ${user.display} to your room`} size="s" side="left" onClick={() => onGet(user, myRoom)}>
                        <UserPlus size={13} />
                      </IconButton>
                    )}
                    <IconButton label={following === user.id ? `Follow ${user.display} no more` : `Follow ${user.display}`} on={following === user.id} size="s" side="left" onClick={() => onFollow(user)}>
                      <Footprints size={13} />
                    </IconButton>
                  </span>
                )}
              </li>
            ))}
          </ul>
        )}
      </PanelSection>
      {Extra && <Extra room={room} incident={i} />}
      {!here && r.present.length === 0 && (
        <p className={s.note}>
          <DoorOpen size={12} aria-hidden="true" /> Enter to be the first, or get somebody to come with you.
        </p>
      )}
    </>
  )
}

/** Asks somebody to come to a room. */
export function GetSomeone({ room, compact }: { room: Room; compact?: boolean }) {
  const [open, setOpen] = useState(false)
  const [text, setText] = useState('')
  const [busy, setBusy] = useState('')
  const users = useOffice((x) => x.users)
  const presence = useOffice((x) => x.presence)
  const me = useMyId()
  const found = useMemo(() => {
    const office = { rooms: [], people: Object.values(users), presence: Object.values(presence), incidents: [], runs: [] }
    const list = text.trim() ? findPeople(office, text, 8) : office.people.filter((u) => !u.disabled && u.kind === 'person').map((user) => ({ user, presence: presence[user.id] ?? null })).filter((x) => x.presence && x.presence.state !== 'offline').slice(0, 8)
    return list.filter((x) => x.user.id !== me && x.presence?.room_id !== room.id)
  }, [users, presence, text, me, room.id])
  const get = async (user: User) => {
    setBusy(user.id)
    try {
      await getPerson(user.id, room.id)
      toast(`Asked ${user.display} to come to ${room.name}`)
      setOpen(false)
    } catch (e) {
      toastError(`${user.display} could not be asked`, e)
    } finally {
      setBusy('')
    }
  }
  return (
    <Popover
      label={`Get someone to ${room.name}`}
      open={open}
      onOpenChange={setOpen}
      width={280}
      align="end"
      trigger={
        <Button size={compact ? 's' : 'm'} icon={<UserPlus size={13} />} disabled={room.abilities.invite === false} aria-label={compact ? `Get someone to ${room.name}` : undefined}>
          {compact ? 'Get' : 'Get someone'}
        </Button>
      }
    >
      <label className={s.field}>
        <Search size={13} aria-hidden="true" />
        <span className="sr">Who should come</span>
        <Input placeholder="Name or team" value={text} onChange={(e) => setText(e.target.value)} autoFocus />
      </label>
      <ul className={s.people}>
        {found.map(({ user, presence: pr }) => (
          <li key={user.id}>
            <UserAvatar id={user.id} size={22} dot />
            <b>{user.display}</b>
            <small>{pr && pr.state !== 'offline' ? (pr.state === 'dnd' ? PRESENCE_WORD.dnd : user.team) : PRESENCE_WORD.offline}</small>
            <Button size="s" busy={busy === user.id} onClick={() => void get(user)} aria-label={`Get ${user.display}`}>
              Get
            </Button>
          </li>
        ))}
        {found.length === 0 && <p className={s.note}>{text ? 'Nobody by that name outside this room.' : 'Everybody who is here is in this room already.'}</p>}
      </ul>
    </Popover>
  )
}
