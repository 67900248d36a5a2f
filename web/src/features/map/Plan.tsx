import { Lock } from 'lucide-react'
import { memo, useEffect, useMemo, useRef, useState, type CSSProperties, type KeyboardEvent, type PointerEvent } from 'react'
import type { Incident, User } from '@/api'
import { cx } from '@/lib/cx'
import { useNow } from '@/lib/hooks'
import { hash } from '@/lib/ids'
import { Doors, Furniture } from './Furniture'
import { clockWords, describe, focusOn, neighbour, pan, percent, typeAhead, resolved, zoom, type Box, type Direction, type MapRoom, type Placed } from './model'
import { fit, freeSpace, wrap } from './plan'
import s from './map.module.css'

const PAD = 14
const ARROWS: Record<string, Direction> = { ArrowLeft: 'left', ArrowRight: 'right', ArrowUp: 'up', ArrowDown: 'down' }

export type PlanProps = {
  name: string
  width: number
  height: number
  grid: number
  rooms: MapRoom[]
  selected: string
  here: string
  /** A person looked for: ringed, and brought into view. */
  spotlight: string
  commanders: ReadonlySet<string>
  view: Box | null
  onView: (view: Box | null) => void
  onSelect: (id: string) => void
  onGo: (id: string) => void
  onGet: (user: User, roomId: string) => void
}
export function fullBox(width: number, height: number): Box {
  return { x: -PAD, y: -PAD, w: width + PAD * 2, h: height + PAD * 2 }
}

type Drag = { user: User; you: boolean; from: { x: number; y: number }; x: number; y: number; moved: boolean; over: string }

/** The floor as a drawing. Everything a pointer can do here, the keyboard and the panel beside it can do too. */
export function Plan(p: PlanProps) {
  const svg = useRef<SVGSVGElement>(null)
  const full = useMemo(() => fullBox(p.width, p.height), [p.width, p.height])
  const box = p.view ?? full
  const [drag, setDrag] = useState<Drag | null>(null)
  const panning = useRef<{ x: number; y: number; box: Box } | null>(null)
  const typed = useRef({ text: '', at: 0 })
  const minute = useNow('minute')
  const byId = useMemo(() => new Map(p.rooms.map((r) => [r.id, r])), [p.rooms])
  const tabStop = byId.has(p.selected) ? p.selected : (p.rooms.find((r) => r.room)?.id ?? '')

  const point = (e: { clientX: number; clientY: number }) => {
    const m = svg.current?.getScreenCTM()
    if (!m) return { x: 0, y: 0 }
    const q = new DOMPoint(e.clientX, e.clientY).matrixTransform(m.inverse())
    return { x: q.x, y: q.y }
  }
  const roomAt = (x: number, y: number) => p.rooms.find((r) => r.room && x >= r.rect.x && x <= r.rect.x + r.rect.w && y >= r.rect.y && y <= r.rect.y + r.rect.h)?.id ?? ''

  // React listens to wheel passively: zooming must stop the page from doing so itself.
  const latest = useRef({ box, full, onView: p.onView })
  useEffect(() => {
    latest.current = { box, full, onView: p.onView }
  })
  useEffect(() => {
    const el = svg.current
    if (!el) return
    const onWheel = (e: WheelEvent) => {
      const { box: b, full: f, onView } = latest.current
      if (e.ctrlKey || e.metaKey) {
        e.preventDefault()
        const m = el.getScreenCTM()
        if (!m) return
        const at = new DOMPoint(e.clientX, e.clientY).matrixTransform(m.inverse())
        const next = zoom(b, f, Math.exp(-e.deltaY / 240), at.x, at.y)
        onView(next.w >= f.w - 1 ? null : next)
      } else if (b.w < f.w - 1) {
        e.preventDefault()
        const k = b.w / el.clientWidth
        onView(pan(b, f, e.deltaX * k, e.deltaY * k))
      }
    }
    el.addEventListener('wheel', onWheel, { passive: false })
    return () => el.removeEventListener('wheel', onWheel)
  }, [])

  const focusRoom = (id: string) => {
    p.onSelect(id)
    svg.current?.querySelector<SVGGElement>(`[data-room="${CSS.escape(id)}"]`)?.focus()
    const r = byId.get(id)
    // A room outside the view is brought in.
    if (r && p.view && (r.rect.x < box.x || r.rect.y < box.y || r.rect.x + r.rect.w > box.x + box.w || r.rect.y + r.rect.h > box.y + box.h)) p.onView(focusOn(r.rect, full))
  }
  const onKey = (e: KeyboardEvent, id: string) => {
    const dir = ARROWS[e.key]
    if (dir) {
      e.preventDefault()
      const next = neighbour(p.rooms.filter((r) => r.room), id, dir)
      if (next) focusRoom(next)
    } else if (e.key === 'Enter') {
      e.preventDefault()
      if (p.selected === id) p.onGo(id)
      else p.onSelect(id)
    } else if (e.key === ' ') {
      e.preventDefault()
      p.onSelect(id)
    } else if (e.key === 'Home' && p.here && byId.has(p.here)) {
      e.preventDefault()
      focusRoom(p.here)
    } else if (e.key.length === 1 && !e.ctrlKey && !e.metaKey && !e.altKey) {
      const now = Date.now()
      typed.current = { text: now - typed.current.at < 900 ? typed.current.text + e.key : e.key, at: now }
      const next = typeAhead(p.rooms.filter((r) => r.room), id, typed.current.text)
      if (next) {
        e.preventDefault()
        e.stopPropagation()
        focusRoom(next)
      }
    }
  }

  const startDrag = (e: PointerEvent, who: Placed) => {
    if (e.button !== 0) return
    e.stopPropagation()
    const at = point(e)
    svg.current?.setPointerCapture(e.pointerId)
    setDrag({ user: who.user, you: who.you, from: at, ...at, moved: false, over: '' })
  }
  const onDown = (e: PointerEvent) => {
    if (e.button !== 0 || !p.view) return
    panning.current = { x: e.clientX, y: e.clientY, box }
  }
  const onMove = (e: PointerEvent) => {
    if (drag) {
      const at = point(e)
      const moved = drag.moved || Math.hypot(at.x - drag.from.x, at.y - drag.from.y) > 6
      setDrag({ ...drag, ...at, moved, over: moved ? roomAt(at.x, at.y) : '' })
    } else if (panning.current && e.buttons) {
      const k = box.w / (svg.current?.clientWidth ?? box.w)
      const { x, y, box: start } = panning.current
      if (Math.hypot(e.clientX - x, e.clientY - y) > 4) p.onView(pan(start, full, (x - e.clientX) * k, (y - e.clientY) * k))
    }
  }
  const onUp = (e: PointerEvent) => {
    panning.current = null
    if (!drag) return
    if (svg.current?.hasPointerCapture(e.pointerId)) svg.current.releasePointerCapture(e.pointerId)
    setDrag(null)
    if (!drag.moved) {
      const at = roomAt(drag.from.x, drag.from.y)
      if (at) p.onSelect(at)
    } else if (drag.over && drag.you) p.onGo(drag.over)
    else if (drag.over && drag.over === p.here) p.onGet(drag.user, drag.over)
  }
  const allowed = (id: string) => !!drag?.moved && drag.over === id && (drag.you ? id !== p.here : id === p.here)
  const people = p.rooms.flatMap((r) => r.people)
  const free = useMemo(() => (p.rooms.some((r) => r.shape === 'incident') ? null : freeSpace(p.rooms.map((r) => r.rect), p.width, p.height)), [p.rooms, p.width, p.height])

  return (
    <>
      <svg
        ref={svg}
        viewBox={`${box.x} ${box.y} ${box.w} ${box.h}`}
        className={cx(s.svg, panning.current && s.panning)}
        role="group"
        aria-label={`${p.name}, floor plan`}
        onPointerDown={onDown}
        onPointerMove={onMove}
        onPointerUp={onUp}
        onPointerCancel={() => {
          setDrag(null)
          panning.current = null
        }}
      >
        <defs>
          <pattern id="plan-dots" width="14" height="14" patternUnits="userSpaceOnUse">
            <circle cx="1" cy="1" r=".9" className={s.dot} />
          </pattern>
          <pattern id="plan-hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <path d="M0 0v7" className={s.hatchLine} />
          </pattern>
          <radialGradient id="plan-glow">
            <stop offset="0" stopColor="var(--red-fill)" stopOpacity=".17" />
            <stop offset="1" stopColor="var(--red-fill)" stopOpacity=".03" />
          </radialGradient>
          <clipPath id="plan-face">
            <circle cx="20" cy="20" r="20" />
          </clipPath>
        </defs>
        <rect x={-8} y={-8} width={p.width + 16} height={p.height + 16} rx="14" className={s.slab} />
        <rect x={-8} y={-8} width={p.width + 16} height={p.height + 16} rx="14" fill="url(#plan-dots)" pointerEvents="none" />
        {free && (
          <g aria-hidden="true" pointerEvents="none">
            <rect x={free.x} y={free.y} width={free.w} height={free.h} rx={9} className={s.free} />
            <text x={free.x + free.w / 2} y={free.y + free.h / 2} textAnchor="middle" className={s.freeText}>
              War rooms open here
            </text>
          </g>
        )}
        {p.rooms.map((r) => (
          <RoomShape
            key={r.id}
            r={r}
            grid={p.grid}
            now={minute}
            here={r.id === p.here}
            selected={r.id === p.selected}
            target={allowed(r.id)}
            tabStop={r.id === tabStop}
            onSelect={p.onSelect}
            onGo={p.onGo}
            onKey={onKey}
          />
        ))}
        {/* Beside the rooms, not in them: to a screen reader a room says who and what it is in whole words. */}
        <g aria-hidden="true" pointerEvents="none">
          {p.rooms.map((r) => (
            <RoomWords key={r.id} r={r} now={minute} />
          ))}
        </g>
        <g aria-hidden="true">
          {people.map((w) => (
            <Person key={w.user.id} w={w} found={p.spotlight === w.user.id} commander={p.commanders.has(w.user.id)} dragged={drag?.moved && drag.user.id === w.user.id ? drag : null} onDown={startDrag} />
          ))}
          {p.rooms.map((r) => r.run && <BotRing key={r.id} x={r.plan.bot.x} y={r.plan.bot.y} value={percent(r.run)} failed={r.run.progress.failed} />)}
        </g>
      </svg>
      {drag?.moved && (
        <div className={s.hint} role="status">
          {drag.you
            ? drag.over && drag.over !== p.here
              ? `Go to ${byId.get(drag.over)?.room?.name ?? 'this room'}`
              : 'Drop yourself on a room to go there'
            : drag.over === p.here
              ? `Get ${drag.user.display} to your room`
              : 'Drop on the room you are in to get them'}
        </div>
      )}
    </>
  )
}

const RoomShape = memo(
  ({ r, grid, now, here, selected, target, tabStop, onSelect, onGo, onKey }: { r: MapRoom; grid: number; now: number; here: boolean; selected: boolean; target: boolean; tabStop: boolean; onSelect: (id: string) => void; onGo: (id: string) => void; onKey: (e: KeyboardEvent, id: string) => void }) => {
    const { rect } = r
    const open = r.shape === 'team' || r.shape === 'lounge'
    // A resolved incident is shown calmly until it is closed.
    const sev = r.incident ? (resolved(r.incident) ? 4 : r.incident.severity) : undefined
    const locked = isLocked(r)
    const kind = !r.room ? (locked ? s.walled : s.free) : sev ? cx(s['sev' + sev]) : r.shape === 'lounge' ? s.soft : open ? '' : s.walled
    const body = (
      <>
        <rect x={rect.x} y={rect.y} width={rect.w} height={rect.h} rx={open && !sev ? 9 : 5} className={cx(s.floor, kind)} />
        {locked && !sev && <rect x={rect.x + 2} y={rect.y + 2} width={rect.w - 4} height={rect.h - 4} rx={4} fill="url(#plan-hatch)" pointerEvents="none" />}
        {sev === 1 && <rect x={rect.x + 2} y={rect.y + 2} width={rect.w - 4} height={rect.h - 4} rx={4} fill="url(#plan-glow)" className={s.glow} />}
        {!open && <Doors rect={rect} doors={r.doors} grid={grid} />}
        {(r.room || !locked) && <Furniture pieces={r.plan.pieces} seats={r.plan.seats} />}
      </>
    )
    if (!r.room) return <g aria-hidden="true">{body}</g>
    return (
      <g
        role="button"
        data-room={r.id}
        tabIndex={tabStop ? 0 : -1}
        aria-label={describe(r, now)}
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

const RoomWords = memo(({ r, now }: { r: MapRoom; now: number }) => (
  <>
    <Labels r={r} now={now} locked={isLocked(r)} />
    {r.more > 0 && <More x={r.rect.x + r.rect.w - 24} y={r.rect.y + r.rect.h - 20} n={r.more} />}
  </>
))
RoomWords.displayName = 'RoomWords'

function Labels({ r, now, locked }: { r: MapRoom; now: number; locked: boolean }) {
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
  if (r.incident) return <IncidentLabels i={r.incident} x={x} y={rect.y} w={rect.w} now={now} />
  // In a narrow room the lock stands in the corner below, so that the name has the whole line.
  const narrow = rect.w < 140
  const space = rect.w - (locked && !narrow ? 44 : 20) - (r.run && r.plan.bot.y < rect.y + 40 ? 36 : 0)
  return (
    <g>
      <text x={x} y={rect.y + 21} className={s.label}>
        {fit(room.name, space, 12.5)}
      </text>
      {locked && <Lock x={rect.x + rect.w - 24} y={narrow ? rect.y + rect.h - 22 : rect.y + 11} size={12} className={s.icon} />}
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

// The same quiet shapes the interface draws behind initials, here without an element per layer of markup.
const SHAPES = ['M0 40 40 0v40Z', 'M0 26c12-10 26 8 40-4v18H0Z', 'M40 0v40A40 40 0 0 1 0 0Z', 'M0 0h20v40H0Z', 'M20-2 42 20 20 42-2 20Z', 'M0 0h40v14C26 22 14 6 0 14Z', 'M0 40A40 40 0 0 1 40 0H0Z', 'M0 24h40v16H0Z']

const Person = memo(({ w, found, commander, dragged, onDown }: { w: Placed; found: boolean; commander: boolean; dragged: { x: number; y: number } | null; onDown: (e: PointerEvent, w: Placed) => void }) => {
  const { x, y } = dragged ?? w.seat
  const state = w.presence.state
  const letters = w.user.initials || w.user.display.slice(0, 2)
  return (
    <g className={cx(s.person, dragged && s.dragged)} style={{ transform: `translate(${x}px, ${y}px)`, '--hue': w.user.hue } as CSSProperties} onPointerDown={(e) => onDown(e, w)} data-person={w.user.id}>
      <title>{`${w.user.display}${w.user.team ? `, ${w.user.team}` : ''}`}</title>
      {found && <circle r={18} className={s.found2} />}
      {w.you && <circle r={16} className={s.you} />}
      <circle r={14.2} className={s.edge} />
      {w.user.kind === 'bot' ? (
        <path className={s.hex} d="M0-13 11-6.500v13L0 13-11 6.500v-13Z" />
      ) : (
        <g className={state === 'away' ? s.faded : undefined}>
          <svg x={-13} y={-13} width={26} height={26} viewBox="0 0 40 40">
            <g clipPath="url(#plan-face)">
              <rect className={s.ground} width="40" height="40" />
              <path className={s.shape} d={SHAPES[hash(w.user.id) % SHAPES.length]} />
            </g>
            <text className={s.initials} x="20" y="20.5" fontSize={letters.length > 1 ? 16 : 20}>
              {letters.slice(0, 2)}
            </text>
          </svg>
        </g>
      )}
      <PresenceMark state={state} />
      {commander && <path d="M-14-13l3.500 3.500L-7-14l3.500 4.500L0-13l-1.500 7h-11Z" transform="translate(7 -6)" className={s.roleMark} />}
      <text y={w.seat.label === 'above' ? -18 : 25} className={cx(s.name, w.you && s.nameYou)}>
        {w.name}
      </text>
    </g>
  )
})
Person.displayName = 'Person'

function PresenceMark({ state }: { state: Placed['presence']['state'] }) {
  const x = 10
  const y = 9
  if (state === 'away')
    return (
      <g>
        <circle cx={x} cy={y} r={5.5} className={s.presenceEdge} />
        <circle cx={x} cy={y} r={3.5} className={s.presenceAway} />
      </g>
    )
  if (state === 'busy' || state === 'dnd')
    return (
      <g>
        <circle cx={x} cy={y} r={6} className={s.presenceEdge} />
        <circle cx={x} cy={y} r={4.6} className={s.presenceBusy} />
        {state === 'dnd' && <rect x={x - 2.5} y={y - 0.9} width={5} height={1.8} rx={0.9} className={s.presenceBar} />}
      </g>
    )
  return (
    <g>
      <circle cx={x} cy={y} r={5.2} className={s.presenceEdge} />
      <circle cx={x} cy={y} r={3.6} className={s.presenceOn} />
    </g>
  )
}

const ROUND = 2 * Math.PI * 16
const BotRing = memo(({ x, y, value, failed }: { x: number; y: number; value: number; failed: number }) => (
  <g pointerEvents="none">
    <circle cx={x} cy={y} r={16} className={s.ringTrack} />
    <circle cx={x} cy={y} r={16} className={s.ringBar} strokeDasharray={`${(ROUND * Math.max(2, value)) / 100} ${ROUND}`} transform={`rotate(-90 ${x} ${y})`} />
    <svg x={x - 11} y={y - 11} width={22} height={22} viewBox="0 0 40 40">
      <path className={s.hex} d="M20 1.500 35.600 10.500v19L20 38.500 4.400 29.500v-19Z" />
      <path className={s.prompt} d="m14.500 13 7 7-7 7M23.500 27.500h4" />
    </svg>
    <text x={x} y={y + 28} className={s.ringText}>
      {value}%
    </text>
    {failed > 0 && (
      <text x={x} y={y + 40} className={cx(s.ringText, s.ringFail)}>
        {failed} failed
      </text>
    )}
  </g>
))
BotRing.displayName = 'BotRing'
