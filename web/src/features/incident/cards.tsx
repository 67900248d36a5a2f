import { Link } from '@tanstack/react-router'
import type { Incident } from '@/api'
import { declaredBy } from '@/lib/awaits'
import { cx } from '@/lib/cx'
import { UserName, useOpenIncident } from '@/realtime'
import { Clock, EnvChip, SeverityChip, StageChip, type CardProps } from '@/ui'
import s from './incident.module.css'

type Snapshot = Pick<Incident, 'ticket' | 'title' | 'severity' | 'service' | 'environment' | 'declared_by' | 'mode'> & Partial<Pick<Incident, 'production'>>

/** The declaration in the talk; while the incident is open it says where it stands now. */
export function IncidentCard({ card }: CardProps) {
  const open = useOpenIncident(card.ref)
  const i: Snapshot | undefined = open ?? (card.data as Snapshot | undefined)
  if (!i) return null
  return (
    <section className={cx(s.card, s['card' + i.severity])} aria-label={`Card of incident ${i.ticket}`}>
      <div className={s.cardText}>
        <div>
          <SeverityChip severity={i.severity} mode={i.mode} />
          <Link to="/incidents/$id" params={{ id: i.ticket }}>
            {i.ticket} {i.title}
          </Link>
          {open && <StageChip stage={open.stage} />}
          <EnvChip env={i.environment} production={i.production} />
        </div>
        <span>
          Declared by <UserName id={i.declared_by} fallback={declaredBy(i.declared_by)} />
          {i.service ? ` for ${i.service}` : ''}
          {open ? (
            <>
              , open for <Clock from={open.times.declared} />
            </>
          ) : (
            ''
          )}
        </span>
      </div>
    </section>
  )
}
