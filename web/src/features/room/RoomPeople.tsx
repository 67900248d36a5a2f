import { DoorOpen, UserPlus } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { errorText, useMyId, type Room, type User } from '@/api'
import { getPerson, sendHome, useOffice, useOpenIncident, UserAvatar } from '@/realtime'
import { Button, Chip, ConfirmButton, GuestBadge, Loading, PRESENCE_WORD, Time } from '@/ui'
import s from './room.module.css'

const Guests = lazy(() => import('./Guests'))

/** Who is in the room, and who else could come. */
export default function RoomPeople({ room, inside }: { room: Room; inside: User[] }) {
  const users = useOffice((o) => o.users)
  const presence = useOffice((o) => o.presence)
  const rooms = useOffice((o) => o.rooms)
  const me = useMyId()
  const incident = useOpenIncident(room.subject.kind === 'incident' ? room.subject.id : null)
  const here = new Set(inside.map((u) => u.id))
  const others = Object.values(users)
    .filter((u) => u.kind === 'person' && !u.disabled && !here.has(u.id) && u.id !== me)
    .sort((a, b) => Number(presence[a.id]?.state === 'offline') - Number(presence[b.id]?.state === 'offline') || a.display.localeCompare(b.display))
  const row = (u: User, get: boolean) => {
    const p = presence[u.id]
    const role = incident?.roles.find((r) => r.user_id === u.id)?.role
    const where = p?.room_id ? rooms[p.room_id]?.name : undefined
    return (
      <li key={u.id}>
        <UserAvatar id={u.id} size={32} dot link you={u.id === me} />
        <span className={s.personText}>
          <b>
            {u.display} {u.kind === 'guest' && <GuestBadge />} {u.id === me && <Chip>you</Chip>} {role && <Chip tone="blue">{role}</Chip>}
          </b>
          <small>
            {u.title || u.team}
            {p?.status_text && `, ${p.status_text}`}
          </small>
        </span>
        <span className={s.personWhere}>
          {get ? where || PRESENCE_WORD[p?.state ?? 'offline'] : p?.since ? <>since <Time at={p.since} mode="when" /></> : null}
        </span>
        {!get && room.abilities.moderate && u.id !== me && (
          <ConfirmButton
            size="s"
            icon={<DoorOpen size={12} />}
            title={`Send ${u.display} home`}
            description={`They leave ${room.name} and read by whom and why. Close the door, too, if they should not come straight back.`}
            confirm="Send home"
            confirmKind="stop"
            note="required"
            noteLabel="Reason"
            label={`Send home ${u.display}`}
            onConfirm={(reason) => sendHome(room.id, u.id, reason)}
          >
            Send home
          </ConfirmButton>
        )}
        {get && room.abilities.invite !== false && <Get userId={u.id} roomId={room.id} />}
      </li>
    )
  }
  return (
    <div className={s.pad}>
      <h2 className={s.h2}>
        In the room <em>{inside.length}</em>
      </h2>
      {inside.length ? <ul className={s.people}>{inside.map((u) => row(u, false))}</ul> : <p className="c-3">Nobody is in the room. Enter, or ask someone to come.</p>}
      {room.abilities.invite_guest && !room.archived && (
        <Suspense fallback={<Loading lines={2} />}>
          <Guests room={room} />
        </Suspense>
      )}
      <h2 className={s.h2}>
        Elsewhere <em>{others.length}</em>
      </h2>
      <ul className={s.people}>{others.map((u) => row(u, true))}</ul>
    </div>
  )
}

function Get({ userId, roomId }: { userId: string; roomId: string }) {
  const [state, set] = useState('')
  return (
    <>
      {state && state !== 'asked' && <small className="c-red">{state}</small>}
      <Button
        size="s"
        icon={<UserPlus size={12} />}
        disabled={state === 'asked'}
        onClick={() => {
          set('asked')
          getPerson(userId, roomId).catch((e) => set(errorText(e)))
        }}
      >
        {state === 'asked' ? 'Asked' : 'Get'}
      </Button>
    </>
  )
}
