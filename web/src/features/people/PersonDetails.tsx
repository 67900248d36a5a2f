// A person: who, where, and the ways to meet.
import { useRouterState } from '@tanstack/react-router'
import { Crosshair, Hand, Mail, MapPin } from 'lucide-react'
import { useState } from 'react'
import { errorText, useMyId } from '@/api'
import { getPerson, useOffice, usePresence, useRoomInfo, UserAvatar, useUser } from '@/realtime'
import { Button, Chip, Input, Notice, PRESENCE_WORD, Time, toast } from '@/ui'
import { useOpenGet } from './gets'
import { useMeet } from './meet'
import { StarButton } from './PeopleView'
import s from './people.module.css'

/** The room a Get would call to: the one on the screen, else the one I stand in. */
function useMeetingRoom() {
  const shown = useRouterState({ select: (r) => /^\/rooms\/([^/]+)/.exec(r.location.pathname)?.[1] })
  const mine = usePresence(useMyId())?.room_id
  return useRoomInfo(shown ?? mine)
}

export default function PersonDetails({ id, onDone }: { id: string; onDone: () => void }) {
  const user = useUser(id)
  const presence = usePresence(id)
  const room = useRoomInfo(presence?.room_id)
  const target = useMeetingRoom()
  const me = useMyId()
  const { go, find } = useMeet()
  const oncall = useOffice((o) => o.oncall).filter((c) => c.user_id === id)
  const waiting = useOpenGet(id)
  const [note, setNote] = useState('')
  const [asking, setAsking] = useState(false)
  const [error, setError] = useState('')
  if (!user) return <p className={s.gone}>This person is not in the office any more.</p>
  const state = presence?.state ?? 'offline'
  const ask = async () => {
    if (!target) return
    setAsking(true)
    setError('')
    try {
      await getPerson(id, target.id, note.trim())
      toast(`${user.display} is asked to come to ${target.name}`, { tone: 'info' })
      onDone()
    } catch (e) {
      setError(errorText(e))
    } finally {
      setAsking(false)
    }
  }
  const person = user.kind === 'person' && id !== me
  return (
    <div className={s.card}>
      <div className={s.cardTop}>
        <div className={s.cardHead}>
          <UserAvatar id={id} size={48} dot />
          <div>
            <h2>{user.display}</h2>
            <span>{[user.title, user.team].filter(Boolean).join(', ') || '@' + user.name}</span>
          </div>
        </div>
        {user.kind === 'person' && id !== me && <StarButton id={id} name={user.display} />}
      </div>
      <div className={s.chips}>
        {user.kind === 'guest' ? <Chip tone="amber">Guest</Chip> : user.kind === 'bot' ? <Chip tone="violet">Bot</Chip> : user.roles.map((r) => <Chip key={r}>{r}</Chip>)}
        {oncall.map((c) => (
          <Chip key={c.service} tone="teal">
            on call: {c.service}
          </Chip>
        ))}
      </div>
      {user.kind === 'person' && (
        <dl className={s.facts}>
          <div>
            <dt>Now</dt>
            <dd>
              {PRESENCE_WORD[state]}
              {presence?.status_text && <span>{presence.status_text}</span>}
              {presence?.until && (
                <span>
                  until <Time at={presence.until} mode="when" />
                </span>
              )}
            </dd>
          </div>
          <div>
            <dt>Where</dt>
            <dd>{room ? room.name : state === 'offline' ? 'Not in the office' : 'In no room'}</dd>
          </div>
          {user.skills.length > 0 && (
            <div>
              <dt>Skills</dt>
              <dd>{user.skills.join(', ')}</dd>
            </div>
          )}
          <div>
            <dt>Name</dt>
            <dd className="mono">@{user.name}</dd>
          </div>
        </dl>
      )}
      {error && <Notice>{error}</Notice>}
      {person && (
        <>
          <div className={s.acts}>
            {room && room.id !== target?.id && (
              <Button
                icon={<MapPin size={13} />}
                onClick={() => {
                  onDone()
                  go(room.id)
                }}
              >
                Go to {room.name}
              </Button>
            )}
            {room && (
              <Button
                icon={<Crosshair size={13} />}
                onClick={() => {
                  onDone()
                  find(id)
                }}
              >
                Find
              </Button>
            )}
            {user.email && (
              <a className={s.mail} href={'mailto:' + user.email} aria-label={`Write an email to ${user.display}`}>
                <Mail size={14} />
              </a>
            )}
          </div>
          {target && presence?.room_id === target.id ? (
            <p className={s.hint}>Is already in {target.name}.</p>
          ) : target ? (
            <form
              className={s.get}
              onSubmit={(e) => {
                e.preventDefault()
                void ask()
              }}
            >
              <Input value={note} onChange={(e) => setNote(e.target.value)} placeholder="What for? (optional)" aria-label="What for" maxLength={200} />
              <Button kind="live" type="submit" busy={asking} disabled={!!waiting || state === 'offline'} icon={<Hand size={13} />}>
                {waiting ? 'Asked' : 'Get'}
              </Button>
              <p className={s.hint}>
                {state === 'offline'
                  ? `${user.display.split(' ')[0]} is not in the office and would not see it. In an incident, page them.`
                  : `Asks ${user.display.split(' ')[0]} to come to ${target.name}.`}
                {state === 'dnd' && ' Does not want to be disturbed: it arrives quietly, unless you command the incident.'}
              </p>
            </form>
          ) : (
            <p className={s.hint}>Enter a room to ask {user.display.split(' ')[0]} to come there.</p>
          )}
        </>
      )}
    </div>
  )
}
