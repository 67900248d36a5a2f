import { AudioLines, DoorClosed, Footprints, Lock, MapPin } from 'lucide-react'
import { useEffect, useRef } from 'react'
import type { User } from '@/api'
import { useMyId } from '@/api'
import { cx } from '@/lib/cx'
import { WayIn } from '@/realtime'
import { Avatar, Button, Clock, EnvChip, IconButton, SeverityChip, StageChip } from '@/ui'
import { marksInWords, type Media } from './media'
import { availability, kindInWords, listOrder, percent, resolved, type MapRoom } from './model'
import { GetSomeone } from './RoomPanel'
import s from './map.module.css'

/** The same floor as a list: everything the plan shows and does, in reading order. */
export function ListView({ name, rooms, here, spotlight, following, media, busy, onFollow, onSelect, onEnter, onOpen }: { name: string; rooms: MapRoom[]; here: string; spotlight: string; following: string; media: Media; busy: string; onFollow: (u: User) => void; onSelect: (id: string) => void; onEnter: (id: string) => void; onOpen: (id: string) => void }) {
  const me = useMyId()
  const box = useRef<HTMLDivElement>(null)
  const at = rooms.find((r) => r.present.some((p) => p.user.id === spotlight))?.id ?? ''
  // Who is looked for, or followed, is brought into view.
  useEffect(() => {
    if (at) box.current?.querySelector(`[data-row="${CSS.escape(at)}"]`)?.scrollIntoView({ block: 'nearest' })
  }, [at, spotlight])
  return (
    <div ref={box} className={s.listScroll} tabIndex={0} role="region" aria-label={`Rooms on ${name}`}>
      <ul className={s.list}>
        {listOrder(rooms).map((r) => {
          const room = r.room!
          const i = r.incident
          const isHere = r.id === here
          return (
            <li key={r.id} data-row={r.id} className={cx(s.row, i && !resolved(i) && s['rowSev' + i.severity], isHere && s.rowHere)} aria-current={isHere ? 'location' : undefined}>
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
                  {media.rooms.get(r.id) && (
                    <span className="c-teal">
                      <AudioLines size={11} aria-hidden="true" /> {media.rooms.get(r.id)!.count} in call
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
                      {[...(presence.state !== 'available' && presence.state !== 'active' ? [availability(presence.state).text] : []), ...marksInWords(media.people.get(user.id) ?? 0)].map((w) => (
                        <em key={w}>{w}</em>
                      ))}
                      {user.id === spotlight && user.id !== me && (
                        <IconButton label={following === user.id ? `Follow ${user.display} no more` : `Follow ${user.display}`} on={following === user.id} size="s" onClick={() => onFollow(user)}>
                          <Footprints size={12} />
                        </IconButton>
                      )}
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
