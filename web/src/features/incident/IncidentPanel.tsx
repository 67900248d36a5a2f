import { Link } from '@tanstack/react-router'
import { ArrowUpRight, ExternalLink, Plus, X } from 'lucide-react'
import { useMemo, useState, type ReactElement } from 'react'
import type { Incident, Room } from '@/api'
import { declaredBy } from '@/lib/awaits'
import { useNow } from '@/lib/hooks'
import { running } from '@/lib/time'
import { UserName, useOffice } from '@/realtime'
import { buttonClass, Chip, EnvChip, ErrorState, Facts, IconButton, Loading, PanelSection, StageChip, Time } from '@/ui'
import { useActs, useIncident, useTimeline } from './live'
import { awaitsAck, isOpen, lastChange, openFor, responders, safeTicket } from './model'
import { CallActions, Metrics, NoteForm, Response, Roles, Severity, Stages, Timeline } from './parts'
import s from './incident.module.css'

/** Beside an incident's room: how it stands, what happened, who is coming, who does what. */
export default function IncidentPanel({ room, onClose }: { room: Room; onClose: () => void }) {
  const byRoom = useOffice((x) => Object.values(x.incidents).find((i) => i.room.id === room.id)?.id)
  const { incident, error, loading, refetch } = useIncident(byRoom ?? room.subject.id)
  if (loading) return <Loading label="Loading the incident" lines={8} />
  if (!incident) return <ErrorState error={error} title="The incident did not load" onRetry={refetch} />
  return <Panel i={incident} onClose={onClose} />
}

function Panel({ i, onClose }: { i: Incident; onClose: () => void }) {
  const acts = useActs(i.id)
  const [noting, setNoting] = useState(false)
  return (
    <div className={s.panel} tabIndex={0} role="region" aria-label={`Incident ${i.ticket}`}>
      <div className={s.head}>
        <span>{i.ticket}</span>
        <Severity i={i} acts={acts} />
        {i.mode === 'retrospective' && <Chip tone="violet">Retrospective</Chip>}
        {i.restricted && <Chip outline>Restricted</Chip>}
        {i.stage === 'closed' && <StageChip stage={i.stage} />}
        <span className="grow" />
        <Link to="/incidents/$id" params={{ id: i.ticket }} className={buttonClass('quiet', 's')} aria-label={`Open the page of ${i.ticket}`} title="Open the incident’s page">
          <ArrowUpRight size={15} />
        </Link>
        <IconButton size="s" label="Close the panel" side="left" onClick={onClose}>
          <X size={14} />
        </IconButton>
      </div>
      <h2>{i.title}</h2>
      <Stages i={i} acts={acts} />
      <Clocks i={i} />
      <CallActions i={i} acts={acts} />
      {i.summary && <p className={s.summary}>{i.summary}</p>}
      <PanelSection title="People">
        <Response i={i} />
      </PanelSection>
      <PanelSection title="Facts">
        <IncidentFacts i={i} />
      </PanelSection>
      <PanelSection
        title="Timeline"
        action={
          i.abilities?.note ? (
            <IconButton size="s" label={noting ? 'No note' : 'Add a note'} aria-expanded={noting} onClick={() => setNoting(!noting)}>
              {noting ? <X size={13} /> : <Plus size={14} />}
            </IconButton>
          ) : undefined
        }
      >
        {noting && <NoteForm acts={acts} onDone={() => setNoting(false)} />}
        <Timeline i={i} acts={acts} limit={7} />
        <p className={s.none}>Pin a message in the talk and it stands here too.</p>
      </PanelSection>
      <PanelSection title="Roles">
        <Roles i={i} acts={acts} />
      </PanelSection>
      <PanelSection title="Measured">
        <Metrics i={i} />
      </PanelSection>
    </div>
  )
}

export function Clocks({ i }: { i: Incident }) {
  const now = useNow('second', isOpen(i))
  const presence = useOffice((x) => x.presence)
  const here = useMemo(() => responders(i, Object.values(presence)).filter((r) => r.response === 'here').length, [i, presence])
  const waits = awaitsAck(i)
  return (
    <div className={s.clocks}>
      <div>
        <span className={s.k}>{isOpen(i) ? 'Open for' : 'Was open for'}</span>
        <b className="tnum">{running(openFor(i, now))}</b>
      </div>
      <div>
        <span className={s.k}>{!waits ? 'In the room' : i.times.acknowledged ? 'Paged again' : 'Not acknowledged'}</span>
        <b className={waits ? 'tnum c-red' : 'tnum'}>{waits && !i.times.acknowledged ? running(Math.max(0, now - Date.parse(i.times.declared))) : here}</b>
      </div>
    </div>
  )
}

export function IncidentFacts({ i }: { i: Incident }) {
  const timeline = useTimeline(i.id)
  const last = useMemo(() => lastChange(timeline.data?.items ?? []), [timeline.data])
  const ticket = safeTicket(i.ticket_url)
  return (
    <Facts
      items={[
        ['Service', i.service || 'none named'],
        ['Environment', i.environment ? <EnvChip key="e" env={i.environment} production={i.production} long /> : 'not known'],
        [
          'Ticket',
          ticket ? (
            <a key="t" href={ticket} target="_blank" rel="noopener noreferrer" className={s.link}>
              {i.ticket}
              <ExternalLink size={11} aria-label="opens in a new tab" />
            </a>
          ) : (
            i.ticket
          ),
        ],
        ['Declared by', <UserName key="d" id={i.declared_by} link fallback={declaredBy(i.declared_by)} />],
        ['Declared', <Time key="c" at={i.times.declared} mode="date" />],
        ['Last change', last ? <span key="l">{last.text}</span> : 'none yet'],
        ...(i.merged_into ? ([['Merged into', <Link key="m" to="/incidents/$id" params={{ id: i.merged_into }} className={s.link}>the incident that goes on</Link>]] as [string, ReactElement][]) : []),
      ]}
    />
  )
}
