import { useRef, type ReactNode } from 'react'
import { cx } from '@/lib/cx'
import s from './Tabs.module.css'

export type Tab<T extends string = string> = { id: T; label: ReactNode; count?: number; icon?: ReactNode }

/** Tabs over one place. Arrow keys move, as the pattern asks; the panel is the caller's (TabPanel). */
export function Tabs<T extends string>({ tabs, value, onChange, label, idBase = 'tab' }: { tabs: Tab<T>[]; value: T; onChange: (id: T) => void; label: string; idBase?: string }) {
  const box = useRef<HTMLDivElement>(null)
  const move = (by: number) => {
    const i = tabs.findIndex((t) => t.id === value)
    const next = tabs[(i + by + tabs.length) % tabs.length]
    if (!next) return
    onChange(next.id)
    box.current?.querySelector<HTMLElement>(`[data-tab="${next.id}"]`)?.focus()
  }
  return (
    <div
      ref={box}
      className={s.tabs}
      role="tablist"
      aria-label={label}
      onKeyDown={(e) => {
        if (e.key === 'ArrowRight') move(1)
        else if (e.key === 'ArrowLeft') move(-1)
        else return
        e.preventDefault()
      }}
    >
      {tabs.map((t) => (
        <button
          key={t.id}
          type="button"
          role="tab"
          id={`${idBase}-${t.id}`}
          data-tab={t.id}
          aria-selected={t.id === value}
          aria-controls={t.id === value ? `${idBase}-panel-${t.id}` : undefined}
          tabIndex={t.id === value ? 0 : -1}
          className={cx(s.tab, t.id === value && s.on)}
          onClick={() => onChange(t.id)}
        >
          {t.icon}
          {t.label}
          {!!t.count && <em className="tnum">{t.count}</em>}
        </button>
      ))}
    </div>
  )
}
export const TabPanel = ({ id, idBase = 'tab', className, children }: { id: string; idBase?: string; className?: string; children: ReactNode }) => (
  <div role="tabpanel" id={`${idBase}-panel-${id}`} aria-labelledby={`${idBase}-${id}`} className={className}>
    {children}
  </div>
)
