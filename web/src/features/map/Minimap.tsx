import { useRef, type PointerEvent } from 'react'
import { cx } from '@/lib/cx'
import { pan, resolved, type Box, type MapRoom } from './model'
import s from './map.module.css'

const shape = (r: MapRoom) => cx(s.miniRoom, r.incident && !resolved(r.incident) ? s['miniSev' + r.incident.severity] : r.people.some((w) => w.you) ? s.miniHere : r.present.length > 0 && s.miniFull)

/** The floor beside the list of its rooms: where they lie. A click chooses a room; who goes by key has the list. */
export const MiniPlan = ({ rooms, full, onPick }: { rooms: MapRoom[]; full: Box; onPick: (id: string) => void }) => (
  <div className={s.miniPlan} aria-hidden="true">
    <svg viewBox={`${full.x} ${full.y} ${full.w} ${full.h}`}>
      <rect x={full.x + 4} y={full.y + 4} width={full.w - 8} height={full.h - 8} rx={16} className={s.slab} />
      {rooms.map((r) => (
        <rect key={r.id} x={r.rect.x} y={r.rect.y} width={r.rect.w} height={r.rect.h} rx={10} className={cx(shape(r), r.room && s.miniPick)} onClick={r.room ? () => onPick(r.id) : undefined}>
          {r.room && <title>{r.incident ? `${r.incident.ticket} ${r.incident.title}` : r.room.name}</title>}
        </rect>
      ))}
    </svg>
  </div>
)

/** The whole floor in a corner while a part of it is looked at. For the pointer only: keys move from room to room and
 * bring what they reach into view, so it tells a screen reader nothing. */
export function Minimap({ rooms, full, box, onView }: { rooms: MapRoom[]; full: Box; box: Box; onView: (v: Box) => void }) {
  const svg = useRef<SVGSVGElement>(null)
  const to = (e: PointerEvent) => {
    const m = svg.current?.getScreenCTM()
    if (!m) return
    const at = new DOMPoint(e.clientX, e.clientY).matrixTransform(m.inverse())
    onView(pan(box, full, at.x - box.x - box.w / 2, at.y - box.y - box.h / 2))
  }
  return (
    <div className={s.minimap} aria-hidden="true">
      <svg
        ref={svg}
        viewBox={`${full.x} ${full.y} ${full.w} ${full.h}`}
        onPointerDown={(e) => {
          e.currentTarget.setPointerCapture(e.pointerId)
          to(e)
        }}
        onPointerMove={(e) => e.buttons && to(e)}
      >
        {rooms.map((r) => (
          <rect
            key={r.id}
            x={r.rect.x}
            y={r.rect.y}
            width={r.rect.w}
            height={r.rect.h}
            rx={8}
            className={shape(r)}
          />
        ))}
        <rect x={box.x} y={box.y} width={box.w} height={box.h} rx={10} className={s.miniView} strokeWidth={full.w / 80} />
      </svg>
    </div>
  )
}
