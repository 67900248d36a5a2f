import { useNavigate } from '@tanstack/react-router'
import { CircleUserRound, Home, Keyboard, LogOut, MapPin, MessageSquareText, Moon, Sun } from 'lucide-react'
import { signOut, useMe, type Availability } from '@/api'
import { useTheme } from '@/lib/theme'
import { goHome, leaveOffice, setAvailability, useOffice, usePresence, useRoomInfo, UserAvatar } from '@/realtime'
import { Menu, MenuCheck, MenuItem, MenuLabel, MenuSeparator, PRESENCE_WORD, toastError, useOverlays } from '@/ui'
import s from './MeMenu.module.css'

export const AVAILABILITY: [Availability, string][] = [
  ['available', 'Available'],
  ['busy', 'Busy'],
  ['away', 'Away'],
  ['dnd', 'Do not disturb'],
]

export function MeMenu() {
  const me = useMe()
  const presence = usePresence(me.user.id)
  const room = useRoomInfo(presence?.room_id)
  const { theme, toggle } = useTheme()
  const navigate = useNavigate()
  const state = presence?.said ?? 'available'
  const home = useRoomInfo(useOffice((o) => o.desk.home_room_id))
  return (
    <Menu
      trigger={
        <button type="button" className={s.me} aria-label={`Your account, ${me.user.display}, ${PRESENCE_WORD[presence?.state ?? 'offline']}`}>
          <UserAvatar id={me.user.id} size={26} dot fallback={me.user} />
        </button>
      }
    >
      <div className={s.head}>
        <UserAvatar id={me.user.id} size={36} fallback={me.user} />
        <div>
          <b>{me.user.display}</b>
          <span>{me.user.title || me.user.roles.join(', ')}</span>
        </div>
      </div>
      {room && (
        <MenuItem icon={<MapPin size={14} />} detail="Leave" onSelect={() => void leaveOffice().catch((e) => toastError('You could not leave', e))}>
          In {room.name}
        </MenuItem>
      )}
      {home && home.id !== room?.id && (
        <MenuItem
          icon={<Home size={14} />}
          onSelect={() =>
            void goHome()
              .then((r) => navigate({ to: '/rooms/$id', params: { id: r.id } }))
              .catch((e) => toastError('You could not go home', e))
          }
        >
          Go home to {home.name}
        </MenuItem>
      )}
      <MenuSeparator />
      <MenuLabel>I am</MenuLabel>
      {AVAILABILITY.map(([id, label]) => (
        <MenuCheck
          key={id}
          checked={state === id}
          icon={<i className={`${s.dot} ${s[id]}`} />}
          onSelect={() => void setAvailability(id, presence?.status_text).catch((e) => toastError('Your availability was not saved', e))}
        >
          {label}
        </MenuCheck>
      ))}
      <MenuItem icon={<MessageSquareText size={14} />} onSelect={() => useOverlays.setState({ status: true })}>
        {presence?.status_text ? `“${presence.status_text}”` : 'Say what, and until when'}
      </MenuItem>
      <MenuSeparator />
      <MenuItem icon={theme === 'dark' ? <Sun size={14} /> : <Moon size={14} />} onSelect={toggle}>
        {theme === 'dark' ? 'Light theme' : 'Dark theme'}
      </MenuItem>
      <MenuItem icon={<Keyboard size={14} />} detail="?" onSelect={() => useOverlays.setState({ shortcuts: true })}>
        Help and keyboard shortcuts
      </MenuItem>
      <MenuItem icon={<CircleUserRound size={14} />} onSelect={() => void navigate({ to: '/account' })}>
        Your account: how you are reached, password, tokens
      </MenuItem>
      <MenuSeparator />
      <MenuItem icon={<LogOut size={14} />} onSelect={() => void signOut().catch((e) => toastError('Signing out failed', e))}>
        Sign out
      </MenuItem>
      <div className={s.version}>Muster {me.version}{me.demo ? ', demo office' : ''}</div>
    </Menu>
  )
}
