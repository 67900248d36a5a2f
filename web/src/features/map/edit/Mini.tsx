import { cx } from '@/lib/cx'
import { fromLayout, type Doc } from './model'
import type { FloorLayout } from '@/api'
import s from './edit.module.css'

/** A plan so small that only its rooms are told apart. Without a label it is decoration. */
export function Mini({ doc, label }: { doc: Doc; label?: string }) {
  return (
    <svg className={s.mini} viewBox={`-1 -1 ${doc.width + 2} ${doc.height + 2}`} {...(label ? { role: 'img', 'aria-label': label } : { 'aria-hidden': true })} preserveAspectRatio="xMidYMid meet">
      <rect x={0} y={0} width={doc.width} height={doc.height} rx={2} className={s.miniSlab} />
      {doc.items.map((i) => (
        <g key={i.key}>
          <rect x={i.x} y={i.y} width={i.w} height={i.h} rx={1} className={cx(s.miniRoom, i.type === 'slot' ? s.miniSlot : s['mini_' + i.kind])} />
        </g>
      ))}
    </svg>
  )
}
export const MiniLayout = ({ layout, label }: { layout: FloorLayout; label?: string }) => <Mini doc={fromLayout(layout)} label={label} />
