// What arrives while something else is on the screen: a passing word, a sound, a desktop notification, and
// the count in the title. What calls me until I answer stands in the bar (features/page).
import { useNavigate, useRouterState } from '@tanstack/react-router'
import { useEffect, useRef, useSyncExternalStore } from 'react'
import { useMyId, useSession } from '@/api'
import type { Get, Knock, Notification, OpenPage, Reaching } from '@/api'
import { askDesktop, closeDesktop, desktopPermission, showDesktop } from '@/lib/desktop'
import { useEvent } from '@/lib/hooks'
import type { Sound } from '@/lib/sound'
import { nameOf, tapEvents, undisturbed, useKnocks, useOffice, useOnCall } from '@/realtime'
import { modeMark } from '@/lib/severity'
import { toast } from '@/ui'
import { graveNews } from './announce'

export function useNews(pages: readonly OpenPage[], reach: Reaching | undefined) {
  const navigate = useNavigate()
  const me = useMyId()
  const path = useRouterState({ select: (r) => r.location.pathname })
  const rung = useRef(new Set<string>())

  /** Sounds and shows on the desktop what wants an answer from somebody who may look elsewhere. */
  const ring = useEvent((sound: Sound, title: string, body: string, tag: string, link: string) => {
    if (rung.current.has(tag)) return
    rung.current.add(tag)
    // Loaded when there is something to hear.
    if (reach) void import('@/lib/sound').then((m) => m.playOnce(sound, reach.chime))
    if (reach?.desktop && !document.hasFocus()) showDesktop(title, { body, tag, click: () => link && void navigate({ to: link }) })
  })
  const tell = useEvent((n: Notification) => {
    const here = n.link.split('#')[0] === path
    const called = n.kind === 'page' || (n.kind === 'approval' && !!n.severity)
    if (n.kind === 'get' || called || n.seen_at) return
    // It stands in the inbox.
    if (undisturbed()) return
    if (n.kind === 'mention' || n.kind === 'approval') {
      if (!here || !document.hasFocus()) ring('mention', n.title, n.body, n.id, n.link)
    }
    if (!here) toast(n.title, { tone: 'info', detail: n.body, action: n.link ? { label: 'Open', run: () => void navigate({ to: n.link }) } : undefined })
  })
  const asked = useEvent((g: Get) => {
    if (g.state === 'pending' && !g.quiet) ring('get', `${nameOf(g.from)} asks you to come`, [useOffice.getState().rooms[g.room_id]?.name, g.note].filter(Boolean).join(': '), g.id, '')
    if (g.state !== 'pending') closeDesktop(g.id)
  })
  const atDoor = useEvent((k: Knock) => {
    if (k.state === 'pending' && !undisturbed()) ring('knock', `${k.guest || nameOf(k.user_id)} ${k.guest ? 'is at the door' : 'knocks'}`, [useOffice.getState().rooms[k.room_id]?.name, k.note].filter(Boolean).join(': '), k.id, `/rooms/${k.room_id}`)
    if (k.state !== 'pending') closeDesktop(k.id)
  })
  const opened = useEvent((k: Knock) => {
    const name = useOffice.getState().rooms[k.room_id]?.name ?? 'the room'
    if (k.state === 'admitted') {
      toast(`${nameOf(k.answered_by)} let you in`)
      void navigate({ to: '/rooms/$id', params: { id: k.room_id } })
    }
    if (k.state === 'declined') toast(`${nameOf(k.answered_by)} can't let you in now`, { tone: 'info', detail: k.answer || `You knocked at ${name}.` })
    if (k.state === 'expired') toast(`Nobody answered at ${name}`, { tone: 'info', detail: 'Your knock stands in its chat. You can knock again, or ask one of them to Get you.' })
  })
  useEffect(() => {
    // What an event changed, for what is said of it; loaded when there is something to say.
    let was = useOffice.getState()
    const over = useOffice.subscribe((now, before) => {
      was = before
      if (before.status !== 'ready' || now.status !== 'ready' || now.runs === before.runs) return
      for (const r of Object.values(before.runs)) if (r.requested_by === me && now.runs[r.id]?.state !== r.state) void import('./aloud').then((m) => m.sayRun(r))
    })
    const stop = tapEvents((_, e) => {
      if (e.type !== 'presence' || e.presence.user_id === me) return
      const before = was.presence[e.presence.user_id]
      if (before?.room_id !== e.presence.room_id) void import('./aloud').then((m) => m.sayArrival(before, e.presence, me))
    })
    return () => {
      over()
      stop()
    }
  }, [me])
  useEffect(
    () =>
      tapEvents((_, e) => {
        if (e.type === 'notification' && e.fresh) tell(e.notification)
        if (e.type === 'get') (e.get.from === me ? answer : asked)(e.get)
        if (e.type === 'knock') (e.knock.user_id === me ? opened : atDoor)(e.knock)
      }),
    [me, tell, asked, opened, atDoor],
  )
  useEffect(
    () =>
      useOffice.subscribe((now, before) => {
        // What is open when one comes is no news; what came while the line was down is.
        if (before.status !== 'ready' || now.status !== 'ready' || undisturbed()) return
        for (const { incident: i, raised } of graveNews(before.incidents, now.incidents, Date.now())) {
          if (i.pages.some((p) => p.user_id === me && !p.acknowledged_at)) continue // The bar tells them.
          toast(`${modeMark(i.mode) && `${modeMark(i.mode)} `}SEV-${i.severity} ${i.ticket} ${i.title}`, {
            tone: 'grave',
            detail: raised ? 'It is worse than it was.' : 'A new incident.',
            action: { label: 'Open', run: () => void navigate({ to: '/rooms/$id', params: { id: i.room.id } }) },
          })
        }
      }),
    [me, navigate],
  )
  useFirstDuty(me, reach)

  const office = useSession((s) => s.me?.office.name ?? 'Muster')
  const knocks = useKnocks().length
  const waiting = useOffice((o) => Object.values(o.rooms).reduce((n, r) => n + r.mentions, 0) + o.unseen) + knocks
  const roomId = /^\/rooms\/([^/]+)/.exec(path)?.[1]
  const room = useOffice((o) => (roomId ? o.rooms[roomId]?.name : undefined))
  const paged = pages.find((p) => p.kind === 'page')
  const called = paged ? `Paged${paged.ticket ? ' ' + paged.ticket : ''}! ` : ''
  const heading = useHeading(!room && ID.test(path))
  useEffect(() => {
    const place = room ?? (heading || placeName(path))
    document.title = `${called}${waiting ? `(${waiting}) ` : ''}${place ? place + ' · ' : ''}${office}`
  }, [called, waiting, room, heading, path, office])
  const mark = paged ? 'paged' : waiting ? 'waiting' : ''
  useEffect(() => {
    const icon = document.querySelector<HTMLLinkElement>('link[rel=icon]')
    if (icon) icon.href = mark ? `/icon-${mark}.svg` : '/icon.svg'
  }, [mark])
}

const ASKED = 'desktop.asked'
/** Who is on call for the first time in this browser is asked, once, whether it may show pages. It takes their click: never out of the blue. */
function useFirstDuty(me: string, reach: Reaching | undefined) {
  const duty = useOnCall().some((o) => o.user_id === me)
  const wanted = !!reach?.desktop
  useEffect(() => {
    if (!duty || !wanted || desktopPermission() !== 'default' || localStorage.getItem(ASKED)) return
    localStorage.setItem(ASKED, '1')
    toast('You are on call', {
      tone: 'info',
      detail: 'Let this browser show pages on the desktop, also while you look elsewhere?',
      main: { label: 'Show pages', run: () => void askDesktop().then((p) => p === 'granted' && toast('Pages are shown on the desktop')) },
      stays: true,
    })
  }, [duty, wanted])
}

function answer(g: Get) {
  const who = nameOf(g.to)
  if (g.state === 'accepted') toast(`${who} is on the way`)
  if (g.state === 'declined') toast(`${who} can't come now`, { tone: 'info', detail: g.answer })
  if (g.state === 'expired') toast(`${who} did not answer`, { tone: 'info', detail: 'You can ask again, or page them from the incident.' })
}
/** What has an id in its address is called by its page's heading. */
const ID = /\/[0-9a-f]{8}-[0-9a-f-]{27}/
const placeName = (path: string) => {
  const [, first = '', second] = path.replace(ID, '').split('/')
  if (!first) return 'Floor map'
  return first.charAt(0).toUpperCase() + first.slice(1) + (second ? ' ' + second : '')
}
const watchMain = (changed: () => void) => {
  const watch = new MutationObserver(changed)
  const main = document.getElementById('main')
  if (main) watch.observe(main, { childList: true, subtree: true, characterData: true })
  return () => watch.disconnect()
}
const watchNothing = () => () => {}
/** Without the chip that may stand before it. */
const readHeading = () => document.querySelector('#main h1:not([data-loading]):not(:has(> span)), #main h1 > span:last-child')?.textContent?.trim() ?? ''
const useHeading = (wanted: boolean) => useSyncExternalStore(wanted ? watchMain : watchNothing, wanted ? readHeading : () => '')
