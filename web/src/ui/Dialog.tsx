import { lazy, Suspense, useState, type FormEvent, type ReactNode } from 'react'
import { errorText } from '@/api/client'
import { cx } from '@/lib/cx'
import { Notice } from './bits'
import { Button, type ButtonKind } from './Button'
import { Field, Textarea } from './Field'
import s from './Dialog.module.css'

export type DialogProps = {
  open: boolean
  onOpenChange: (open: boolean) => void
  title: ReactNode
  description?: ReactNode
  width?: number
  footer?: ReactNode
  children?: ReactNode
}
const RadixDialog = lazy(async () => ({ default: (await import('./overlays')).Dialog }))

/** A modal with a title; Esc, the cross and the scrim close it. On a phone it is a sheet from below. */
export const Dialog = (props: DialogProps) =>
  props.open ? (
    <Suspense>
      <RadixDialog {...props} />
    </Suspense>
  ) : null
/** The row of buttons at a form's end inside a dialog. */
export const DialogActions = ({ children }: { children: ReactNode }) => <div className={s.actions}>{children}</div>

/**
 * A button that asks first. `note` asks for words too: 'required' or 'optional'.
 * It stays open, with the reason, when the action fails.
 */
export function ConfirmButton({
  title,
  description,
  confirm,
  onConfirm,
  note,
  noteLabel = 'Note',
  kind = 'ghost',
  confirmKind,
  size,
  icon,
  disabled,
  label,
  className,
  children,
}: {
  title: string
  description?: ReactNode
  confirm: string
  onConfirm: (note: string) => Promise<unknown> | void
  note?: 'required' | 'optional'
  noteLabel?: string
  kind?: ButtonKind
  confirmKind?: ButtonKind
  size?: 'm' | 's'
  icon?: ReactNode
  disabled?: boolean
  /** What it is read as, where the word on it does not say of what. */
  label?: string
  className?: string
  children: ReactNode
}) {
  const [open, setOpen] = useState(false)
  const [text, setText] = useState('')
  const [error, setError] = useState('')
  const [busy, setBusy] = useState(false)
  const act = async (e: FormEvent) => {
    e.preventDefault()
    e.stopPropagation()
    if (note === 'required' && !text.trim()) return setError('Say why: this is kept in the record.')
    setBusy(true)
    setError('')
    try {
      await onConfirm(text.trim())
      setOpen(false)
      setText('')
    } catch (x) {
      setError(errorText(x))
    } finally {
      setBusy(false)
    }
  }
  return (
    <>
      <Button kind={kind} size={size} icon={icon} disabled={disabled} className={className} aria-label={label} onClick={() => setOpen(true)}>
        {children}
      </Button>
      <Dialog open={open} onOpenChange={setOpen} title={title} description={description} width={420}>
        <form onSubmit={(e) => void act(e)} className={s.form}>
          {note && (
            <Field label={noteLabel} required={note === 'required'}>
              <Textarea value={text} onChange={(e) => setText(e.target.value)} rows={3} autoFocus />
            </Field>
          )}
          {error && <Notice>{error}</Notice>}
          <DialogActions>
            <Button onClick={() => setOpen(false)}>Cancel</Button>
            <Button type="submit" kind={confirmKind ?? (kind === 'danger' ? 'stop' : 'primary')} busy={busy}>
              {confirm}
            </Button>
          </DialogActions>
        </form>
      </Dialog>
    </>
  )
}
export const dialogClass = (name: 'scrim' | 'box') => cx(s[name])
