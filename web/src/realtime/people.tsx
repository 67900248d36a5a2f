// People as the store knows them: name, picture, presence.
import { memo } from 'react'
import { GuestBadge } from '@/ui/bits'
import { Avatar, AvatarStack, PRESENCE_WORD, type AvatarBadge, type AvatarPerson } from '@/ui/Avatar'
import { PersonTrigger } from '@/ui/slots'
import { useMyId } from '@/api'
import { systemName, useOffice, usePresence, useUser } from './office'
import { useTalk, type Talk } from './voice'
import { useShallow } from 'zustand/react/shallow'
import s from './people.module.css'

const TALK: Record<Talk, string> = { '': '', listens: 'listens', muted: 'muted', open: 'microphone on', speaks: 'speaking' }

/** The avatar of a user id; `dot` shows presence, `talk` their part in a call, `link` opens the person's card: `beside` for pointers only, where a name beside it is the button for all. */
export const UserAvatar = memo(
  ({ id, size = 20, dot, talk, badge, you, label, link, fallback }: { id: string; size?: number; dot?: boolean; talk?: boolean; badge?: AvatarBadge; you?: boolean; label?: boolean; link?: boolean | 'beside'; fallback?: AvatarPerson }) => {
    const user = useUser(id)
    const presence = usePresence(dot ? id : null)
    const sound = useTalk(talk ? id : '')
    const person = user ?? fallback ?? { id, display: '?', initials: '?' }
    const avatar = (
      <Avatar
        person={person}
        size={size}
        state={dot && user?.kind !== 'bot' ? (presence?.state ?? 'offline') : undefined}
        badge={badge}
        you={you}
        label={label}
        talk={sound}
      />
    )
    return link && user ? (
      <PersonTrigger id={id}>
        <button type="button" className={s.face} {...(link === 'beside' && { 'aria-hidden': true, tabIndex: -1 })} aria-label={[person.display, badge, dot && PRESENCE_WORD[presence?.state ?? 'offline'], TALK[sound]].filter(Boolean).join(', ')}>
          {avatar}
        </button>
      </PersonTrigger>
    ) : (
      avatar
    )
  },
)
UserAvatar.displayName = 'UserAvatar'

/** A user's display name ("You" for oneself with `you`); `link` opens the person's card. A guest is marked wherever their name stands. */
export function UserName({ id, you, link, fallback, first, guest }: { id: string; you?: boolean; link?: boolean; fallback?: string; first?: boolean; guest?: boolean }) {
  const user = useUser(id)
  const me = useMyId()
  const full = user?.display ?? fallback ?? systemName(id) ?? 'Someone'
  const name = you && id === me ? 'You' : first ? full.split(' ')[0]! : full
  const badge = (guest || user?.kind === 'guest') && <GuestBadge />
  return link && user ? (
    <PersonTrigger id={id}>
      <button type="button" className={s.name}>
        {name}
        {badge}
      </button>
    </PersonTrigger>
  ) : (
    <span>
      {name}
      {badge}
    </span>
  )
}

/** Several user ids as overlapping avatars. */
export const UserStack = memo(({ ids, max = 4, size = 18 }: { ids: string[]; max?: number; size?: number }) => {
  const people = useOffice(useShallow((st) => ids.slice(0, max).map((id) => st.users[id] ?? { id, display: '?' })))
  return <AvatarStack people={people} max={max} size={size} total={ids.length} />
})
UserStack.displayName = 'UserStack'
