import { CircleAlert, CircleCheck, Info, X } from 'lucide-react'
import { useEffect } from 'react'
import { create } from 'zustand'
import { errorText } from '@/api/client'
import { cx } from '@/lib/cx'
import { Button, IconButton } from './Button'
import s from './Toast.module.css'

type Toast = {
  id: number
  tone: 'info' | 'good' | 'bad'
  title: string
  detail?: string
  action?: { label: string; run: () => void }
}
const useToasts = create<{ items: Toast[] }>(() => ({ items: [] }))
let next = 1
const drop = (id: number) => useToasts.setState((x) => ({ items: x.items.filter((t) => t.id !== id) }))

/** Says something in passing, at the screen's corner. */
export function toast(title: string, o: Partial<Omit<Toast, 'id' | 'title'>> = {}) {
  const t: Toast = { id: next++, tone: 'good', title, ...o }
  useToasts.setState((x) => ({ items: [...x.items.filter((y) => y.title !== title).slice(-3), t] }))
}
/** Says that something failed, and why. */
export const toastError = (title: string, error: unknown) => toast(title, { tone: 'bad', detail: errorText(error) })

const ICON = { info: Info, good: CircleCheck, bad: CircleAlert }
function Item({ t }: { t: Toast }) {
  const Icon = ICON[t.tone]
  useEffect(() => {
    const h = setTimeout(() => drop(t.id), t.tone === 'bad' || t.action ? 9000 : 4500)
    return () => clearTimeout(h)
  }, [t])
  return (
    <li className={cx(s.toast, s[t.tone])}>
      <Icon size={15} aria-hidden="true" />
      <div>
        <b>{t.title}</b>
        {t.detail && <p>{t.detail}</p>}
      </div>
      {t.action && (
        <Button
          size="s"
          onClick={() => {
            t.action!.run()
            drop(t.id)
          }}
        >
          {t.action.label}
        </Button>
      )}
      <IconButton label="Dismiss" size="s" onClick={() => drop(t.id)}>
        <X size={13} />
      </IconButton>
    </li>
  )
}
export function Toaster() {
  const items = useToasts((x) => x.items)
  return (
    <section className={s.stack} aria-label="Messages from the app" aria-live="polite">
      <ol>
        {items.map((t) => (
          <Item key={t.id} t={t} />
        ))}
      </ol>
    </section>
  )
}
