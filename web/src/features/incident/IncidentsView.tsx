import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { PartyPopper, Siren } from 'lucide-react'
import { useMemo, useState } from 'react'
import { api, useCan, type Incident, type Items, type Metric } from '@/api'
import { cx } from '@/lib/cx'
import { useNow } from '@/lib/hooks'
import { length, running } from '@/lib/time'
import { UserName, UserStack, useIncidents, useInsideRooms } from '@/realtime'
import { Button, Chip, Empty, EnvChip, ErrorState, GuideLink, Input, Loading, Page, SeverityChip, StageChip, TabPanel, Tabs, Time } from '@/ui'
import DeclareForm from './DeclareForm'
import { bySeverity, isOpen, matchIncident, metricName, openFor } from './model'
import s from './incident.module.css'

/** Incidents: the open ones as they move, the closed ones by date. */
export default function IncidentsView() {
  const current = useIncidents()
  const [which, setWhich] = useState<'open' | 'closed'>('open')
  const [text, setText] = useState('')
  const [declaring, setDeclaring] = useState(false)
  const may = useCan('declare')
  // Resolved ones stay among the open until somebody closes them; the live store may have let go of them.
  const opened = useQuery({ queryKey: ['incidents', 'open'], queryFn: () => api.get<Items<Incident>>('/incidents', { state: 'open', limit: 200 }) })
  const open = useMemo(() => {
    const at = new Map((opened.data?.items ?? []).map((i) => [i.id, i]))
    for (const i of current) at.set(i.id, i)
    return [...at.values()].filter((i) => i.stage !== 'closed' && !i.merged_into).sort((a, b) => Number(!isOpen(a)) - Number(!isOpen(b)) || bySeverity(a, b))
  }, [opened.data, current])
  const closed = useQuery({ queryKey: ['incidents', 'closed'], queryFn: () => api.get<Items<Incident>>('/incidents', { state: 'closed', limit: 200 }), enabled: which === 'closed' })
  const list = useMemo(() => (which === 'open' ? open : (closed.data?.items ?? []).filter((i) => i.stage === 'closed' || i.merged_into)).filter((i) => matchIncident(i, text)), [which, open, closed.data, text])
  const declare = (
    <Button kind="stop" icon={<Siren size={13} />} disabled={!may} title={may ? undefined : 'Your roles do not let you declare incidents'} onClick={() => setDeclaring(true)}>
      Declare an incident
    </Button>
  )
  return (
    <Page title="Incidents" actions={declare}>
      <div className={s.toolbar}>
        <Tabs
          label="Which incidents"
          value={which}
          onChange={setWhich}
          tabs={[
            { id: 'open', label: 'Open', count: open.filter(isOpen).length },
            { id: 'closed', label: 'Closed' },
          ]}
        />
        <span className="grow" />
        <div className={s.search}>
          <Input type="search" aria-label="Find an incident" placeholder="Ticket, title, service" value={text} onChange={(e) => setText(e.target.value)} />
        </div>
      </div>
      <TabPanel id={which}>
      {which === 'closed' && <Figures />}
      {which === 'closed' && closed.isPending ? (
        <Loading label="Loading closed incidents" lines={6} />
      ) : which === 'closed' && closed.error && !closed.data ? (
        <ErrorState error={closed.error} onRetry={() => void closed.refetch()} />
      ) : list.length === 0 ? (
        text ? (
          <Empty title={`No ${which} incident fits “${text}”`} />
        ) : which === 'open' ? (
          <Empty icon={<PartyPopper size={20} />} title="No open incidents" action={<GuideLink to="first-incident">What an incident looks like</GuideLink>}>
            All quiet. When an alert asks for it, its room opens here by itself.
          </Empty>
        ) : (
          <Empty title="No incident has been closed yet" />
        )
      ) : (
        <ul className={s.rows}>
          {list.map((i) => (
            <Row key={i.id} i={i} />
          ))}
        </ul>
      )}
      </TabPanel>
      <DeclareForm open={declaring} onOpenChange={setDeclaring} />
    </Page>
  )
}

type Summary = { name: string; title: string; formula: string; median_seconds: number | null; p90_seconds: number | null; count: number; missing: number }
/** How long things took over all closed incidents: what has no number is counted, never guessed. */
function Figures() {
  const { data } = useQuery({ queryKey: ['incidents', 'metrics'], queryFn: () => api.get<Items<Summary>>('/metrics/incidents') })
  const items = (data?.items ?? []).filter((m) => m.count > 0 || m.missing > 0)
  if (items.length === 0) return null
  return (
    <dl className={s.figures} aria-label="Over all closed incidents">
      {items.map((m) => (
        <div key={m.name} title={m.formula}>
          <dt>{metricName({ name: m.name as Metric['name'], title: m.title })}</dt>
          <dd className="tnum">{m.median_seconds === null ? '–' : length(m.median_seconds * 1000)}</dd>
          <dd>
            median of {m.count}
            {m.p90_seconds !== null && `, p90 ${length(m.p90_seconds * 1000)}`}
            {m.missing > 0 && `; ${m.missing} without a stamp`}
          </dd>
          <dd>{m.formula}</dd>
        </div>
      ))}
    </dl>
  )
}

function Row({ i }: { i: Incident }) {
  const open = isOpen(i)
  const now = useNow('second', open)
  const inside = useInsideRooms()[i.room.id] ?? []
  const commander = i.roles.find((r) => r.role === 'commander')?.user_id
  return (
    <li className={cx(s.row, open && s['rowOpen' + i.severity])}>
      <div className={s.rowMain}>
        <span className={s.rowTitle}>
          <SeverityChip severity={i.severity} />
          <Link to="/incidents/$id" params={{ id: i.ticket }}>
            {i.ticket} {i.title}
          </Link>
          <StageChip stage={i.stage} />
          <EnvChip env={i.environment} />
          {i.mode !== 'real' && <Chip tone="violet">{i.mode}</Chip>}
        </span>
        <span className={s.rowSub}>
          <span>{i.service || 'no service named'}</span>
          <span>{commander ? <>Commander <UserName id={commander} /></> : 'No commander'}</span>
          {!i.times.acknowledged && open && <b className="c-red">not acknowledged</b>}
          <span>
            declared <Time at={i.times.declared} mode="date" />
          </span>
        </span>
      </div>
      <div className={s.rowSide}>
        <b className="tnum">{open ? running(openFor(i, now)) : length(openFor(i, now))}</b>
        {inside.length > 0 ? <UserStack ids={inside} max={5} size={18} /> : <span>{open ? 'nobody in the room' : 'from declared to resolved'}</span>}
      </div>
    </li>
  )
}
