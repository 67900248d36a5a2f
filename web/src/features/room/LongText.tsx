import { useState, type CSSProperties, type ReactNode } from 'react'
import { cx } from '@/lib/cx'
import { FOLD_TO, isLong } from './model'
import s from './timeline.module.css'

/** A text so long that it would hide the talk shows its beginning. `fold`: always only so many lines. */
export function LongText({ text, fold, children }: { text: string; fold?: number; children: ReactNode }) {
  const [all, setAll] = useState(false)
  const long = fold ? text.length > fold * 90 || text.split('\n').length > fold : isLong(text)
  if (!long) return children
  return (
    <>
      <div className={cx(!all && s.folded)} style={{ '--lines': fold ?? FOLD_TO } as CSSProperties}>
        {children}
      </div>
      <button type="button" className={s.moreText} aria-expanded={all} onClick={() => setAll(!all)}>
        {all ? 'Show less' : fold ? 'Show all' : `Show more (${text.split('\n').length.toLocaleString('en-GB')} lines)`}
      </button>
    </>
  )
}
