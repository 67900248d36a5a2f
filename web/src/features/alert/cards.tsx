import { useQuery } from '@tanstack/react-query'
import { Check, Siren } from 'lucide-react'
import { useState } from 'react'
import { api, type Alert } from '@/api'
import { cx } from '@/lib/cx'
import { EnvChip, SeverityChip, type CardProps } from '@/ui'
import { alertFromCard, asNew, countWords, firing } from './model'
import { AckedBy, AcknowledgeButton, IncidentLink, Labels, Lasted, Links, EndedBy, ResolveButton } from './parts'
import s from './alert.module.css'

/** An alert in the talk: it fires, then the same card says how long it lasted. */
export function AlertCard({ card, latest }: CardProps) {
  const snapshot = alertFromCard(card.data)
  // The card is rewritten when the alert changes; what I may do with it comes only with my own answer.
  const { data } = useQuery({ queryKey: ['alert', card.ref, snapshot?.last_at ?? '', snapshot?.state ?? ''], queryFn: () => api.get<Alert>(`/alerts/${card.ref}`), enabled: !snapshot || (firing(snapshot) && latest) })
  const a = data && (!snapshot || asNew(data, snapshot)) ? data : snapshot
  const [open, setOpen] = useState<boolean | null>(null)
  if (!a) return null
  const full = open ?? (latest && firing(a))
  return (
    <section className={cx(s.card, firing(a) ? s.fires : s.over)} aria-label={`Alert ${a.title}`}>
      <span className={cx(s.icon, firing(a) ? 'c-red' : 'c-green')}>{firing(a) ? <Siren size={15} aria-hidden="true" /> : <Check size={15} strokeWidth={2.6} aria-hidden="true" />}</span>
      <div className={s.text}>
        <div className={s.title}>
          <b>{a.title}</b>
          <SeverityChip severity={a.severity} />
          <EnvChip env={a.environment} production={a.production} />
        </div>
        {a.summary && <p>{a.summary}</p>}
        <div className={s.meta}>
          <b className={firing(a) ? 'c-red' : 'c-green'}>
            <Lasted a={a} />
          </b>
          {a.count > 1 && <span>{countWords(a.count)}</span>}
          {a.service && <span>{a.service}</span>}
          <AckedBy a={a} />
          <EndedBy a={a} />
          {a.incident_id && !latest && <IncidentLink id={a.incident_id} />}
          <Links a={a} />
          <button type="button" className={s.toggle} aria-expanded={full} onClick={() => setOpen(!full)}>
            {full ? 'Hide labels' : 'Labels'}
          </button>
        </div>
        {full && <Labels a={a} />}
      </div>
      <div className={s.acts}>
        <AcknowledgeButton a={a} />
        <ResolveButton a={a} />
      </div>
    </section>
  )
}
