import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { AtSign, BellRing, Check, CheckCheck, Hand, Inbox, Info, ShieldCheck, TriangleAlert, type LucideIcon } from 'lucide-react'
import { useState } from 'react'
import { api, type Delivery, type Items, type Notification, type NotificationKind } from '@/api'
import { cx } from '@/lib/cx'
import { setUnseen } from '@/realtime'
import { Button, Chip, Empty, ErrorState, GuideLink, IconButton, Loading, Page, TabPanel, Tabs, Time, toastError, type Tone } from '@/ui'
import s from './inbox.module.css'

const LOOK: Record<NotificationKind, { icon: LucideIcon; tone: Tone; word: string }> = {
  page: { icon: BellRing, tone: 'red', word: 'Page' },
  approval: { icon: ShieldCheck, tone: 'amber', word: 'Approval' },
  mention: { icon: AtSign, tone: 'blue', word: 'Mention' },
  get: { icon: Hand, tone: 'teal', word: 'Get' },
  info: { icon: Info, tone: 'mute', word: 'Notice' },
}

export default function InboxView() {
  const [show, setShow] = useState<'unseen' | 'all'>('unseen')
  const client = useQueryClient()
  const q = useQuery({ queryKey: ['notifications'], queryFn: () => api.get<Items<Notification>>('/notifications') })
  const items = q.data?.items ?? []
  const unseen = items.filter((n) => !n.seen_at)
  const shown = show === 'unseen' ? unseen : items

  const change = (fn: (n: Notification) => Notification) => {
    const next = items.map(fn)
    client.setQueryData<Items<Notification>>(['notifications'], { items: next })
    setUnseen(next.filter((n) => !n.seen_at).length)
  }
  const now = new Date().toISOString()
  const see = (id: string) => {
    change((n) => (n.id === id && !n.seen_at ? { ...n, seen_at: now } : n))
    void api.post(`/notifications/${id}/seen`).catch(() => {})
  }
  const seeAll = () => {
    change((n) => (n.seen_at ? n : { ...n, seen_at: now }))
    void api.post('/notifications/seen-all').catch((e) => {
      toastError('This was not saved', e)
      void q.refetch()
    })
  }
  return (
    <Page
      title="Inbox"
      actions={
        <>
          <Tabs
            label="Which notifications"
            value={show}
            onChange={setShow}
            tabs={[
              { id: 'unseen', label: 'New', count: unseen.length },
              { id: 'all', label: 'All' },
            ]}
          />
          <Button icon={<CheckCheck size={13} />} disabled={!unseen.length} onClick={seeAll}>
            Mark all as seen
          </Button>
        </>
      }
    >
      <TabPanel id={show}>
        {q.isPending ? (
          <Loading lines={6} />
        ) : q.error ? (
          <ErrorState error={q.error} onRetry={() => void q.refetch()} />
        ) : !shown.length ? (
          <Empty icon={<Inbox size={20} />} title={show === 'unseen' ? 'Nothing new' : 'Nothing has come yet'} action={<GuideLink to="jobs-and-approvals#approvals">About approvals</GuideLink>}>
            Pages, approvals that wait for you, mentions and requests to come arrive here.
          </Empty>
        ) : (
          <ul className={s.list}>
            {shown.map((n) => (
              <Row key={n.id} n={n} onSee={() => see(n.id)} onAnswered={() => void Promise.all([q.refetch(), client.invalidateQueries({ queryKey: ['pages'] })])} />
            ))}
          </ul>
        )}
      </TabPanel>
    </Page>
  )
}

const way = (c: Delivery) => c.name || c.channel

function Row({ n, onSee, onAnswered }: { n: Notification; onSee: () => void; onAnswered: () => void }) {
  const look = LOOK[n.kind] ?? LOOK.info
  const failed = n.channels.filter((c) => c.error)
  const sent = n.channels.filter((c) => c.state === 'sent')
  const [busy, setBusy] = useState(false)
  // Seeing a page is not answering it.
  const open = n.kind === 'page' && !!n.incident_id && !n.acted_at && !n.ended_at
  const acknowledge = async () => {
    setBusy(true)
    try {
      await api.post(`/incidents/${n.incident_id}/acknowledge`)
      onAnswered()
    } catch (e) {
      toastError('The page was not acknowledged', e)
    } finally {
      setBusy(false)
    }
  }
  return (
    <li className={cx(s.item, !n.seen_at && s.fresh)}>
      <span className={cx(s.icon, s[look.tone])}>
        <look.icon size={15} aria-hidden="true" />
      </span>
      <div className={s.body}>
        <div className={s.line}>
          <Link to={n.link || '/inbox'} onClick={onSee} className={s.title}>
            {!n.seen_at && <span className="sr">New: </span>}
            {n.title}
          </Link>
          <Chip tone={look.tone}>{look.word}</Chip>
          {n.acted_at ? (
            <Chip tone="green" icon={<Check size={11} />}>
              Done
            </Chip>
          ) : (
            n.ended_at && <Chip>Over</Chip>
          )}
        </div>
        {n.body && <p>{n.body}</p>}
        <div className={s.meta}>
          <Time at={n.created_at} mode="ago" />
          {n.drill && <span>a drill</span>}
          {sent.length > 0 && <span>sent by {sent.map(way).join(', ')}</span>}
          {failed.map((c) => (
            <span key={c.channel} className={c.state === 'skipped' ? undefined : 'c-red'}>
              {c.state !== 'skipped' && <TriangleAlert size={11} aria-hidden="true" />} {way(c)}: {c.error}
            </span>
          ))}
        </div>
      </div>
      {open && (
        <Button size="s" kind="primary" busy={busy} onClick={() => void acknowledge()} aria-label={`Acknowledge ${n.title}`}>
          Acknowledge
        </Button>
      )}
      {!n.seen_at && !open && (
        <IconButton label="Mark as seen" side="left" onClick={onSee}>
          <Check size={15} />
        </IconButton>
      )}
    </li>
  )
}
