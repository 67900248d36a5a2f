import { memo } from 'react'
import { doorPaths, type Door, type Piece, type Rect, type Seat } from './plan'
import s from './map.module.css'

/** Desks, tables, chairs and plants of one room. Decoration: says nothing to a screen reader. */
export const Furniture = memo(({ pieces, seats }: { pieces: Piece[]; seats: Seat[] }) => (
  <g className={s.furniture} aria-hidden="true">
    {seats.map((p, i) => (
      <circle key={i} cx={p.x} cy={p.y} r={7} className={s.chair} />
    ))}
    {pieces.map((p, i) => (
      <PieceView key={i} p={p} />
    ))}
  </g>
))
Furniture.displayName = 'Furniture'

function PieceView({ p }: { p: Piece }) {
  switch (p.kind) {
    case 'desk': {
      const mid = p.x + p.w / 2
      const up = p.face === 'up'
      return (
        <g>
          <rect x={p.x} y={p.y} width={p.w} height={17} rx={2.5} className={s.desk} />
          <rect x={mid - 8} y={up ? p.y + 12.5 : p.y + 1.5} width={16} height={3} rx={1.5} className={s.monitor} />
          <rect x={mid - 6} y={up ? p.y + 4.5 : p.y + 9} width={12} height={3.5} rx={1} className={s.keys} />
        </g>
      )
    }
    case 'table':
      return <rect x={p.x} y={p.y} width={p.w} height={p.h} rx={p.r} className={s.table} />
    case 'oval':
      return <ellipse cx={p.x} cy={p.y} rx={p.rx} ry={p.ry} className={s.table} />
    case 'screen':
      return (
        <g>
          <rect x={p.x} y={p.y} width={p.w} height={p.h} rx={3} className={s.screen} />
          <path d={`M${p.x + p.w / 2 - 22} ${p.y + p.h - 7}l8-3 6 1 8-10 7 2 6-6 9-1`} className={s.trace} />
        </g>
      )
    case 'sofa':
      return <path d={`M${p.x} ${p.y}v${p.h - 8}a8 8 0 0 0 8 8h${p.w - 8}`} className={s.sofa} />
    case 'bar':
      return (
        <g>
          <rect x={p.x} y={p.y} width={p.w} height={16} rx={4} className={s.desk} />
          <path d={`M${p.x + 14} ${p.y + 5}h8v4a3 3 0 0 1-3 3h-2a3 3 0 0 1-3-3zM${p.x + 22} ${p.y + 6}h1.500a1.600 1.600 0 0 1 0 3.200h-1.500`} className={s.cup} />
        </g>
      )
    case 'wall':
      return <path d={`M${p.x} ${p.y}v${p.h}`} className={s.partition} />
    case 'plant':
      return (
        <g className={s.plant}>
          {[0, 60, 120, 180, 240, 300].map((a) => (
            <ellipse key={a} cx={p.x} cy={p.y - p.r * 0.55} rx={p.r * 0.32} ry={p.r * 0.6} transform={`rotate(${a} ${p.x} ${p.y})`} />
          ))}
          <circle cx={p.x} cy={p.y} r={p.r * 0.28} />
        </g>
      )
  }
}

/** Doors as their room has them: an open one stands open, a closed one lies in its wall, a locked one has its bolt. */
export const Doors = memo(({ rect, doors, grid, state = 'open' }: { rect: Rect; doors: Door[]; grid: number; state?: 'open' | 'closed' | 'locked' }) => (
  <g aria-hidden="true">
    {doors.map((d, i) => {
      const { gap, swing, bolt } = doorPaths(rect, d, grid)
      return (
        <g key={i}>
          <path d={gap} className={s.gap} />
          {state === 'open' ? <path d={swing} className={s.swing} /> : <path d={gap} className={s.leaf} />}
          {state === 'locked' && <circle cx={bolt.x} cy={bolt.y} r={4.2} className={s.bolt} />}
        </g>
      )
    })}
  </g>
))
Doors.displayName = 'Doors'
