import type { ButtonHTMLAttributes, ReactNode, Ref } from 'react'
import { cx } from '@/lib/cx'
import { Tooltip } from './Tooltip'
import s from './Button.module.css'

export type ButtonKind = 'ghost' | 'primary' | 'danger' | 'soft' | 'live' | 'quiet' | 'stop'
type Extra = { ref?: Ref<HTMLButtonElement> }

/** Looks like a button: for links that act as one. */
export const buttonClass = (kind: ButtonKind = 'ghost', size: 'm' | 's' | 'l' = 'm') => cx(s.btn, s[kind], size !== 'm' && s[size])

/** For a link that looks like an IconButton; its tooltip and label are its own. */
export const iconClass = s.icon

export function Button({
  kind = 'ghost',
  size = 'm',
  icon,
  busy,
  children,
  className,
  disabled,
  onClick,
  ...rest
}: {
  kind?: ButtonKind
  size?: 'm' | 's' | 'l'
  icon?: ReactNode
  /** Shows a spinner and refuses further clicks. */
  busy?: boolean
} & ButtonHTMLAttributes<HTMLButtonElement> &
  Extra) {
  return (
    <button
      type="button"
      {...rest}
      disabled={disabled}
      // Not really disabled: a browser takes the focus from what is, and what is typed next would act on the page.
      aria-disabled={busy || undefined}
      aria-busy={busy || undefined}
      onClick={busy ? (e) => e.preventDefault() : onClick}
      className={cx(buttonClass(kind, size), className)}
    >
      {busy ? <i className={s.spin} aria-hidden="true" /> : icon}
      {children}
    </button>
  )
}

/** A button that is only a picture: its label is read aloud and shown on hover. */
export function IconButton({
  label,
  on,
  size = 'm',
  side,
  shortcut,
  className,
  children,
  ...rest
}: {
  label: string
  /** Pressed, for toggles. */
  on?: boolean
  size?: 'm' | 's'
  side?: 'top' | 'bottom' | 'left' | 'right'
  shortcut?: string
} & ButtonHTMLAttributes<HTMLButtonElement> &
  Extra) {
  return (
    <Tooltip text={label} side={side} shortcut={shortcut}>
      <button
        type="button"
        aria-label={label}
        aria-pressed={on}
        {...rest}
        className={cx(s.icon, size === 's' && s.iconS, on && s.on, className)}
      >
        {children}
      </button>
    </Tooltip>
  )
}
