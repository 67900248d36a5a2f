import { BellOff, ChevronDown, ChevronRight, Users } from 'lucide-react'
import { Link } from '@tanstack/react-router'
import { memo, useEffect, useMemo, useRef, useState } from 'react'
import { useMyId } from '@/api'
import { useOffice, useRoomInfo, UserAvatar } from '@/realtime'
import { PRESENCE_WORD, Tooltip } from '@/ui'
import { listPeople, shortRoom, type Listed } from './model'
import { PersonCard } from './PersonCard'
import s from './people.module.css'

/** So many rows at most: who looks for one of hundreds finds them on their page, or with Ctrl+K. */
const ROWS = 80

/** The people of the office, those who are here first. */
export function PeopleList() {
  const users = useOffice((o) => o.users)
  const presence = useOffice((o) => o.presence)
  const me = useMyId()
  const before = useRef<Listed[]>([])
  const all = useMemo(() => listPeople(users, presence, me, before.current), [users, presence, me])
  useEffect(() => {
    before.current = all
  }, [all])
  const here = all.filter((p) => p.here)
  const away = all.filter((p) => !p.here)
  const [chosen, setOpen] = useState<boolean | null>(null)
  // A small office fits as it is; a large one shows who is here.
  const open = chosen ?? all.length <= 12
  return (
    <section className={s.section}>
      <h2>
        People <span className="tnum">{here.length} here</span>
      </h2>
      <ul>
        {here.slice(0, ROWS).map((p) => (
          <Row key={p.user.id} p={p} />
        ))}
        {open && away.slice(0, ROWS).map((p) => <Row key={p.user.id} p={p} />)}
      </ul>
      {(here.length > ROWS || (open && away.length > ROWS)) && (
        <Link to="/people" className={s.more}>
          <Users size={12} aria-hidden="true" />
          All {all.length} people
        </Link>
      )}
      {away.length > 0 && (
        <button type="button" className={s.more} aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? <ChevronDown size={12} /> : <ChevronRight size={12} />}
          {open ? 'Hide' : 'Show'} {away.length} not here
        </button>
      )}
    </section>
  )
}

const Row = memo(({ p }: { p: Listed }) => {
  const room = useRoomInfo(p.here ? p.presence?.room_id : null)
  const quiet = p.presence?.state === 'dnd'
  return (
    <li>
      <PersonCard id={p.user.id}>
        <button type="button" className={s.row}>
          <UserAvatar id={p.user.id} size={18} dot talk />
          <span className={s.name}>
            {p.user.display}
            <span className="sr">, {PRESENCE_WORD[p.presence?.state ?? 'offline']}</span>
          </span>
          <span className={s.where}>
            {quiet ? (
              <Tooltip text={p.presence?.status_text || 'Do not disturb'}>
                <BellOff size={12} aria-label={p.presence?.status_text || 'Do not disturb'} />
              </Tooltip>
            ) : (
              p.presence?.status_text || (room ? shortRoom(room.name) : '')
            )}
          </span>
        </button>
      </PersonCard>
    </li>
  )
})
Row.displayName = 'Row'
