// The smallest pieces: chips, counts, keys, times, progress, placeholders.
import { Check, Copy, Info, RotateCw, ShieldAlert, TriangleAlert, Wrench } from 'lucide-react'
import { useEffect, useRef, useState, type CSSProperties, type ReactNode } from 'react'
import { ApiError, errorText } from '@/api/client'
import type { Incident, Stage } from '@/api/types'
import { cx } from '@/lib/cx'
import { environmentLabel } from '@/lib/environment'
import { modeMark } from '@/lib/severity'
import { useNow } from '@/lib/hooks'
import { ago, clock, dateTime, local, ms, running, type When, utc, when } from '@/lib/time'
import { Button, IconButton } from './Button'
export { Kbd } from './Kbd'
import { WhyDenied } from './GuideLink'
import { say } from './say'
import { Tooltip } from './Tooltip'
import s from './bits.module.css'

export type Tone = 'mute' | 'red' | 'amber' | 'green' | 'blue' | 'violet' | 'teal'

/** A word with a colour. The colour never carries the meaning alone. */
export const Chip = ({
  tone = 'mute',
  solid,
  outline,
  icon,
  title,
  children,
}: {
  tone?: Tone
  solid?: boolean
  outline?: boolean
  icon?: ReactNode
  title?: string
  children: ReactNode
}) => (
  <span className={cx(s.chip, s[tone], solid && s.solid, outline && s.outline)} title={title}>
    {icon}
    {children}
  </span>
)

/** Always says "SEV-1": a bare number would look like a count. */
export const SeverityChip = ({ severity, mode }: { severity: number; mode?: Incident['mode'] }) => (
  <span className={cx(s.chip, s.sev, s['sev' + severity])}>{[modeMark(mode), `SEV-${severity}`].filter(Boolean).join(' ')}</span>
)

/** Production is marked by word, weight and shape (a cut corner and a shield), not only by colour. The server says what is. */
export const EnvChip = ({ env, production = false, long }: { env: string; production?: boolean; long?: boolean }) => {
  if (!env) return null
  const Icon = production ? ShieldAlert : Wrench
  return (
    <span className={cx(s.chip, s.env, production ? s.prod : s.other)}>
      <Icon size={11} aria-hidden="true" />
      {environmentLabel(env, production, long)}
    </span>
  )
}

const STAGE_TONE: Record<Stage, Tone> = {
  declared: 'red',
  triage: 'red',
  mitigating: 'amber',
  monitoring: 'blue',
  resolved: 'green',
  closed: 'mute',
}
export const stageName = (stage: string) => stage.charAt(0).toUpperCase() + stage.slice(1)
export const StageChip = ({ stage }: { stage: Stage }) => <Chip tone={STAGE_TONE[stage] ?? 'mute'}>{stageName(stage)}</Chip>

/** Unread, or mentions with an @. */
export const Count = ({ n, mention, label }: { n: number; mention?: boolean; label?: string }) =>
  n > 0 ? (
    <span className={cx(s.count, mention && s.mention)}>
      <span aria-hidden="true">
        {mention ? '@' : ''}
        {n > 99 ? '99+' : n}
      </span>
      <span className="sr">
        {n} {label ?? (mention ? (n === 1 ? 'mention' : 'mentions') : 'unread')}
      </span>
    </span>
  ) : null

/** A time: local on the screen, local with zone and UTC on hover. */
export function Time({ at, mode = 'clock', className }: { at: When; mode?: 'clock' | 'seconds' | 'date' | 'stamp' | 'when' | 'ago'; className?: string }) {
  const n = ms(at)
  const now = useNow('minute', mode === 'ago' || mode === 'when')
  if (n === null) return null
  const text = mode === 'ago' ? ago(n, now) : mode === 'date' || mode === 'stamp' ? dateTime(n, Date.now(), mode === 'stamp') : mode === 'when' ? when(n, now) : clock(n, mode === 'seconds')
  return (
    <Tooltip text={`${local(n)}\n${utc(n)}`}>
      <time dateTime={new Date(n).toISOString()} className={cx('tnum', className)}>
        {text}
      </time>
    </Tooltip>
  )
}

/** A running clock since `from`; it stands still once `to` is set. */
export function Clock({ from, to, className }: { from: When; to?: When; className?: string }) {
  const a = ms(from)
  const b = ms(to)
  const now = useNow('second', b === null)
  if (a === null) return null
  return <span className={cx('tnum', className)}>{running((b ?? now) - a)}</span>
}

/**
 * What is left until `to`: 04:59, then 00:00. It is read when one comes to it and never by itself, for it
 * changes each second; with `of`, that a minute is left is said, once.
 */
export function Countdown({ to, className, done = '00:00', of }: { to: When; className?: string; done?: ReactNode; /** What runs out: "to answer Jonas" */ of?: string }) {
  const n = ms(to)
  const now = useNow('second', n !== null)
  const left = n === null ? 0 : Math.ceil((n - now) / 1000)
  const before = useRef(left)
  useEffect(() => {
    if (of && before.current > 60 && left <= 60 && left > 0) say(`1 minute left ${of}`)
    before.current = left
  }, [left, of])
  if (n === null) return null
  return (
    <span className={cx('tnum', className)} role="timer" aria-live="off">
      {n <= now ? done : running(n - now + 999)}
    </span>
  )
}

export const Spinner = ({ size = 14, label }: { size?: number; label?: string }) => (
  <span className={s.spinner} style={{ width: size, height: size }} role={label ? 'status' : undefined}>
    {label && <span className="sr">{label}</span>}
  </span>
)

export const Progress = ({ value, tone = 'violet', label }: { value: number; tone?: Tone; label: string }) => (
  <span
    className={s.progress}
    role="progressbar"
    aria-label={label}
    aria-valuemin={0}
    aria-valuemax={100}
    aria-valuenow={Math.round(value)}
  >
    <i className={s['bar-' + tone]} style={{ width: `${Math.max(0, Math.min(100, value))}%` }} />
  </span>
)

/** A small ring of progress, as beside a room where a job runs. */
export const Ring = ({ value, size = 12, label }: { value: number; size?: number; label?: string }) => (
  <span className={s.ring} style={{ width: size, height: size, '--at': `${Math.max(4, Math.min(100, value))}%` } as CSSProperties}>
    {label && <span className="sr">{label}</span>}
  </span>
)

export const Skeleton = ({ lines = 3, height = 14 }: { lines?: number; height?: number }) => (
  <span className={s.skeleton} aria-hidden="true">
    {Array.from({ length: lines }, (_, i) => (
      <i key={i} style={{ height, width: `${[92, 74, 84, 58, 67][i % 5]}%` }} />
    ))}
  </span>
)
/** Stands for content that is on its way. Appears late, so that fast answers don't flash. */
export function Loading({ label = 'Loading', lines = 4 }: { label?: string; lines?: number }) {
  // Most is there before it could be said; several parts of a screen say it once.
  useEffect(() => {
    const t = setTimeout(() => say(label, { key: 'loading' }), 1000)
    return () => clearTimeout(t)
  }, [label])
  return (
    <div className={s.loading} role="status" aria-live="off">
      <span className="sr">{label}</span>
      <Skeleton lines={lines} />
    </div>
  )
}

export const Empty = ({
  icon,
  title,
  children,
  action,
  page,
}: {
  icon?: ReactNode
  title: string
  children?: ReactNode
  action?: ReactNode
  /** It is all there is on the screen: its title is the screen's heading. */
  page?: boolean
}) => (
  <div className={s.empty}>
    {icon && <span className={s.emptyIcon}>{icon}</span>}
    {page ? <h1>{title}</h1> : <b>{title}</b>}
    {children && <p>{children}</p>}
    {action}
  </div>
)

/** Something failed: what, and what to do. A refusal says who can grant it, and can't be retried. */
export function ErrorState({ error, title, onRetry, compact }: { error: unknown; title?: string; onRetry?: () => void; compact?: boolean }) {
  const denied = error instanceof ApiError && error.status === 403
  const missing = error instanceof ApiError && error.status === 404
  return (
    <div className={cx(s.empty, compact && s.compact)} role="alert">
      <span className={cx(s.emptyIcon, s.bad)}>{denied ? <ShieldAlert size={20} /> : <TriangleAlert size={20} />}</span>
      <b>{title ?? (denied ? 'You may not see this' : missing ? 'Not found' : 'This did not load')}</b>
      <p>{errorText(error)}</p>
      {denied && <WhyDenied />}
      {onRetry && !denied && !missing && (
        <Button icon={<RotateCw size={13} />} onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  )
}

/** A line of trouble inside a form or card. */
export const Notice = ({ tone = 'red', title, children, action }: { tone?: Tone; title?: ReactNode; children?: ReactNode; action?: ReactNode }) => (
  <div className={cx(s.notice, s['note-' + tone])} role={tone === 'red' ? 'alert' : 'status'}>
    {tone === 'red' || tone === 'amber' ? <TriangleAlert size={14} aria-hidden="true" /> : <Info size={14} aria-hidden="true" />}
    <div>
      {title && <b>{title}</b>}
      {children}
    </div>
    {action}
  </div>
)

export function CopyButton({ text, label = 'Copy', size = 's' }: { text: string; label?: string; size?: 's' | 'm' }) {
  const [done, set] = useState(false)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  return (
    <IconButton
      label={done ? 'Copied' : label}
      size={size}
      onClick={() => {
        void copy(text).then(() => {
          set(true)
          clearTimeout(timer.current)
          timer.current = setTimeout(() => set(false), 1600)
        })
      }}
    >
      {done ? <Check size={13} className="c-green" /> : <Copy size={13} />}
    </IconButton>
  )
}
/** Puts text on the clipboard, also where the page isn't served over TLS. */
export async function copy(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text)
  const area = document.createElement('textarea')
  area.value = text
  area.style.position = 'fixed'
  area.style.opacity = '0'
  document.body.append(area)
  area.select()
  document.execCommand('copy')
  area.remove()
}

/** A part of a side panel. */
export const PanelSection = ({ title, count, action, children }: { title: ReactNode; count?: number; action?: ReactNode; children: ReactNode }) => (
  <section className={s.section}>
    <h3>
      <span>
        {title}
        {count !== undefined && <em className="tnum">{count}</em>}
      </span>
      {action}
    </h3>
    {children}
  </section>
)

/** Facts as pairs: name to the left, value to the right. */
export const Facts = ({ items }: { items: [ReactNode, ReactNode][] }) => (
  <dl className={s.facts}>
    {items.map(([name, value], i) => (
      <div key={i}>
        <dt>{name}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
)

/** Beside the name of somebody who came by a link. */
export const GuestBadge = () => <em className={s.guest}>Guest</em>
