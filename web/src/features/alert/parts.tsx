import { Link } from '@tanstack/react-router'
import { useQueryClient } from '@tanstack/react-query'
import { Check, ExternalLink, Siren } from 'lucide-react'
import { useState } from 'react'
import { api, type Alert } from '@/api'
import { useNow } from '@/lib/hooks'
import { UserName, useOpenIncident } from '@/realtime'
import { Button, Chip, Time, toastError } from '@/ui'
import { durationWords, firing, labels, links, stateWord } from './model'
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
