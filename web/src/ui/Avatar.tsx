import { Crown, Headphones, KeyRound, Mic, MicOff, ScrollText, ShieldCheck, Wrench } from 'lucide-react'
import { memo, type CSSProperties } from 'react'
import type { PresenceState } from '@/api/types'
import { cx } from '@/lib/cx'
export { PRESENCE_WORD } from './presence'
import { hash } from '@/lib/ids'
import s from './Avatar.module.css'

export type AvatarPerson = { id: string; display: string; initials?: string; hue?: number; kind?: string }

const initialsOf = (display: string) =>
  display
    .split(/\s+/)
    .filter(Boolean)
    .map((w) => w[0]!)
    .filter((_, i, all) => i === 0 || i === all.length - 1)
    .join('')
    .toUpperCase()

// People are told apart by letters, hue and one of eight quiet shapes behind the letters.
const SHAPES = [
  'M0 40 40 0v40Z',
  'M0 26c12-10 26 8 40-4v18H0Z',
  'M40 0v40A40 40 0 0 1 0 0Z',
  'M0 0h20v40H0Z',
  'M20-2 42 20 20 42-2 20Z',
  'M0 0h40v14C26 22 14 6 0 14Z',
  'M0 40A40 40 0 0 1 40 0H0Z',
  'M0 24h40v16H0Z',
]
const DOT: Record<PresenceState, string> = {
  available: 'on',
  active: 'on',
  away: 'away',
  busy: 'busy',
  call: 'call',
  dnd: 'dnd',
  offline: 'off',
}
const BADGE = { commander: Crown, administrator: KeyRound, approver: ShieldCheck, auditor: ScrollText, operator: Wrench } as const
export type AvatarBadge = keyof typeof BADGE
const SOUND = { listens: Headphones, muted: MicOff, open: Mic, speaks: Mic } as const

/** A person, or a bot in its hexagon. Decorative: name, presence and role stand beside it or in the label around it. */
export const Avatar = memo(
  ({
    person,
    size = 20,
    state,
    badge,
    you,
    label,
    talk,
  }: {
    person: AvatarPerson
    size?: number
    /** Draws the presence dot, whose shape differs by state. */
    state?: PresenceState
    badge?: AvatarBadge
    you?: boolean
    label?: boolean
    /** How they take part in a call: a ring while they speak. */
    talk?: '' | 'listens' | 'muted' | 'open' | 'speaks'
  }) => {
    const bot = person.kind === 'bot' || person.kind === 'system'
    // Two letters can't be read on the smallest ones.
    const letters = (person.initials || initialsOf(person.display)).slice(0, size < 20 ? 1 : 3)
    const Badge = badge && BADGE[badge]
    // On a small one there is place for the ring only.
    const Sound = talk && size >= 28 && SOUND[talk]
    return (
      <span
        className={cx(s.av, bot && s.bot, person.kind === 'guest' && s.guest, you && s.you, talk === 'speaks' && s.speaks)}
        style={{ width: size, height: size, '--hue': person.hue ?? hash(person.id) % 360 } as CSSProperties}
        title={label ? person.display : undefined}
      >
        {bot ? (
          <svg viewBox="0 0 40 40" aria-hidden="true">
            <path className={s.hex} d="M20 1.500 35.600 10.500v19L20 38.500 4.400 29.500v-19Z" />
            <path className={s.prompt} d="m14.500 13 7 7-7 7M23.500 27.500h4" />
          </svg>
        ) : (
          <>
            <svg viewBox="0 0 40 40" aria-hidden="true" className={s.round}>
              <rect className={s.ground} width="40" height="40" />
              <path className={s.shape} d={SHAPES[hash(person.id) % SHAPES.length]} />
            </svg>
            {/* The letters are a picture of the name, not text beside it: they are drawn by CSS. */}
            <i className={s.letters} data-letters={letters} aria-hidden="true" style={{ fontSize: size * (letters.length > 2 ? 0.33 : letters.length > 1 ? 0.41 : 0.52) }} />
          </>
        )}
        {label && <span className="sr">{person.display}</span>}
        {state && <i className={cx(s.dot, s[DOT[state]])} />}
        {Sound && (
          <i className={cx(s.sound, s[talk])}>
            <Sound aria-hidden="true" />
          </i>
        )}
        {Badge && (
          <i className={s.badge} style={{ '--b': `${Math.max(12, Math.round(size * 0.42))}px` } as CSSProperties}>
            <Badge aria-hidden="true" />
          </i>
        )}
      </span>
    )
  },
)
Avatar.displayName = 'Avatar'

/** Several people overlapping, then +n. */
export const AvatarStack = memo(({ people, max = 4, size = 18, total }: { people: AvatarPerson[]; max?: number; size?: number; total?: number }) => {
  const rest = (total ?? people.length) - Math.min(max, people.length)
  return (
    <span className={s.stack} aria-hidden="true">
      {people.slice(0, max).map((p) => (
        <Avatar key={p.id} person={p} size={size} />
      ))}
      {rest > 0 && (
        <span className={s.more} style={{ height: size, minWidth: size }}>
          +{rest}
        </span>
      )}
    </span>
  )
})
AvatarStack.displayName = 'AvatarStack'
