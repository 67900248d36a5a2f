import { Link } from '@tanstack/react-router'
import { useQueryClient } from '@tanstack/react-query'
import { Check, ExternalLink, Siren } from 'lucide-react'
import { useState } from 'react'
import { api, type Alert } from '@/api'
import { useNow } from '@/lib/hooks'
import { UserName, useOpenIncident } from '@/realtime'
import { Button, Chip, ConfirmButton, Time, toastError } from '@/ui'
import { durationWords, endWords, firing, labels, links, stateWord } from './model'
import s from './alert.module.css'

export const AlertState = ({ state }: { state: Alert['state'] }) => (
  <Chip tone={state === 'open' ? 'red' : state === 'acknowledged' ? 'amber' : 'green'} icon={state === 'resolved' ? <Check size={11} strokeWidth={3} /> : <Siren size={11} />}>
    {stateWord(state)}
  </Chip>
)

/** "Firing for 12 min": moves while it fires. */
export const Lasted = ({ a }: { a: Alert }) => {
  const now = useNow('second', firing(a))
  return <span className="tnum">{durationWords(a, now)}</span>
}

export function AcknowledgeButton({ a, size }: { a: Alert; size?: 's' | 'm' }) {
  const queries = useQueryClient()
  const [busy, setBusy] = useState(false)
  // Somebody takes care of the incident already: then this is one thing to do among others.
  const taken = !!useOpenIncident(a.incident_id)?.times.acknowledged
  if (a.state !== 'open' || !a.abilities?.acknowledge) return null
  return (
    <Button
      size={size}
      kind={taken ? 'ghost' : 'primary'}
      busy={busy}
      icon={<Check size={13} />}
      aria-label={`Acknowledge ${a.title}`}
      onClick={() => {
        setBusy(true)
        api
          .post<Alert | undefined>(`/alerts/${a.id}/acknowledge`)
          .then((next) => {
            if (next?.id) queries.setQueriesData({ queryKey: ['alert', a.id] }, next)
            return Promise.all([queries.invalidateQueries({ queryKey: ['alerts'] }), queries.invalidateQueries({ queryKey: ['alert'] })])
          })
          .catch((e) => toastError('The alert was not acknowledged', e))
          .finally(() => setBusy(false))
      }}
    >
      Acknowledge
    </Button>
  )
}

/** Ends an alert whose source does not say so: somebody looked and it is over. */
export function ResolveButton({ a, size }: { a: Alert; size?: 's' | 'm' }) {
  const queries = useQueryClient()
  if (a.state === 'resolved' || !a.abilities?.['resolve']) return null
  return (
    <ConfirmButton
      size={size}
      kind="ghost"
      label={`Resolve ${a.title}`}
      title={`Resolve ${a.title}?`}
      description="It counts as over although its source has not said so. It stays so while the source goes on about the same trouble; a new outbreak is told again."
      confirm="Resolve"
      onConfirm={async () => {
        await api.post(`/alerts/${a.id}/resolve`)
        await Promise.all([queries.invalidateQueries({ queryKey: ['alerts'] }), queries.invalidateQueries({ queryKey: ['alert'] })])
      }}
    >
      Resolve
    </ConfirmButton>
  )
}

/** One act for all that are chosen. */
export function SeveralAlerts({ picked, all, choose }: { picked: Alert[]; all: Alert[]; choose: (ids: string[], on: boolean) => void }) {
  const queries = useQueryClient()
  const [busy, setBusy] = useState('')
  if (all.length === 0) return null
  const act = (verb: 'acknowledge' | 'resolve') => {
    setBusy(verb)
    const ids = picked.map((a) => a.id)
    api
      .post(`/alerts/${verb}`, { ids })
      .then(() => {
        choose(ids, false)
        return Promise.all([queries.invalidateQueries({ queryKey: ['alerts'] }), queries.invalidateQueries({ queryKey: ['alert'] })])
      })
      .catch((e) => toastError(`The alerts were not ${verb}d`, e))
      .finally(() => setBusy(''))
  }
  const every = all.every((a) => picked.some((p) => p.id === a.id))
  return (
    <div className={s.several} role="group" aria-label="Several alerts at once">
      <label>
        <input type="checkbox" checked={every} onChange={(e) => choose(all.map((a) => a.id), e.target.checked)} /> All shown
      </label>
      <span className="tnum">{picked.length} chosen</span>
      <Button size="s" busy={busy === 'acknowledge'} disabled={!picked.some((a) => a.state === 'open')} onClick={() => act('acknowledge')}>
        Acknowledge chosen
      </Button>
      <Button size="s" busy={busy === 'resolve'} disabled={picked.length === 0} onClick={() => act('resolve')}>
        Resolve chosen
      </Button>
    </div>
  )
}

export const EndedBy = ({ a }: { a: Alert }) => {
  const words = endWords(a)
  if (!words) return null
  return (
    <span>
      {words}
      {a.resolved_by && (
        <>
          {' '}
          by <UserName id={a.resolved_by} />
        </>
      )}
    </span>
  )
}

export function Labels({ a, limit = 8 }: { a: Alert; limit?: number }) {
  const [all, setAll] = useState(false)
  const list = labels(a)
  if (list.length === 0) return null
  const shown = all ? list : list.slice(0, limit)
  return (
    <ul className={s.labels} aria-label="Labels">
      {shown.map((l) => (
        <li key={l.name}>
          <span>{l.name}</span>
          <b>{l.value}</b>
        </li>
      ))}
      {list.length > shown.length && (
        <li className={s.moreLabels}>
          <button type="button" onClick={() => setAll(true)}>
            {list.length - shown.length} more
          </button>
        </li>
      )}
    </ul>
  )
}

/** Only http and https are followed, in a tab of their own and without telling where from. */
export const Links = ({ a }: { a: Alert }) => (
  <>
    {links(a).map((l) => (
      <a key={l.href} className={s.link} href={l.href} target="_blank" rel="noopener noreferrer nofollow">
        {l.label}
        <ExternalLink size={11} aria-label="opens in a new tab" />
      </a>
    ))}
  </>
)

export const IncidentLink = ({ id }: { id: string }) => {
  const i = useOpenIncident(id)
  return (
    <Link to="/incidents/$id" params={{ id: i?.ticket ?? id }} className={s.link}>
      {i?.ticket ?? 'Incident'}
    </Link>
  )
}
export const AckedBy = ({ a }: { a: Alert }) =>
  a.acknowledged_by ? (
    <span>
      acknowledged by <UserName id={a.acknowledged_by} />
    </span>
  ) : null
export const LastSeen = ({ a }: { a: Alert }) => (
  <span>
    last <Time at={a.last_at} mode="ago" />
  </span>
)
