import { Lock } from 'lucide-react'
import { memo, useEffect, useMemo, useRef, useState, type KeyboardEvent, type PointerEvent, type ReactNode } from 'react'
import { cx } from '@/lib/cx'
import { Furniture, Doors } from '../Furniture'
import { pan, zoom, type Box } from '../model'
import { fit, gridOf, planRoom, type Rect as Px } from '../plan'
import { inWords, kindLabel, label, meeting, problems, type Doc, type Item } from './model'
import s from './edit.module.css'
import ms from '../map.module.css'

const PAD = 18
const scaled = (i: { x: number; y: number; w: number; h: number }, unit: number): Px => ({ x: i.x * unit, y: i.y * unit, w: i.w * unit, h: i.h * unit })
/** All of a plan, as it is drawn. */
export const whole = (doc: Doc): Box => ({ x: -PAD, y: -PAD, w: doc.width * gridOf(doc.width) + 2 * PAD, h: doc.height * gridOf(doc.width) + 2 * PAD })

export type Grip = { left?: true; top?: true; right?: true; bottom?: true }
const GRIPS: { id: string; at: [number, number]; grip: Grip }[] = [
  { id: 'nw', at: [0, 0], grip: { left: true, top: true } },
  { id: 'n', at: [0.5, 0], grip: { top: true } },
  { id: 'ne', at: [1, 0], grip: { right: true, top: true } },
  { id: 'e', at: [1, 0.5], grip: { right: true } },
  { id: 'se', at: [1, 1], grip: { right: true, bottom: true } },
  { id: 's', at: [0.5, 1], grip: { bottom: true } },
  { id: 'sw', at: [0, 1], grip: { left: true, bottom: true } },
  { id: 'w', at: [0, 0.5], grip: { left: true } },
]

export type CanvasProps = {
  name: string
  doc: Doc
  selected: string
  view: Box | null
  onView: (v: Box | null) => void
  onSelect: (key: string) => void
  /** A gesture begins, goes on and ends; cancelled, everything is as it was. */
  onGesture: (what: 'begin' | 'cancel' | 'end') => void
  onMove: (key: string, x: number, y: number) => void
  onResize: (key: string, to: { left?: number; top?: number; right?: number; bottom?: number }) => void
  onDoor: (key: string, n: number, at: number) => void
  onKey: (e: KeyboardEvent, key: string) => void
  /** Said below the plan. */
  children?: ReactNode
}

type Gesture = { pointer: number; key: string; moved: boolean; from: { x: number; y: number } } & ({ kind: 'move'; dx: number; dy: number } | { kind: 'size'; grip: Grip } | { kind: 'door'; n: number })

/** The floor on a grid. What the pointer does here, keys do on the room that has the focus. */
export function Canvas(p: CanvasProps) {
  const { doc } = p
  const svg = useRef<SVGSVGElement>(null)
  const unit = gridOf(doc.width)
  const px = (i: { x: number; y: number; w: number; h: number }) => scaled(i, unit)
  const full = useMemo(() => whole(doc), [doc])
  const box = p.view ?? full
  const [gesture, setGesture] = useState<Gesture | null>(null)
  const panning = useRef<{ x: number; y: number; box: Box } | null>(null)
  const wrong = useMemo(() => problems(doc), [doc])
  const bad = useMemo(() => new Set(wrong.flatMap((w) => w.keys)), [wrong])
  const byKey = useMemo(() => new Map(doc.items.map((i) => [i.key, i])), [doc])
  const over = wrong.flatMap((w) => {
    const [a, b] = [byKey.get(w.keys[0] ?? ''), byKey.get(w.keys[1] ?? '')]
    if (!a || !b) return []
    const m = meeting(a, b)
    return m.w > 0 && m.h > 0 ? [{ id: w.keys.join(), ...px(m) }] : []
  })
  const chosen = byKey.get(p.selected)
  const stop = chosen ? p.selected : (doc.items[0]?.key ?? '')

  const point = (e: { clientX: number; clientY: number }) => {
    const m = svg.current?.getScreenCTM()
    if (!m) return { x: 0, y: 0 }
    const q = new DOMPoint(e.clientX, e.clientY).matrixTransform(m.inverse())
    return { x: q.x / unit, y: q.y / unit }
  }
  const start = (e: PointerEvent, g: { kind: 'move'; key: string; dx: number; dy: number } | { kind: 'size'; key: string; grip: Grip } | { kind: 'door'; key: string; n: number }) => {
    e.stopPropagation()
    svg.current?.setPointerCapture(e.pointerId)
    p.onGesture('begin')
    setGesture({ ...g, pointer: e.pointerId, moved: false, from: point(e) } as Gesture)
  }
  const grab = (e: PointerEvent, i: Item) => {
    if (e.button !== 0) return
    p.onSelect(i.key)
    const at = point(e)
    start(e, { kind: 'move', key: i.key, dx: at.x - i.x, dy: at.y - i.y })
  }
  const onMove = (e: PointerEvent) => {
    if (panning.current && e.buttons) {
      const k = box.w / (svg.current?.clientWidth ?? box.w)
      const { x, y, box: was } = panning.current
      p.onView(pan(was, full, (x - e.clientX) * k, (y - e.clientY) * k))
      return
    }
    if (!gesture || e.pointerId !== gesture.pointer) return
    const at = point(e)
    // A press that trembles is a press.
    if (!gesture.moved && Math.hypot(at.x - gesture.from.x, at.y - gesture.from.y) < 0.5) return
    if (!gesture.moved) setGesture({ ...gesture, moved: true })
    const i = byKey.get(gesture.key)
    if (!i) return
    if (gesture.kind === 'move') p.onMove(gesture.key, at.x - gesture.dx, at.y - gesture.dy)
    else if (gesture.kind === 'door') {
      const side = i.doors[gesture.n]?.side
      p.onDoor(gesture.key, gesture.n, Math.round((side === 'n' || side === 's' ? at.x - i.x : at.y - i.y) - 1))
    } else p.onResize(gesture.key, { ...(gesture.grip.left && { left: at.x }), ...(gesture.grip.right && { right: at.x }), ...(gesture.grip.top && { top: at.y }), ...(gesture.grip.bottom && { bottom: at.y }) })
  }
  const end = (what: 'end' | 'cancel') => {
    panning.current = null
    if (!gesture) return
    if (svg.current?.hasPointerCapture(gesture.pointer)) svg.current.releasePointerCapture(gesture.pointer)
    setGesture(null)
    p.onGesture(what)
  }

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
      const m = el.getScreenCTM()
      if (!m) return
      e.preventDefault()
      const at = new DOMPoint(e.clientX, e.clientY).matrixTransform(m.inverse())
      const to = zoom(b, f, Math.exp(-e.deltaY / (e.ctrlKey ? 120 : 420)), at.x, at.y)
      onView(to.w >= f.w - 1 ? null : to)
    }
    el.addEventListener('wheel', onWheel, { passive: false })
    return () => el.removeEventListener('wheel', onWheel)
  }, [])

  return (
    <div className={s.canvas}>
      <svg
        ref={svg}
        className={cx(s.svg, gesture?.moved && s.moving)}
        viewBox={`${box.x} ${box.y} ${box.w} ${box.h}`}
        role="application"
        aria-label={`${p.name}, floor plan to edit`}
        aria-describedby="edit-keys"
        onPointerDown={(e) => {
          if (e.button !== 0) return
          p.onSelect('')
          if (p.view) panning.current = { x: e.clientX, y: e.clientY, box }
        }}
        onPointerMove={onMove}
        onPointerUp={() => end('end')}
        onPointerCancel={() => end('cancel')}
        onKeyDown={(e) => {
          if (e.key === 'Escape' && gesture) {
            e.stopPropagation()
            end('cancel')
          }
        }}
      >
        <defs>
          <pattern id="edit-grid" width={unit} height={unit} patternUnits="userSpaceOnUse">
            <path d={`M${unit} 0H0V${unit}`} className={s.gridFine} />
          </pattern>
          <pattern id="edit-grid-10" width={unit * 10} height={unit * 10} patternUnits="userSpaceOnUse">
            <path d={`M${unit * 10} 0H0V${unit * 10}`} className={s.gridCoarse} />
          </pattern>
          <pattern id="edit-over" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <path d="M0 0v8" className={s.overLine} />
          </pattern>
        </defs>
        <rect x={-6} y={-6} width={doc.width * unit + 12} height={doc.height * unit + 12} rx={12} className={ms.slab} />
        <rect width={doc.width * unit} height={doc.height * unit} fill="url(#edit-grid)" pointerEvents="none" />
        <rect width={doc.width * unit} height={doc.height * unit} fill="url(#edit-grid-10)" pointerEvents="none" />
        {doc.items.map((i) => (
          <ItemShape key={i.key} i={i} unit={unit} words={inWords(doc, i.key)} bad={bad.has(i.key)} selected={i.key === p.selected} stop={i.key === stop} onGrab={grab} onSelect={p.onSelect} onKey={p.onKey} />
        ))}
        <g aria-hidden="true" pointerEvents="none">
          {doc.items.map((i) => (
            <ItemWords key={i.key} i={i} unit={unit} name={label(doc, i)} />
          ))}
        </g>
        {over.map((o) => (
          <rect key={o.id} x={o.x} y={o.y} width={o.w} height={o.h} fill="url(#edit-over)" className={s.over} />
        ))}
        {chosen && (
          <g aria-hidden="true">
            <rect {...size(px(chosen))} rx={5} className={s.frame} />
            {chosen.doors.map((d, n) => {
              const r = px(chosen)
              const along = d.side === 'n' || d.side === 's'
              return (
                <rect
                  key={n}
                  className={s.doorGrip}
                  x={along ? r.x + d.at * unit : (d.side === 'w' ? r.x : r.x + r.w) - 5}
                  y={along ? (d.side === 'n' ? r.y : r.y + r.h) - 5 : r.y + d.at * unit}
                  width={along ? 26 : 10}
                  height={along ? 10 : 26}
                  rx={4}
                  onPointerDown={(e) => e.button === 0 && start(e, { kind: 'door', key: chosen.key, n })}
                />
              )
            })}
            {GRIPS.map((g) => {
              const r = px(chosen)
              const k = box.w / full.w
              const side = Math.max(8, 12 * k)
              return <rect key={g.id} className={cx(s.grip, s['grip_' + g.id])} x={r.x + r.w * g.at[0] - side / 2} y={r.y + r.h * g.at[1] - side / 2} width={side} height={side} rx={2.5} onPointerDown={(e) => e.button === 0 && start(e, { kind: 'size', key: chosen.key, grip: g.grip })} />
            })}
          </g>
        )}
      </svg>
      {p.children}
    </div>
  )
}
const size = (r: Px) => ({ x: r.x, y: r.y, width: r.w, height: r.h })

const ItemShape = memo(({ i, unit, words, bad, selected, stop, onGrab, onSelect, onKey }: { i: Item; unit: number; words: string; bad: boolean; selected: boolean; stop: boolean; onGrab: (e: PointerEvent, i: Item) => void; onSelect: (key: string) => void; onKey: (e: KeyboardEvent, key: string) => void }) => {
  const r = scaled(i, unit)
  const plan = useMemo(() => planRoom({ x: 0, y: 0, w: i.w * unit, h: i.h * unit }, i.kind, i.seats, i.type === 'slot' ? 44 : 30), [i.w, i.h, i.kind, i.seats, i.type, unit])
  const open = i.kind === 'team' || i.kind === 'lounge' || i.kind === 'lobby'
  return (
    <g
      role="button"
      data-item={i.key}
      tabIndex={stop ? 0 : -1}
      aria-label={`${words.replace(/^[^,]+/, (n) => `${n}, ${i.type === 'slot' ? 'place for a war room' : kindLabel(i.kind).toLowerCase()}`)}${i.type === 'room' ? ` ${i.seats} seats.` : ''}`}
      aria-pressed={selected}
      className={cx(s.item, bad && s.bad, selected && s.selected)}
      onPointerDown={(e) => onGrab(e, i)}
      onFocus={() => onSelect(i.key)}
      onKeyDown={(e) => onKey(e, i.key)}
    >
      <rect {...size(r)} rx={open ? 9 : 5} className={cx(ms.floor, i.type === 'slot' ? s.slot : i.kind === 'lounge' || i.kind === 'lobby' ? ms.soft : open ? '' : ms.walled, s.body)} />
      <g transform={`translate(${r.x} ${r.y})`} className={cx(i.type === 'slot' && s.ghost)}>
        <Furniture pieces={plan.pieces} seats={plan.seats} />
      </g>
      <Doors rect={r} doors={i.doors} grid={unit} />
    </g>
  )
})
ItemShape.displayName = 'ItemShape'

/** Beside the shapes, not in them: to a screen reader a shape says what it is in whole words. */
const ItemWords = memo(({ i, unit, name }: { i: Item; unit: number; name: string }) => {
  const r = scaled(i, unit)
  return (
    <>
      <text x={r.x + 12} y={r.y + 21} className={ms.label}>
        {fit(name, r.w - 20, 12.5)}
      </text>
      {i.id !== '' && i.name === '' && <Lock x={r.x + r.w - 24} y={r.y + 11} size={12} className={ms.icon} />}
      {i.type === 'slot' && r.h > 60 && (
        <text x={r.x + 12} y={r.y + 37} className={s.note}>
          {fit('A war room opens here', r.w - 20, 11)}
        </text>
      )}
    </>
  )
})
ItemWords.displayName = 'ItemWords'
