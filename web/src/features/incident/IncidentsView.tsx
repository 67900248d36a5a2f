import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { PartyPopper, Siren } from 'lucide-react'
import { useMemo, useState } from 'react'
import { api, useCan, type Incident, type Items } from '@/api'
import { cx } from '@/lib/cx'
import { useNow } from '@/lib/hooks'
import { length, running } from '@/lib/time'
import { UserName, UserStack, useIncidents, useInsideRooms } from '@/realtime'
import { Button, Chip, Empty, EnvChip, ErrorState, Input, Loading, Page, SeverityChip, StageChip, TabPanel, Tabs, Time } from '@/ui'
import DeclareForm from './DeclareForm'
import { bySeverity, isOpen, matchIncident, openFor } from './model'
import s from './incident.module.css'

/** Incidents: the open ones as they move, the closed ones by date. */
export default function IncidentsView() {
  const open = useIncidents()
  const [which, setWhich] = useState<'open' | 'closed'>('open')
  const [text, setText] = useState('')
  const [declaring, setDeclaring] = useState(false)
  const may = useCan('declare')
  const closed = useQuery({ queryKey: ['incidents', 'closed'], queryFn: () => api.get<Items<Incident>>('/incidents', { state: 'closed', limit: 200 }), enabled: which === 'closed' })
  const list = useMemo(() => (which === 'open' ? [...open].sort(bySeverity) : (closed.data?.items ?? []).filter((i) => !isOpen(i))).filter((i) => matchIncident(i, text)), [which, open, closed.data, text])
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
            { id: 'open', label: 'Open', count: open.length },
            { id: 'closed', label: 'Closed' },
          ]}
        />
        <span className="grow" />
        <div className={s.search}>
          <Input type="search" aria-label="Find an incident" placeholder="Ticket, title, service" value={text} onChange={(e) => setText(e.target.value)} />
        </div>
      </div>
      <TabPanel id={which}>
      {which === 'closed' && closed.isPending ? (
        <Loading label="Loading closed incidents" lines={6} />
      ) : which === 'closed' && closed.error && !closed.data ? (
        <ErrorState error={closed.error} onRetry={() => void closed.refetch()} />
      ) : list.length === 0 ? (
        text ? (
          <Empty title={`No ${which} incident fits “${text}”`} />
        ) : which === 'open' ? (
          <Empty icon={<PartyPopper size={20} />} title="No open incidents">
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
