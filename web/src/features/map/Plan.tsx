import { useEffect, useLayoutEffect, useMemo, useRef, useState, type CSSProperties, type KeyboardEvent, type PointerEvent } from 'react'
import type { FloorSlot, User } from '@/api'
import { cx } from '@/lib/cx'
import { useEvent, useNow } from '@/lib/hooks'
import { CAMERA, HAND, SHARES, SPEAKING, type Media } from './media'
import { Minimap } from './Minimap'
import { faceScale, focusOn, leastUnits, LETTERS, neighbour, pan, percent, typeAhead, rectOf, STILL, TERSE, zoom, type Box, type Direction, type MapRoom, type Placed } from './model'
import { fit } from './plan'
import { BotRing, Person } from './PlanPerson'
import { RoomShape, RoomWords } from './PlanRoom'
import s from './map.module.css'

const PAD = 14
const ARROWS: Record<string, Direction> = { ArrowLeft: 'left', ArrowRight: 'right', ArrowUp: 'up', ArrowDown: 'down' }

export type PlanProps = {
  name: string
  width: number
  height: number
  grid: number
  rooms: MapRoom[]
  /** Places for war rooms that no incident has taken. */
  slots: FloorSlot[]
  selected: string
  here: string
  /** A person looked for: ringed, and brought into view. */
  spotlight: string
  commanders: ReadonlySet<string>
  media: Media
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
  const fingers = useRef(new Map<number, { x: number; y: number }>())
  const pinch = useRef<{ x: number; y: number; far: number; box: Box } | null>(null)
  const typed = useRef({ text: '', at: 0 })
  const minute = useNow('minute')
  const byId = useMemo(() => new Map(p.rooms.map((r) => [r.id, r])), [p.rooms])
  const tabStop = byId.has(p.selected) ? p.selected : (p.rooms.find((r) => r.room)?.id ?? '')

  // How large a unit of the floor is on the screen: letters are drawn against it, and the floor refits when a panel opens.
  const [size, setSize] = useState({ w: 0, h: 0 })
  useLayoutEffect(() => {
    const el = svg.current
    if (!el || typeof ResizeObserver === 'undefined') return
    const look = () => setSize((was) => (was.w === el.clientWidth && was.h === el.clientHeight ? was : { w: el.clientWidth, h: el.clientHeight }))
    const eye = new ResizeObserver(look)
    eye.observe(el)
    look()
    return () => eye.disconnect()
  }, [])
  const least = leastUnits(size.w ? Math.min(size.w / box.w, size.h / box.h) : 1)
  const face = faceScale(least)

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
      e.preventDefault()
      if ((e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) && !e.ctrlKey && !e.metaKey) {
        const k = b.w / el.clientWidth
        if (b.w < f.w - 1) onView(pan(b, f, (e.deltaX || e.deltaY) * k, 0))
        return
      }
      const m = el.getScreenCTM()
      if (!m) return
      const at = new DOMPoint(e.clientX, e.clientY).matrixTransform(m.inverse())
      // A pinch comes as a wheel with Ctrl, in small steps.
      const next = zoom(b, f, Math.exp(-e.deltaY / (e.ctrlKey ? 120 : 420)), at.x, at.y)
      onView(next.w >= f.w - 1 ? null : next)
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
  const nudge = (factor: number) => {
    const next = zoom(box, full, factor, box.x + box.w / 2, box.y + box.h / 2)
    p.onView(next.w >= full.w - 1 ? null : next)
  }
  const onKey = useEvent((e: KeyboardEvent, id: string) => {
    const dir = ARROWS[e.key]
    if (dir && e.shiftKey) {
      e.preventDefault()
      const far = box.w / 8
      p.onView(pan(box, full, dir === 'left' ? -far : dir === 'right' ? far : 0, dir === 'up' ? -far : dir === 'down' ? far : 0))
    } else if (e.key === '+' || e.key === '-') {
      e.preventDefault()
      nudge(e.key === '+' ? 1.4 : 1 / 1.4)
    } else if (e.key === 'Escape' && p.view) {
      e.preventDefault()
      p.onView(null)
    } else if (dir) {
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
  })
  const onSelect = useEvent(p.onSelect)
  const onGo = useEvent(p.onGo)

  const startDrag = useEvent((e: PointerEvent, who: Placed) => {
    if (e.button !== 0 || fingers.current.size > 1) return
    e.stopPropagation()
    fingers.current.set(e.pointerId, { x: e.clientX, y: e.clientY })
    const at = point(e)
    svg.current?.setPointerCapture(e.pointerId)
    setDrag({ user: who.user, you: who.you, from: at, ...at, moved: false, over: '' })
  })
  const onDown = (e: PointerEvent) => {
    if (e.button !== 0) return
    fingers.current.set(e.pointerId, { x: e.clientX, y: e.clientY })
    if (fingers.current.size === 2) {
      // A second finger: what began with the first was a pinch.
      setDrag(null)
      panning.current = null
      pinch.current = { ...spread(fingers.current), box }
    } else if (p.view) panning.current = { x: e.clientX, y: e.clientY, box }
  }
  const onMove = (e: PointerEvent) => {
    if (fingers.current.has(e.pointerId)) fingers.current.set(e.pointerId, { x: e.clientX, y: e.clientY })
    if (pinch.current && fingers.current.size >= 2) {
      const now = spread(fingers.current)
      const { box: was, far, x, y } = pinch.current
      const el = svg.current
      if (!el) return
      const area = el.getBoundingClientRect()
      const k = Math.max(was.w / area.width, was.h / area.height)
      // The point between the fingers stays between them.
      const cx = was.x + was.w / 2 + (x - area.left - area.width / 2) * k
      const cy = was.y + was.h / 2 + (y - area.top - area.height / 2) * k
      const next = zoom(was, full, now.far / Math.max(1, far), cx, cy)
      const moved = pan(next, full, ((x - now.x) * k * next.w) / was.w, ((y - now.y) * k * next.w) / was.w)
      p.onView(moved.w >= full.w - 1 ? null : moved)
      return
    }
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
  const lift = (e: PointerEvent) => {
    fingers.current.delete(e.pointerId)
    if (fingers.current.size < 2) pinch.current = null
    panning.current = null
  }
  const onUp = (e: PointerEvent) => {
    lift(e)
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
  // What lies outside the view is not drawn.
  const near = p.view ? p.rooms.filter((r) => r.rect.x < box.x + box.w + PAD && r.rect.x + r.rect.w > box.x - PAD && r.rect.y < box.y + box.h + PAD && r.rect.y + r.rect.h > box.y - PAD) : p.rooms
  // In an order that nobody's walk changes: else the browser takes out and puts back everybody between.
  const people = near.flatMap((r) => r.people).sort((a, b) => (a.user.id < b.user.id ? -1 : 1))
  const terse = people.length > TERSE || LETTERS * face < least - 0.5

  return (
    <>
      <svg
        ref={svg}
        viewBox={`${box.x} ${box.y} ${box.w} ${box.h}`}
        className={cx(s.svg, panning.current && s.panning, people.length > STILL && s.still)}
        style={{ '--least': `${least}px` } as CSSProperties}
        role="group"
        aria-label={`${p.name}, floor plan`}
        onPointerDown={onDown}
        onPointerMove={onMove}
        onPointerUp={onUp}
        onPointerCancel={(e) => {
          setDrag(null)
          lift(e)
        }}
        onPointerLeave={(e) => !drag && lift(e)}
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
        {p.slots.map((slot, n) => {
          const r = rectOf(slot, p.grid)
          return (
            <g key={n} aria-hidden="true" pointerEvents="none">
              {/* A thin strip: nothing is there yet, and the place for it is not the first thing to see. */}
              <rect x={r.x} y={r.y} width={r.w} height={Math.min(r.h, Math.max(12, least) * 2.2)} rx={7} className={s.free} />
              <text x={r.x + r.w / 2} y={r.y + Math.min(r.h, Math.max(12, least) * 2.2) / 2 + Math.max(12, least) * 0.35} textAnchor="middle" className={s.freeText}>
                {fit('War room, free', r.w - 12, Math.max(12, least))}
              </text>
            </g>
          )
        })}
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
            marks={callInWords(r, p.media)}
            onSelect={onSelect}
            onGo={onGo}
            onKey={onKey}
          />
        ))}
        {/* Beside the rooms, not in them: to a screen reader a room says who and what it is in whole words. */}
        <g aria-hidden="true" pointerEvents="none">
          {p.rooms.map((r) => (
            <RoomWords key={r.id} r={r} now={minute} least={least} call={p.media.rooms.get(r.id)?.count ?? 0} speaking={p.media.rooms.get(r.id)?.speaking ?? 0} />
          ))}
        </g>
        <g aria-hidden="true">
          {people.map((w) => (
            <Person key={w.user.id} w={w} terse={terse && !w.you && p.spotlight !== w.user.id} marks={p.media.people.get(w.user.id) ?? 0} found={p.spotlight === w.user.id} commander={p.commanders.has(w.user.id)} least={least} face={face} dragged={drag?.moved && drag.user.id === w.user.id ? drag : null} onDown={startDrag} />
          ))}
          {p.rooms.map((r) => r.run && <BotRing key={r.id} least={least} x={r.plan.bot.x} y={r.plan.bot.y} value={percent(r.run)} failed={r.run.progress.failed} runs={r.runs} />)}
        </g>
      </svg>
      {p.view && <Minimap rooms={p.rooms} full={full} box={box} onView={p.onView} />}
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

/** Between two fingers: their middle, and how far they are apart. */
function spread(fingers: ReadonlyMap<number, { x: number; y: number }>): { x: number; y: number; far: number } {
  const [a, b] = [...fingers.values()]
  if (!a || !b) return { x: 0, y: 0, far: 1 }
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, far: Math.hypot(a.x - b.x, a.y - b.y) }
}

/** A room's call for who cannot see the rings: how many are in it, and who speaks, shares or raised a hand. */
function callInWords(r: MapRoom, media: Media): string {
  const call = media.rooms.get(r.id)
  if (!call) return ''
  const of = (bit: number, says: string) => {
    const names = r.people.filter((w) => (media.people.get(w.user.id) ?? 0) & bit).map((w) => w.name)
    return names.length ? `, ${names.slice(0, 4).join(' and ')} ${says}` : ''
  }
  return `${call.count} in call${call.recording ? ', recorded' : ''}${of(SPEAKING, 'speaking')}${of(SHARES, 'sharing')}${of(CAMERA, 'on camera')}${of(HAND, 'with a hand up')}`
}
