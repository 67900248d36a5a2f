// Beside what is shown in a war room: how the incident stands and who does what, in brief.
import { Link } from '@tanstack/react-router'
import { ArrowUpRight } from 'lucide-react'
import type { Room } from '@/api'
import { cx } from '@/lib/cx'
import { useOffice } from '@/realtime'
import { buttonClass, PanelSection, StageChip } from '@/ui'
import { Clocks } from './IncidentPanel'
import { useActs, useIncident } from './live'
import { Roles, Severity, Timeline } from './parts'
import s from './incident.module.css'

export default function WarSide({ room }: { room: Room }) {
  const byRoom = useOffice((x) => Object.values(x.incidents).find((i) => i.room.id === room.id)?.id)
  const { incident: i } = useIncident(byRoom ?? room.subject.id)
  const acts = useActs(i?.id ?? '')
  if (!i) return null
  return (
    <div className={s.panel} tabIndex={0} role="region" aria-label={`Incident ${i.ticket}`}>
      <div className={cx(s.head, s.warHead)}>
        <span>{i.ticket}</span>
        <Severity i={i} acts={acts} />
        <StageChip stage={i.stage} />
        <Link to="/incidents/$id" params={{ id: i.ticket }} className={buttonClass('quiet', 's')} aria-label={`Open the page of ${i.ticket}`} title="Open the incident’s page">
          <ArrowUpRight size={15} />
        </Link>
      </div>
      <h2>{i.title}</h2>
      <div className={s.briefClocks}>
        <Clocks i={i} />
      </div>
      <PanelSection title="Roles">
        <Roles i={i} acts={acts} />
      </PanelSection>
      <PanelSection title="Timeline">
        <Timeline i={i} acts={acts} limit={5} />
      </PanelSection>
    </div>
  )
}
