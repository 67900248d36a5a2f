import { AudioLines, DoorClosed, Lock } from 'lucide-react'
import { memo, type KeyboardEvent } from 'react'
import type { Incident, Room } from '@/api'
import { awaitsAck, awaitsWord } from '@/lib/awaits'
import { cx } from '@/lib/cx'
import { Doors, Furniture } from './Furniture'
import { clockWords, describe, resolved, severityMark, type MapRoom } from './model'
import { fit, wrap } from './plan'
import s from './map.module.css'

export const RoomShape = memo(
  ({ r, grid, now, here, selected, target, tabStop, marks, onSelect, onGo, onKey }: { r: MapRoom; grid: number; marks: string; now: number; here: boolean; selected: boolean; target: boolean; tabStop: boolean; onSelect: (id: string) => void; onGo: (id: string) => void; onKey: (e: KeyboardEvent, id: string) => void }) => {
    const { rect } = r
    const soft = r.shape === 'lounge' || r.shape === 'lobby'
    // A team's place has no walls, until somebody closes its door.
    const open = (r.shape === 'team' || soft) && (r.room?.door ?? 'open') === 'open'
    // A resolved incident is shown calmly until it is closed.
    const sev = r.incident ? (resolved(r.incident) ? 4 : r.incident.severity) : undefined
    const locked = isLocked(r)
    const kind = !r.room ? (locked ? s.walled : s.free) : sev ? cx(s['sev' + sev]) : !open ? cx(s.walled, soft && s.softWalled) : soft ? s.soft : ''
    const body = (
      <>
        <rect x={rect.x} y={rect.y} width={rect.w} height={rect.h} rx={open && !sev ? 9 : 5} className={cx(s.floor, kind)} />
        {locked && !sev && <rect x={rect.x + 2} y={rect.y + 2} width={rect.w - 4} height={rect.h - 4} rx={4} fill="url(#plan-hatch)" pointerEvents="none" />}
        {sev === 1 && <rect x={rect.x + 2} y={rect.y + 2} width={rect.w - 4} height={rect.h - 4} rx={4} fill="url(#plan-glow)" className={s.glow} />}
        {!open && <Doors rect={rect} doors={r.doors} grid={grid} state={r.room?.door ?? 'locked'} />}
        {(r.room || !locked) && <Furniture pieces={r.plan.pieces} seats={r.plan.seats} />}
      </>
    )
    if (!r.room) return <g aria-hidden="true">{body}</g>
    return (
      <g
        role="button"
        data-room={r.id}
        tabIndex={tabStop ? 0 : -1}
        aria-label={describe(r, now, marks)}
        aria-pressed={selected}
        aria-current={here ? 'location' : undefined}
        className={cx(s.room, selected && s.chosen, target && s.target)}
        onClick={() => onSelect(r.id)}
        onDoubleClick={() => onGo(r.id)}
        onKeyDown={(e) => onKey(e, r.id)}
      >
        {body}
      </g>
    )
  },
)
RoomShape.displayName = 'RoomShape'

const isLocked = (r: MapRoom) => (r.room ? r.room.private || r.room.door === 'locked' : r.shape !== 'incident')

export const RoomWords = memo(({ r, now, least, call, speaking }: { r: MapRoom; now: number; /** the smallest letters, in units of the floor */ least: number; call: number; speaking: number }) => (
  <>
    <Labels r={r} now={now} least={least} locked={isLocked(r)} call={call} speaking={speaking} />
    <Waiting r={r} least={least} />
    {r.more > 0 && <More x={r.rect.x + r.rect.w - 24} y={r.rect.y + r.rect.h - 20} n={r.more} />}
  </>
))
RoomWords.displayName = 'RoomWords'

function Labels({ r, now, least, locked, call, speaking }: { r: MapRoom; now: number; least: number; locked: boolean; call: number; speaking: number }) {
  const { rect } = r
  const x = rect.x + 12
  const room = r.room
  const size = Math.max(12, least)
  const top = rect.y + 9 + size
  if (!room)
    return (
      <g>
        <text x={x} y={top} className={s.sub}>
          {fit(locked ? 'Private room' : 'Free war room', rect.w - (locked ? 44 : 18), Math.max(11, least))}
        </text>
        {locked && <Lock x={rect.x + rect.w - 24} y={rect.y + 11} size={12} className={s.icon} />}
      </g>
    )
  if (r.incident)
    return (
      <>
        <IncidentLabels i={r.incident} x={x} y={rect.y} w={rect.w} now={now} least={least} />
        {call > 0 && <CallMark x={rect.x + 12} y={rect.y + rect.h - 14} n={call} speaking={speaking} least={least} />}
      </>
    )
  const shut = !locked && room.door === 'closed'
  // In a narrow room the lock stands in the corner below, so that the name has the whole line.
  const narrow = rect.w < 140
  // A call stands beside the name where there is space: below it would lie on the names of those who sit there.
  const k = Math.max(10, least) / 10
  const beside = call > 0 && !locked && !shut && rect.w - 76 * k - 20 > room.name.length * size * 0.5
  const space = rect.w - (beside ? 76 * k : 0) - ((locked || shut) && !narrow ? 44 : 20) - (r.run && r.plan.bot.y < rect.y + 40 ? 36 : 0) - unreadWidth(room, least)
  return (
    <g>
      <text x={x} y={top} className={s.label}>
        {fit(room.name, space, size + 0.5)}
      </text>
      {locked && <Lock x={rect.x + rect.w - 24} y={narrow ? rect.y + rect.h - 22 : rect.y + 11} size={12} className={s.icon} />}
      {shut && <DoorClosed x={rect.x + rect.w - 24} y={narrow ? rect.y + rect.h - 22 : rect.y + 11} size={12} className={s.icon} />}
      {call > 0 && <CallMark x={beside ? rect.x + rect.w - 72 * k : rect.x + 12} y={beside ? rect.y + 20 : rect.y + rect.h - 14} n={call} speaking={speaking} least={least} />}
    </g>
  )
}
const unreadWidth = (room: Room, least: number) => (room.unread || room.mentions ? Math.max(10, least) * 0.62 * (String(room.mentions || room.unread).length + 2) + 8 : 0)

/** What waits in a room: a run for a yes, words for a reader. */
function Waiting({ r, least }: { r: MapRoom; least: number }) {
  const { rect, room } = r
  const called = !!r.incident && awaitsAck(r.incident)
  if (!room || (!called && !r.waiting && !room.unread && !room.mentions)) return null
  const size = Math.max(10, least)
  const words = `${r.waiting} to approve`
  const w = words.length * size * 0.56 + 14
  const n = room.mentions ? `@${room.mentions}` : room.unread > 99 ? '99+' : String(room.unread)
  const nw = Math.max(size * 1.5, n.length * size * 0.62 + 8)
  const right = rect.x + rect.w - 8
  const all = r.incident ? awaitsWord(r.incident) : ''
  const cw = (text: string) => text.length * size * 0.54 + 14
  const call = cw(all) <= rect.w - 16 ? all : 'no ack.'
  // Above what waits for a yes: nobody is there yet who could give it.
  const callY = rect.y + rect.h - size * 1.5 - 8 - (r.waiting > 0 ? size * 1.5 + 4 : 0)
  return (
    <>
      {called && (
        <g>
          <rect x={right - cw(call)} y={callY} width={cw(call)} height={size * 1.5} rx={size * 0.75} className={s.calledBox} />
          <text x={right - cw(call) / 2} y={callY + size * 1.1} className={s.calledText}>
            {call}
          </text>
        </g>
      )}
      {r.waiting > 0 && (
        <g>
          <rect x={right - w} y={rect.y + rect.h - size * 1.5 - 8} width={w} height={size * 1.5} rx={size * 0.75} className={s.waitBox} />
          <text x={right - w / 2} y={rect.y + rect.h - size * 0.4 - 8} className={s.waitText}>
            {words}
          </text>
        </g>
      )}
      {(room.unread > 0 || room.mentions > 0) && (
        <g>
          <rect x={right + 2 - nw} y={rect.y - size * 0.6} width={nw} height={size * 1.45} rx={size * 0.72} className={cx(s.unreadBox, room.mentions > 0 && s.mentionBox)} />
          <text x={right + 2 - nw / 2} y={rect.y + size * 0.45} className={cx(s.unreadText, room.mentions > 0 && s.mentionText)}>
            {n}
          </text>
        </g>
      )}
    </>
  )
}
/** How many talk here, and whether anybody does right now. */
function CallMark({ x, y, n, speaking, least }: { x: number; y: number; n: number; speaking: number; least: number }) {
  const k = Math.max(10, least) / 10
  return (
    <g transform={`translate(${x} ${y}) scale(${k})`}>
      <rect x={-4} y={-11} width={n > 9 ? 68 : 62} height={17} rx={8.5} className={s.callBox} />
      <AudioLines x={1} y={-8.5} size={12} className={cx(s.callIcon, speaking > 0 && s.callOn)} />
      <text x={16} y={1.5} className={s.callText}>
        {n} in call
      </text>
    </g>
  )
}
function IncidentLabels({ i, x, y, w, now, least }: { i: Incident; x: number; y: number; w: number; now: number; least: number }) {
  const size = Math.max(11, least)
  // What was drawn for letters of 11 grows with them.
  const k = size / 11
  const open = clockWords(i, now)
  // The clock stands beside the ticket where both fit.
  const narrow = w < 170 * k || w < (i.mode === 'real' ? 44 : 88) * k + (i.ticket.length + open.length + 3) * size * 0.58 + 36
  const lines = wrap(i.title, w - 22, size + 0.5, narrow ? 2 : 1)
  const badge = severityMark(i, w - (i.ticket.length * size * 0.58 + 42), 7 * k)
  const after = badge.length * 7 * k + 9 * k
  const base = y + 11 + 11 * k
  const line = 13 * k
  const titleTop = base + line + 2
  return (
    <g>
      <rect x={x} y={y + 10} width={after - 6 * k} height={15 * k} rx={4} className={s['sevBox' + i.severity]} />
      <text x={x + (after - 6 * k) / 2} y={base - 0.5} className={cx(s.sevText, s['sevText' + i.severity])}>
        {badge}
      </text>
      <text x={x + after} y={base} className={s.label}>
        {fit(i.ticket, w - after - 20, size + 1)}
      </text>
      {!narrow && (
        <text x={x + w - 24} y={base} textAnchor="end" className={cx(s.clock, s['clock' + i.severity])}>
          {open}
        </text>
      )}
      {lines.map((l, n) => (
        <text key={n} x={x} y={titleTop + n * line} className={s.sub}>
          {l}
        </text>
      ))}
      {narrow && (
        <text x={x} y={titleTop + lines.length * line + 1} className={cx(s.clock, s['clock' + i.severity])}>
          {open}
        </text>
      )}
    </g>
  )
}

const More = ({ x, y, n }: { x: number; y: number; n: number }) => (
  <g>
    <rect x={x - 16} y={y - 10} width={32} height={20} rx={10} className={s.more} />
    <text x={x} y={y + 0.5} className={s.moreText}>
      +{n}
    </text>
  </g>
)
