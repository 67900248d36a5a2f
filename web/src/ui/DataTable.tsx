import type { ReactNode } from 'react'
import { cx } from '@/lib/cx'
import s from './DataTable.module.css'

export type Column<T> = {
  key: string
  head: ReactNode
  cell: (row: T) => ReactNode
  /** Right-aligned figures. */
  num?: boolean
  /** Left out at phone width. */
  wide?: boolean
  /** Takes what width is left. */
  fill?: boolean
}
/** A small table. Rows that open something are links inside a cell; `onRow` only widens the target. */
export function DataTable<T>({
  label,
  columns,
  rows,
  rowKey,
  onRow,
  empty,
}: {
  label: string
  columns: Column<T>[]
  rows: readonly T[]
  rowKey: (row: T) => string
  onRow?: (row: T) => void
  empty?: ReactNode
}) {
  if (!rows.length && empty) return <>{empty}</>
  return (
    <div className={s.wrap} role="region" aria-label={label} tabIndex={0}>
      <table className={s.table}>
        <thead>
          <tr>
            {columns.map((c) => (
              <th key={c.key} scope="col" className={cx(c.num && s.num, c.wide && s.wide, c.fill && s.fill)}>
                {c.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((r) => (
            <tr
              key={rowKey(r)}
              className={onRow && s.link}
              onClick={
                onRow &&
                ((e) => {
                  if (!(e.target as HTMLElement).closest('a,button,input,select,label')) onRow(r)
                })
              }
            >
              {columns.map((c) => (
                <td key={c.key} className={cx(c.num && s.num, c.wide && s.wide, c.fill && s.fill)}>
                  {c.cell(r)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
