// What arrives while something else is on the screen: a passing word, and the count in the title.
import { useNavigate, useRouterState } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { api, useMyId, useSession } from '@/api'
import type { Get, Incident, Knock, Notification } from '@/api'
import { enterRoom, isOpen, keptOut, nameOf, tapEvents, undisturbed, useOffice } from '@/realtime'
import { toast, toastError, untoast } from '@/ui'

export function useNews() {
  const navigate = useNavigate()
  const me = useMyId()
  const pages = useRef<Record<string, number>>({})
  const path = useRouterState({ select: (r) => r.location.pathname })
  useEffect(
    () =>
      tapEvents((_, e) => {
        if (e.type === 'notification' && e.fresh) tell(e.notification)
        if (e.type === 'get' && e.get.from === me) answer(e.get)
        if (e.type === 'knock' && e.knock.user_id === me) opened(e.knock)
        if (e.type === 'incident') settled(e.incident)
      }),
    [me, navigate, path],
  )
  function tell(n: Notification) {
    const here = n.link.split('#')[0] === path
    if (n.kind === 'get' || n.seen_at) return
    // It stands in the inbox; only a page comes to the front of who does not want to be disturbed.
    if (n.kind !== 'page' && undisturbed()) return
    const open = n.link ? { label: 'Open', run: () => void navigate({ to: n.link }) } : undefined
    if (n.kind === 'page' && n.incident_id) {
      pages.current[n.incident_id] = toast(n.title, { tone: 'page', detail: n.body, action: open, main: { label: 'Acknowledge', run: () => void acknowledge(n) } })
    } else if (!here) toast(n.title, { tone: 'info', detail: n.body, action: open })
  }
  /** Acknowledged somewhere else, or over: the page has done its work. */
  function settled(i: Incident) {
    const shown = pages.current[i.id]
    const mine = i.pages.filter((p) => p.user_id === me)
    if (shown && (!isOpen(i) || (mine.length > 0 && mine.every((p) => p.state === 'acknowledged')))) untoast(shown)
  }
  async function acknowledge(n: Notification) {
    try {
      await api.post(`/incidents/${n.incident_id}/acknowledge`)
      void api.post(`/notifications/${n.id}/seen`).catch(() => {})
      // Who acknowledges is on the way: they go to the incident's room.
      const room = useOffice.getState().incidents[n.incident_id ?? '']?.room.id
      if (room && !keptOut(room)) void enterRoom(room).catch((e) => toastError('You could not enter the room', e))
      await navigate(room ? { to: '/rooms/$id', params: { id: room } } : { to: n.link || '/' })
    } catch (e) {
      toastError('The page was not acknowledged', e)
    }
  }
  function answer(g: Get) {
    const who = nameOf(g.to)
    if (g.state === 'accepted') toast(`${who} is on the way`)
    if (g.state === 'declined') toast(`${who} can't come now`, { tone: 'info', detail: g.answer })
    if (g.state === 'expired') toast(`${who} did not answer`, { tone: 'info', detail: 'You can ask again, or page them from the incident.' })
  }
  function opened(k: Knock) {
    const name = useOffice.getState().rooms[k.room_id]?.name ?? 'the room'
    if (k.state === 'admitted') {
      toast(`${nameOf(k.answered_by)} let you in`)
      void navigate({ to: '/rooms/$id', params: { id: k.room_id } })
    }
    if (k.state === 'declined') toast(`${nameOf(k.answered_by)} can't let you in now`, { tone: 'info', detail: k.answer || `You knocked at ${name}.` })
    if (k.state === 'expired') toast(`Nobody answered at ${name}`, { tone: 'info', detail: 'Your knock stands in its chat. You can knock again, or ask one of them to Get you.' })
  }

  const office = useSession((s) => s.me?.office.name ?? 'Muster')
  const waiting = useOffice((o) => Object.values(o.rooms).reduce((n, r) => n + r.mentions, 0) + o.unseen)
  const roomId = /^\/rooms\/([^/]+)/.exec(path)?.[1]
  const room = useOffice((o) => (roomId ? o.rooms[roomId]?.name : undefined))
  useEffect(() => {
    const place = room ?? placeName(path)
    document.title = `${waiting ? `(${waiting}) ` : ''}${place ? place + ' · ' : ''}${office}`
  }, [waiting, room, path, office])
}
const placeName = (path: string) => {
  const [, first = '', second] = path.split('/')
  if (!first) return 'Floor map'
  return first.charAt(0).toUpperCase() + first.slice(1) + (second ? ' ' + second : '')
}
