import type { ReactNode } from 'react'
import { cx } from '@/lib/cx'
import s from './Page.module.css'

/** The frame of a screen: title row with actions, optional tabs, a scrolling body. */
export function Page({
  title,
  icon,
  subtitle,
  actions,
  children,
  wide,
  flush,
}: {
  title: ReactNode
  icon?: ReactNode
  subtitle?: ReactNode
  actions?: ReactNode
  children: ReactNode
  /** Use the whole width instead of a reading column. */
  wide?: boolean
  /** No padding: the body brings its own. */
  flush?: boolean
}) {
  return (
    <div className={s.page}>
      <header className={s.head}>
        <h1>
          {icon}
          <span>{title}</span>
        </h1>
        {subtitle && <span className={s.sub}>{subtitle}</span>}
        <span className="grow" />
        {actions}
      </header>
      <div className={cx(s.body, flush && s.flush)} tabIndex={-1}>
        {flush || wide ? children : <div className={s.column}>{children}</div>}
      </div>
    </div>
  )
}
/** A bordered box on a page. */
export const Box = ({ title, actions, children, className }: { title?: ReactNode; actions?: ReactNode; children: ReactNode; className?: string }) => (
  <section className={cx(s.box, className)}>
    {(title || actions) && (
      <header className={s.boxHead}>
        <h2>{title}</h2>
        <span className="grow" />
        {actions}
      </header>
    )}
    {children}
  </section>
)
