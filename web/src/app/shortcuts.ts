// Keys that work everywhere. Ctrl is also the Command key on a Mac.
import { useNavigate, useRouterState } from '@tanstack/react-router'
import { typing, useWindow } from '@/lib/hooks'
import { singleKeys } from '@/lib/keys'
import { useIncidents, useOffice, sidebarRooms } from '@/realtime'
import { useOverlays, walk } from '@/ui'

/** The sheet of keys, by where they work. */
export const SHORTCUTS: { where: string; keys: [string, string][] }[] = [
  {
    where: 'Everywhere',
    keys: [
      ['Ctrl K', 'Go to a room, person, job, incident, alert or page of the guide'],
      ['Ctrl Enter there', 'The other act: enter, get, definition'],
      ['Alt Enter there', 'Find the person on the map'],
      ['F6 / Shift F6', 'Next or previous part of the screen, requests included'],
      ['Alt A', 'Go to what calls you, to acknowledge it'],
      ['Alt ↑ / Alt ↓', 'Previous or next room'],
      ['Alt Shift ↑ / ↓', 'Previous or next unread room'],
      ['Esc', 'Close, or go to the latest message'],
      ['?', 'Help: this list, and the guide'],
    ],
  },
  {
    where: 'In a room',
    keys: [
      ['/', 'Write in this room'],
      ['Enter', 'Send'],
      ['Shift Enter', 'New line'],
      ['↑ in an empty field', 'Edit your last message'],
      ['↑ / ↓ in the talk', 'Move between messages'],
    ],
  },
  {
    where: 'In a call',
    keys: [
      ['M', 'Mute, or unmute'],
      ['Hold Space', 'Speak for as long as you hold it'],
      ['+ - 0 F on a screen', 'Zoom what somebody shows, fit it, fill the screen'],
    ],
  },
  {
    where: 'On the floor plan',
    keys: [
      ['← ↑ → ↓', 'The room that lies there'],
      ['A letter', 'The next room whose name begins so'],
      ['Home', 'The room you are in'],
      ['Enter', 'Show the room; again: enter it'],
      ['+ - 0', 'Zoom, and fit the floor'],
      ['Shift arrows', 'Move the plan'],
    ],
  },
]

export function useShortcuts() {
  const navigate = useNavigate()
  const path = useRouterState({ select: (r) => r.location.pathname })
  const incidents = useIncidents()
  useWindow('keydown', (e) => {
    if (e.key === 'F6' && !e.ctrlKey && !e.altKey && !e.metaKey) {
      // A browser walks its own bars with it; the screen's parts come first.
      if (walk(e.shiftKey)) e.preventDefault()
      return
    }
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
    if (e.key === '?' && singleKeys()) {
      e.preventDefault()
      useOverlays.setState({ shortcuts: true })
    }
  })
}
