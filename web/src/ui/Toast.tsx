import { CircleAlert, CircleCheck, Info, Siren, X } from 'lucide-react'
import { useEffect, useState } from 'react'
import { create } from 'zustand'
import { ApiError, errorText } from '@/api/client'
import { cx } from '@/lib/cx'
import { go } from '@/lib/go'
import { Button, IconButton } from './Button'
import s from './Toast.module.css'

type Toast = {
  id: number
  /** grave: a new SEV-1 or SEV-2 that is not for me to answer. */
  tone: 'info' | 'good' | 'bad' | 'grave'
  title: string
  detail?: string
  action?: Action
  /** A second thing that can be done, as the main one. */
  main?: Action
  /** Stands until it is answered or put away. */
  stays?: boolean
}
type Action = { label: string; run: () => void }
const useToasts = create<{ items: Toast[] }>(() => ({ items: [] }))
let next = 1
const drop = (id: number) => useToasts.setState((x) => ({ items: x.items.filter((t) => t.id !== id) }))

/** Says something in passing, at the screen's corner. What calls somebody until they answer stands in a bar of its own (features/page). */
export function toast(title: string, o: Partial<Omit<Toast, 'id' | 'title'>> = {}): number {
  const t: Toast = { id: next++, tone: 'good', title, ...o }
  useToasts.setState((x) => ({ items: [...x.items.filter((y) => y.title !== title).slice(-3), t] }))
  return t.id
}
/** Says that something failed, and why. A refusal leads to what explains it. */
export const toastError = (title: string, error: unknown) =>
  toast(title, { tone: 'bad', detail: errorText(error), action: error instanceof ApiError && error.status === 403 ? { label: 'Why?', run: () => go('/guide/access-policy#why-was-i-refused') } : undefined })

/** There is something to do: as long as it takes to read, decide and come to it by key. */
const WITH_BUTTON = 25_000
const ICON = { info: Info, good: CircleCheck, bad: CircleAlert, grave: Siren }
function Item({ t }: { t: Toast }) {
  const Icon = ICON[t.tone]
  // Nothing goes from under a finger: while it is pointed at, or has the focus, its time stands still.
  const [held, hold] = useState(0)
  const grip = (by: number) => ({ in: () => hold((h) => h | by), out: () => hold((h) => h & ~by) })
  const [pointer, focus] = [grip(1), grip(2)]
  useEffect(() => {
    if (t.stays || held) return
    const h = setTimeout(() => drop(t.id), t.action || t.main ? WITH_BUTTON : t.tone === 'bad' ? 9000 : 4500)
    return () => clearTimeout(h)
  }, [t, held])
  return (
    <li
      className={cx(s.toast, s[t.tone])}
      onPointerEnter={pointer.in}
      onPointerLeave={pointer.out}
      onFocus={focus.in}
      onBlur={(e) => !e.currentTarget.contains(e.relatedTarget) && focus.out()}
    >
      <Icon size={15} aria-hidden="true" />
      <div>
        <b>{t.title}</b>
        {t.detail && <p>{t.detail}</p>}
        {t.main && (
          <div className={s.acts}>
            <Act t={t} action={t.main} main />
            {t.action && <Act t={t} action={t.action} />}
          </div>
        )}
      </div>
      {t.action && !t.main && <Act t={t} action={t.action} />}
      <IconButton label="Dismiss" size="s" onClick={() => drop(t.id)}>
        <X size={13} />
      </IconButton>
    </li>
  )
}
const Act = ({ t, action, main }: { t: Toast; action: Action; main?: boolean }) => (
  <Button
    size="s"
    kind={main ? 'primary' : 'ghost'}
    onClick={() => {
      action.run()
      drop(t.id)
    }}
  >
    {action.label}
  </Button>
)
export function Toaster() {
  const items = useToasts((x) => x.items)
  return (
    <section className={s.stack} aria-label="Messages from the app" aria-live="polite" data-region="messages" data-passing data-over-modal>
      <ol>
        {items.map((t) => (
          <Item key={t.id} t={t} />
        ))}
      </ol>
    </section>
  )
}
