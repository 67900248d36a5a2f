import { AudioLines, DoorClosed, Lock } from 'lucide-react'
import { memo, type KeyboardEvent } from 'react'
import type { Incident } from '@/api'
import { cx } from '@/lib/cx'
import { Doors, Furniture } from './Furniture'
import { clockWords, describe, resolved, type MapRoom } from './model'
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

export const RoomWords = memo(({ r, now, call, speaking }: { r: MapRoom; now: number; call: number; speaking: number }) => (
  <>
    <Labels r={r} now={now} locked={isLocked(r)} call={call} speaking={speaking} />
    {r.more > 0 && <More x={r.rect.x + r.rect.w - 24} y={r.rect.y + r.rect.h - 20} n={r.more} />}
  </>
))
RoomWords.displayName = 'RoomWords'

function Labels({ r, now, locked, call, speaking }: { r: MapRoom; now: number; locked: boolean; call: number; speaking: number }) {
  const { rect } = r
  const x = rect.x + 12
  const room = r.room
  if (!room)
    return (
      <g>
        <text x={x} y={rect.y + 21} className={s.sub}>
          {fit(locked ? 'Private room' : 'Free war room', rect.w - (locked ? 44 : 18), 11)}
        </text>
        {locked && <Lock x={rect.x + rect.w - 24} y={rect.y + 11} size={12} className={s.icon} />}
      </g>
    )
  if (r.incident)
    return (
      <>
        <IncidentLabels i={r.incident} x={x} y={rect.y} w={rect.w} now={now} />
        {call > 0 && <CallMark x={rect.x + 12} y={rect.y + rect.h - 14} n={call} speaking={speaking} />}
      </>
    )
  const shut = !locked && room.door === 'closed'
  // In a narrow room the lock stands in the corner below, so that the name has the whole line.
  const narrow = rect.w < 140
  const space = rect.w - ((locked || shut) && !narrow ? 44 : 20) - (r.run && r.plan.bot.y < rect.y + 40 ? 36 : 0)
  return (
    <g>
      <text x={x} y={rect.y + 21} className={s.label}>
        {fit(room.name, space, 12.5)}
      </text>
      {locked && <Lock x={rect.x + rect.w - 24} y={narrow ? rect.y + rect.h - 22 : rect.y + 11} size={12} className={s.icon} />}
      {shut && <DoorClosed x={rect.x + rect.w - 24} y={narrow ? rect.y + rect.h - 22 : rect.y + 11} size={12} className={s.icon} />}
      {call > 0 && <CallMark x={rect.x + 12} y={rect.y + rect.h - 14} n={call} speaking={speaking} />}
    </g>
  )
}
/** How many talk here, and whether anybody does right now. */
function CallMark({ x, y, n, speaking }: { x: number; y: number; n: number; speaking: number }) {
  return (
    <g>
      <rect x={x - 4} y={y - 11} width={n > 9 ? 68 : 62} height={17} rx={8.5} className={s.callBox} />
      <AudioLines x={x + 1} y={y - 8.5} size={12} className={cx(s.callIcon, speaking > 0 && s.callOn)} />
      <text x={x + 16} y={y + 1.5} className={s.callText}>
        {n} in call
      </text>
    </g>
  )
}
function IncidentLabels({ i, x, y, w, now }: { i: Incident; x: number; y: number; w: number; now: number }) {
  const narrow = w < 170
  const open = clockWords(i, now)
  const lines = wrap(i.title, w - 22, 11.5, narrow ? 2 : 1)
  const titleTop = narrow ? y + 38 : y + 37
  return (
    <g>
      <rect x={x} y={y + 10} width={38} height={15} rx={4} className={s['sevBox' + i.severity]} />
      <text x={x + 19} y={y + 21} className={cx(s.sevText, s['sevText' + i.severity])}>
        SEV-{i.severity}
      </text>
      <text x={x + 44} y={y + 22} className={s.label}>
        {i.ticket}
      </text>
      {!narrow && (
        <text x={x + w - 24} y={y + 22} textAnchor="end" className={cx(s.clock, s['clock' + i.severity])}>
          {open}
        </text>
      )}
      {lines.map((l, k) => (
        <text key={k} x={x} y={titleTop + k * 13} className={s.sub}>
          {l}
        </text>
      ))}
      {narrow && (
        <text x={x} y={titleTop + lines.length * 13 + 1} className={cx(s.clock, s['clock' + i.severity])}>
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
