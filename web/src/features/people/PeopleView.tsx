// Everybody in the office: who is here, whom I keep at hand, and who can do what.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Crosshair, DoorOpen, Hand, Star, UsersRound } from 'lucide-react'
import { memo, useMemo, useState } from 'react'
import { api, errorText, useMyId, type Desk } from '@/api'
import { cx } from '@/lib/cx'
import { rank } from '@/lib/fuzzy'
import { getPerson, star, useOffice, usePresence, useRoomInfo, useStarred, UserAvatar } from '@/realtime'
import { Button, buttonClass, Chip, Empty, ErrorState, IconButton, Input, Loading, Page, PRESENCE_WORD, TabPanel, Tabs, Time, toast, toastError } from '@/ui'
import { useOpenGet } from './gets'
import { useMeet } from './meet'
import { groupPeople, listPeople, textsOf, WHICH, type Listed, type Which } from './model'
import { PersonCard } from './PersonCard'
import s from './people.module.css'

const KEY = 'muster.people.view'
const kept = (): Which => {
  const k = localStorage.getItem(KEY)
  return WHICH.find(([w]) => w === k)?.[0] ?? 'here'
}
const NONE: Record<Which, [string, string]> = {
  here: ['Nobody else is here', 'Who opens Muster is shown here at once.'],
  starred: ['You starred nobody yet', 'The star beside a name keeps a person here.'],
  recent: ['Nobody yet', 'Who asks you over, knocks at your door or is asked by you stands here, the last one first.'],
  oncall: ['Nobody is on call', 'Services and their rotations are set up by an administrator.'],
  teams: ['Nobody named a team', 'Each says under Your account in which team they are.'],
  skills: ['Nobody named a skill', 'Each says under Your account what they can do.'],
  all: ['You are alone so far', 'An administrator adds people under Admin.'],
}

export default function PeopleView() {
  const users = useOffice((o) => o.users)
  const presence = useOffice((o) => o.presence)
  const oncall = useOffice((o) => o.oncall)
  const starred = useOffice((o) => o.desk.starred)
  const me = useMyId()
  const [which, choose] = useState(kept)
  const [text, setText] = useState('')
  const desk = useQuery({ queryKey: ['desk'], queryFn: () => api.get<Desk & { recent: string[] }>('/me/desk'), enabled: which === 'recent' && !text })
  // I am among those who are on call, in a team and able to do something, but do not look for myself.
  const all = useMemo(() => listPeople(users, presence, which === 'here' || which === 'starred' || which === 'recent' ? me : ''), [users, presence, me, which])
  const groups = useMemo(() => {
    const found = text.trim() ? rank(text, all, (p) => textsOf(p.user), 200) : null
    if (found) return found.length ? [{ title: '', people: found }] : []
    return groupPeople(which, all, { starred, recent: desk.data?.recent ?? [], oncall })
  }, [text, all, which, starred, desk.data, oncall])
  const here = all.filter((p) => p.here && p.user.id !== me).length
  return (
    <Page title="People" icon={<UsersRound size={16} aria-hidden="true" />} subtitle={`${here} here of ${all.filter((p) => p.user.id !== me).length}`}>
      <div className={s.bar}>
        <div className={s.tabs}>
          <Tabs<Which>
            label="Which people"
            idBase="people"
            value={which}
            onChange={(w) => {
              choose(w)
              setText('')
              localStorage.setItem(KEY, w)
            }}
            tabs={WHICH.map(([id, label]) => ({ id, label }))}
          />
        </div>
        <Input type="search" aria-label="Find a person" placeholder="Name, team or skill" value={text} onChange={(e) => setText(e.target.value)} />
      </div>
      <TabPanel id={which} idBase="people">
        {which === 'recent' && !text && desk.isPending ? (
          <Loading lines={4} />
        ) : which === 'recent' && !text && desk.error ? (
          <ErrorState error={desk.error} onRetry={() => void desk.refetch()} />
        ) : groups.length === 0 ? (
          <Empty
            icon={<UsersRound size={20} />}
            title={text ? `Nobody fits “${text}”` : NONE[which][0]}
            action={!text && (which === 'skills' || which === 'teams') ? <Link to="/account" className={buttonClass()}>Your account</Link> : undefined}
          >
            {!text && NONE[which][1]}
          </Empty>
        ) : (
          groups.map((g) => (
            <section key={g.title} className={s.group} aria-label={g.title || undefined}>
              {g.title && (
                <h2>
                  {g.title} <span className="tnum">{g.people.length}</span>
                </h2>
              )}
              <ul className={s.people}>
                {g.people.map((p) => (
                  <Row key={p.user.id} p={p} />
                ))}
              </ul>
            </section>
          ))
        )}
      </TabPanel>
    </Page>
  )
}

const Row = memo(({ p }: { p: Listed }) => {
  const { user } = p
  const room = useRoomInfo(p.here ? p.presence?.room_id : null)
  const me = useMyId()
  const mine = usePresence(me)?.room_id
  const target = useRoomInfo(mine)
  const waiting = useOpenGet(user.id)
  const [busy, setBusy] = useState(false)
  const { go, find } = useMeet()
  const state = p.presence?.state ?? 'offline'
  const ask = async () => {
    if (!target) return
    setBusy(true)
    try {
      await getPerson(user.id, target.id)
      toast(`${user.display} is asked to come to ${target.name}`, { tone: 'info' })
    } catch (e) {
      toast(`${user.display} could not be asked`, { tone: 'bad', detail: errorText(e) })
    } finally {
      setBusy(false)
    }
  }
  return (
    <li>
      <StarButton id={user.id} name={user.display} me={user.id === me} />
      <PersonCard id={user.id}>
        <button type="button" className={s.person}>
          <UserAvatar id={user.id} size={32} dot />
          <span>
            <b>{user.display}</b>
            <small>{[user.title, user.team].filter(Boolean).join(', ') || '@' + user.name}</small>
          </span>
        </button>
      </PersonCard>
      <span className={s.state}>
        <b>{PRESENCE_WORD[state]}</b>
        <small>
          {p.presence?.status_text}
          {p.presence?.until && (
            <>
              {' '}
              until <Time at={p.presence.until} mode="when" />
            </>
          )}
        </small>
      </span>
      <span className={s.skills}>
        {user.skills.slice(0, 3).map((k) => (
          <Chip key={k}>{k}</Chip>
        ))}
        {user.skills.length > 3 && <small>+{user.skills.length - 3}</small>}
      </span>
      <span className={s.rowActs}>
        {user.id !== me && room && (
          <>
            <IconButton label={`Find ${user.display} on the map`} onClick={() => find(user.id)}>
              <Crosshair size={14} />
            </IconButton>
            {room.id !== mine && (
              <Button size="s" icon={<DoorOpen size={12} />} aria-label={`Go to ${user.display} in ${room.name}`} onClick={() => go(room.id)}>
                <span className={s.roomName}>{room.name}</span>
              </Button>
            )}
          </>
        )}
        {user.id !== me && p.here && target && p.presence?.room_id !== target.id && (
          <Button size="s" kind="live" icon={<Hand size={12} />} busy={busy} disabled={!!waiting} aria-label={`Get ${user.display} to ${target.name}`} onClick={() => void ask()}>
            {waiting ? 'Asked' : 'Get'}
          </Button>
        )}
      </span>
    </li>
  )
})
Row.displayName = 'Row'

/** Keeps a person at hand. */
export function StarButton({ id, name, me }: { id: string; name: string; me?: boolean }) {
  const on = useStarred(id)
  if (me) return <span className={s.star} />
  return (
    <button
      type="button"
      className={cx(s.star, on && s.starred)}
      aria-pressed={on}
      aria-label={`Star ${name}`}
      onClick={() => void star(id, !on).catch((e) => toastError('This was not saved', e))}
    >
      <Star size={14} fill={on ? 'currentColor' : 'none'} aria-hidden="true" />
    </button>
  )
}
