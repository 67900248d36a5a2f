// While I am called to something and nobody answered, a bar stands on every screen. It is made from what
// the server says is open, so it is there after a reload and in every tab, and goes everywhere at once.
import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { BellRing, ChevronDown, ShieldCheck, VolumeX } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { api, type OpenPage, type Reaching } from '@/api'
import { cx } from '@/lib/cx'
import { closeDesktop, showDesktop } from '@/lib/desktop'
import { useEvent, useWindow } from '@/lib/hooks'
import { alarm } from '@/lib/sound'
import { enterRoom, keptOut, useOffice, UserName } from '@/realtime'
import { Button, Chip, Clock, Countdown, say, toastError } from '@/ui'
import { barTone, more, news, pageText, pageTitle } from './model'
import s from './page.module.css'

export default function PageBar({ pages, reach }: { pages: OpenPage[]; reach: Reaching | undefined }) {
  const navigate = useNavigate()
  const client = useQueryClient()
  const [all, setAll] = useState(false)
  const [silent, setSilent] = useState(false)
  const bar = useRef<HTMLElement>(null)
  const told = useRef(new Set<string>())
  const open = useEvent((p: OpenPage) => void navigate({ to: p.link }))

  useEffect(() => {
    const { fresh, over } = news(told.current, pages)
    for (const p of fresh) {
      told.current.add(p.id)
      say(p.kind === 'page' ? `You are paged: ${pageTitle(p)}` : `Your approval is needed: ${pageTitle(p)}`, { urgent: true })
      if (reach?.desktop !== false) showDesktop(pageTitle(p), { tag: 'page:' + p.id, stays: true, body: p.kind === 'page' ? 'You are paged. Acknowledge in Muster.' : 'Your approval is needed.', click: () => open(p) })
    }
    for (const id of over) {
      told.current.delete(id)
      closeDesktop('page:' + id)
    }
  }, [pages, reach, open])
  useEffect(() => () => told.current.forEach((id) => closeDesktop('page:' + id)), [])

  const volume = useEvent(() => reach?.alarm ?? 0)
  const known = !!reach
  useEffect(() => (known ? alarm(volume, { silent: setSilent }) : undefined), [known, volume])

  useWindow('keydown', (e) => {
    if (!e.altKey || e.ctrlKey || e.metaKey || e.key.toLowerCase() !== 'a') return
    e.preventDefault()
    bar.current?.querySelector<HTMLElement>('button')?.focus()
  })

  const acknowledge = async (p: OpenPage) => {
    await api.post(`/incidents/${p.incident_id}/acknowledge`)
    await client.invalidateQueries({ queryKey: ['pages'] })
    // Who acknowledges is on the way: they go to the incident's room.
    const room = useOffice.getState().incidents[p.incident_id ?? '']?.room.id
    if (room && !keptOut(room)) void enterRoom(room).catch((e) => toastError('You could not enter the room', e))
    await navigate(room ? { to: '/rooms/$id', params: { id: room } } : { to: p.link })
  }
  const first = pages[0]
  if (!first) return null
  const rest = more(pages)
  return (
    <section ref={bar} className={cx(s.bar, s[barTone(pages)])} aria-label="What calls you" data-region="bar" data-over-modal>
      <div className={s.first}>
        <Row page={first} onAcknowledge={acknowledge} onOpen={open} />
        {rest && (
          <button type="button" className={s.more} aria-expanded={all} onClick={() => setAll(!all)}>
            {rest}
            <ChevronDown size={13} aria-hidden="true" />
          </button>
        )}
      </div>
      {all && (
        <ul>
          {pages.slice(1).map((p) => (
            <li key={p.id}>
              <Row page={p} onAcknowledge={acknowledge} onOpen={open} />
            </li>
          ))}
        </ul>
      )}
      {silent && (
        <p className={s.silent}>
          <VolumeX size={12} aria-hidden="true" /> This browser keeps the tab silent until you click in it.
        </p>
      )}
    </section>
  )
}

function Row({ page: p, onAcknowledge, onOpen }: { page: OpenPage; onAcknowledge: (p: OpenPage) => Promise<void>; onOpen: (p: OpenPage) => void }) {
  const [busy, setBusy] = useState(false)
  const Icon = p.kind === 'page' ? BellRing : ShieldCheck
  const name = p.ticket || pageText(p)
  const take = async () => {
    setBusy(true)
    try {
      await onAcknowledge(p)
    } catch (e) {
      toastError('The page was not acknowledged', e)
    } finally {
      setBusy(false)
    }
  }
  return (
    <div className={s.row}>
      <Icon size={15} aria-hidden="true" className={s.icon} />
      <div className={s.text}>
        {p.drill && <Chip tone="mute">DRILL</Chip>}
        {p.severity > 0 && <b className={s.sev}>SEV-{p.severity}</b>}
        {p.ticket && <b>{p.ticket}</b>}
        <span className={s.title} title={pageText(p)}>
          {pageText(p)}
        </span>
        <span className={s.meta}>
          {p.kind === 'page' ? 'paged ' : 'waits '}
          <Clock from={p.at} />
          {p.kind === 'page' && ' ago'}
          {p.next_page && (
            <>
              , <UserName id={p.next_page.user_id} first /> is next in <Countdown to={p.next_page.at} done="a moment" />
            </>
          )}
        </span>
      </div>
      <div className={s.acts}>
        {p.kind === 'approval' ? (
          <Button size="s" kind="primary" onClick={() => onOpen(p)} aria-label={`Review: ${pageText(p)}`}>
            Review
          </Button>
        ) : (
          <>
            <Button size="s" kind="primary" busy={busy} disabled={!p.may_acknowledge} title={p.may_acknowledge ? undefined : 'None of your roles may acknowledge this incident. Page somebody who may.'} onClick={() => void take()} aria-label={`Acknowledge ${name}`}>
              Acknowledge
            </Button>
            <Button size="s" onClick={() => onOpen(p)} aria-label={`Open ${name}`}>
              Open
            </Button>
          </>
        )}
      </div>
    </div>
  )
}
