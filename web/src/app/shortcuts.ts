// Keys that work everywhere. Ctrl is also the Command key on a Mac.
import { useNavigate, useRouterState } from '@tanstack/react-router'
import { typing, useWindow } from '@/lib/hooks'
import { useIncidents, useOffice, sidebarRooms } from '@/realtime'
import { useOverlays } from '@/ui'

export const SHORTCUTS: [string, string][] = [
  ['Ctrl K', 'Go to a room, person, job, incident or page of the guide'],
  ['Alt ↑ / Alt ↓', 'Previous or next room'],
  ['Alt Shift ↑ / ↓', 'Previous or next unread room'],
  ['Alt A', 'Go to what calls you, to acknowledge it'],
  ['M', 'In a call: mute, or unmute'],
  ['Hold Space', 'In a call: speak for as long as you hold it'],
  ['+ - 0 F on a screen', 'Zoom what somebody shows, fit it, fill the screen'],
  ['/', 'Write in this room'],
  ['Enter', 'Send'],
  ['Shift Enter', 'New line'],
  ['↑ in an empty field', 'Edit your last message'],
  ['↑ / ↓ in the timeline', 'Move between messages'],
  ['Esc', 'Close, or go to the latest message'],
  ['?', 'Help: this list, and the guide'],
]

export function useShortcuts() {
  const navigate = useNavigate()
  const path = useRouterState({ select: (r) => r.location.pathname })
  const incidents = useIncidents()
  useWindow('keydown', (e) => {
    const ctrl = e.ctrlKey || e.metaKey
    if (ctrl && !e.shiftKey && !e.altKey && e.key.toLowerCase() === 'k') {
      e.preventDefault()
      useOverlays.setState((o) => ({ palette: !o.palette }))
      return
    }
    if (e.altKey && !ctrl && (e.key === 'ArrowUp' || e.key === 'ArrowDown')) {
      e.preventDefault()
      const { rooms, incidents: open } = useOffice.getState()
      const order = [...incidents.map((i) => i.room.id), ...sidebarRooms({ rooms, incidents: open }).map((r) => r.id)]
      const list = e.shiftKey ? order.filter((id) => rooms[id]?.unread || path === '/rooms/' + id) : order
      if (!list.length) return
      const at = list.indexOf(/^\/rooms\/([^/]+)/.exec(path)?.[1] ?? '')
      const next = list[(at + (e.key === 'ArrowDown' ? 1 : at < 0 ? 0 : -1) + list.length) % list.length]
      if (next) void navigate({ to: '/rooms/$id', params: { id: next } })
      return
    }
    if (typing(e) || ctrl || e.altKey) return
    if (e.key === '?') {
      e.preventDefault()
      useOverlays.setState({ shortcuts: true })
    }
  })
}
