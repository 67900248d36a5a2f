import { DoorClosed, Lock, MapPin } from 'lucide-react'
import { useMyId } from '@/api'
import { cx } from '@/lib/cx'
import { WayIn } from '@/realtime'
import { Avatar, Button, Clock, EnvChip, SeverityChip, StageChip } from '@/ui'
import { availability, kindInWords, listOrder, percent, resolved, type MapRoom } from './model'
import { GetSomeone } from './RoomPanel'
import s from './map.module.css'

/** The same floor as a list: everything the plan shows and does, in reading order. */
export function ListView({ name, rooms, here, spotlight, busy, onSelect, onEnter, onOpen }: { name: string; rooms: MapRoom[]; here: string; spotlight: string; busy: string; onSelect: (id: string) => void; onEnter: (id: string) => void; onOpen: (id: string) => void }) {
  const me = useMyId()
  return (
    <div className={s.listScroll} tabIndex={0} role="region" aria-label={`Rooms on ${name}`}>
      <ul className={s.list}>
        {listOrder(rooms).map((r) => {
          const room = r.room!
          const i = r.incident
          const isHere = r.id === here
          return (
            <li key={r.id} className={cx(s.row, i && !resolved(i) && s['rowSev' + i.severity], isHere && s.rowHere)} aria-current={isHere ? 'location' : undefined}>
              <button type="button" className={s.rowMain} onClick={() => onSelect(r.id)}>
                <span className={s.rowTitle}>
                  {i && <SeverityChip severity={i.severity} />}
                  <span>{i ? `${i.ticket} ${i.title}` : room.name}</span>
                  {i && <StageChip stage={i.stage} />}
                  {i && <EnvChip env={i.environment} />}
                </span>
                <span className={s.rowSub}>
                  {isHere && (
                    <span className="c-blue">
                      <MapPin size={11} aria-hidden="true" /> You are here
                    </span>
                  )}
                  <span>{r.present.length === 0 ? 'Nobody here' : r.present.length === 1 ? '1 person' : `${r.present.length} people`}</span>
                  <span>{kindInWords(r.kind)}</span>
                  {i && !resolved(i) && (
                    <span>
                      open for <Clock from={i.times.declared} />
                    </span>
                  )}
                  {room.private && (
                    <span>
                      <Lock size={11} aria-hidden="true" /> private
                    </span>
                  )}
                  {room.door !== 'open' && (
                    <span>
                      <DoorClosed size={11} aria-hidden="true" /> door {room.door}
                    </span>
                  )}
                  {r.run && (
                    <span className="c-violet">
                      {r.run.title} {percent(r.run)}%{r.run.progress.failed > 0 ? `, ${r.run.progress.failed} failed` : ''}
                    </span>
                  )}
                </span>
              </button>
              <span className={s.rowActions}>
                {!isHere && (
                  <WayIn room={room}>
                    <Button busy={busy === r.id} disabled={room.abilities.enter === false} onClick={() => onEnter(r.id)} aria-label={`Enter ${room.name}`}>
                      Enter
                    </Button>
                  </WayIn>
                )}
                <Button onClick={() => onOpen(r.id)} aria-label={`Open the chat of ${room.name}`}>
                  Chat
                </Button>
                <GetSomeone room={room} compact />
              </span>
              {r.present.length > 0 && (
                <span className={s.rowPeople}>
                  {r.present.slice(0, 24).map(({ user, presence }) => (
                    <span key={user.id} className={cx(s.chip, user.id === me && s.chipYou, user.id === spotlight && s.chipFound)}>
                      <Avatar person={user} size={20} />
                      {user.id === me ? 'You' : user.display}
                      {presence.state !== 'available' && presence.state !== 'active' && <em>{availability(presence.state).text}</em>}
                    </span>
                  ))}
                  {r.present.length > 24 && <span className={s.chip}>&nbsp;+{r.present.length - 24}</span>}
                </span>
              )}
            </li>
          )
        })}
      </ul>
    </div>
  )
}
