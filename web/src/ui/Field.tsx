import { createContext, use, useEffect, useId, useRef, type InputHTMLAttributes, type ReactNode, type Ref, type SelectHTMLAttributes, type TextareaHTMLAttributes } from 'react'
import { CircleAlert } from 'lucide-react'
import { cx } from '@/lib/cx'
import s from './Field.module.css'

type FieldInfo = { id: string; describedBy?: string; invalid?: boolean; required?: boolean }
const Info = createContext<FieldInfo | null>(null)

/** A labelled control with its hint and its error; the control inside picks up the ids. */
export function Field({
  label,
  hint,
  error,
  required,
  hideLabel,
  children,
}: {
  label: ReactNode
  hint?: ReactNode
  error?: string | null | false
  required?: boolean
  hideLabel?: boolean
  children: ReactNode
}) {
  const id = useId()
  // The form was sent and something in it is wrong: the first of it is where to go on. Who is typing is left alone.
  const wrong = useRef(false)
  useEffect(() => {
    const turned = !!error && !wrong.current
    wrong.current = !!error
    if (!turned) return
    const at = document.activeElement
    const field = document.getElementById(id)
    const form = field?.closest('form')
    if (!field || (at && at !== document.body && !(at instanceof HTMLButtonElement && form?.contains(at)))) return
    if ((form ?? document).querySelector('[aria-invalid=true]') === field) field.focus()
  }, [error, id])
  const describedBy = [hint && id + 'h', error && id + 'e'].filter(Boolean).join(' ') || undefined
  return (
    <div className={s.field}>
      <label htmlFor={id} className={hideLabel ? 'sr' : s.label}>
        {label}
        {required && (
          <span className={s.req}>
            <span aria-hidden="true">*</span>
            <span className="sr"> (required)</span>
          </span>
        )}
      </label>
      <Info value={{ id, describedBy, invalid: !!error, required }}>{children}</Info>
      {hint && (
        <p id={id + 'h'} className={s.hint}>
          {hint}
        </p>
      )}
      {error && (
        <p id={id + 'e'} className={s.error}>
          <CircleAlert size={12} aria-hidden="true" />
          {error}
        </p>
      )}
    </div>
  )
}

const useInfo = () => {
  const f = use(Info)
  return f
    ? { id: f.id, 'aria-describedby': f.describedBy, 'aria-invalid': f.invalid || undefined, 'aria-required': f.required || undefined }
    : {}
}

export function Input({ className, mono, ref, ...rest }: InputHTMLAttributes<HTMLInputElement> & { mono?: boolean; ref?: Ref<HTMLInputElement> }) {
  return <input ref={ref} autoComplete="off" {...useInfo()} {...rest} className={cx(s.input, mono && 'mono', className)} />
}
export function Textarea({ className, mono, ref, ...rest }: TextareaHTMLAttributes<HTMLTextAreaElement> & { mono?: boolean; ref?: Ref<HTMLTextAreaElement> }) {
  return <textarea ref={ref} rows={4} {...useInfo()} {...rest} className={cx(s.input, s.area, mono && 'mono', className)} />
}
export function Select({ className, children, ...rest }: SelectHTMLAttributes<HTMLSelectElement>) {
  return (
    <span className={cx(s.select, className)}>
      <select {...useInfo()} {...rest} className={s.input}>
        {children}
      </select>
    </span>
  )
}
export function Checkbox({ label, hint, ...rest }: { label: ReactNode; hint?: ReactNode } & InputHTMLAttributes<HTMLInputElement>) {
  return (
    <label className={s.check}>
      <input type="checkbox" {...rest} />
      <span>
        {label}
        {hint && <small>{hint}</small>}
      </span>
    </label>
  )
}
/** Fields under each other with even space. */
export const Form = ({ children, ...rest }: React.FormHTMLAttributes<HTMLFormElement>) => (
  <form noValidate {...rest} className={cx(s.form, rest.className)}>
    {children}
  </form>
)
/** Two fields side by side where there is room. */
export const FieldRow = ({ children }: { children: ReactNode }) => <div className={s.pair}>{children}</div>
