import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { PartyPopper, Siren } from 'lucide-react'
import { useMemo, useState } from 'react'
import { api, errorText, useCan, type Incident, type Items, type Metric } from '@/api'
import { cx } from '@/lib/cx'
import { useNow } from '@/lib/hooks'
import { length, running } from '@/lib/time'
import { UserName, UserStack, useIncidents, useInsideRooms } from '@/realtime'
import { Button, Chip, Empty, EnvChip, ErrorState, GuideLink, Input, Loading, Notice, Page, SeverityChip, StageChip, TabPanel, Tabs, Time, toast } from '@/ui'
import DeclareForm from './DeclareForm'
import { MergeDialog } from './MoreActs'
import { awaitsAck, bySeverity, isOpen, lastStep, matchIncident, metricName, openFor, openWord, outcomes, stampWord, type OpenThing } from './model'
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
    for (const i of current) at.set(i.id, { ...i, abilities: at.get(i.id)?.abilities ?? i.abilities ?? {} })
    return [...at.values()].filter((i) => i.stage !== 'closed' && !i.merged_into).sort((a, b) => Number(!isOpen(a)) - Number(!isOpen(b)) || bySeverity(a, b))
  }, [opened.data, current])
  const closed = useQuery({ queryKey: ['incidents', 'closed'], queryFn: () => api.get<Items<Incident>>('/incidents', { state: 'closed', limit: 200 }), enabled: which === 'closed' })
  const list = useMemo(() => (which === 'open' ? open : (closed.data?.items ?? []).filter((i) => i.stage === 'closed' || i.merged_into)).filter((i) => matchIncident(i, text)), [which, open, closed.data, text])
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const choose = (id: string, on: boolean) => setChosen((was) => new Set(on ? [...was, id] : [...was].filter((x) => x !== id)))
  const picked = list.filter((i) => which === 'open' && chosen.has(i.id))
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
      {picked.length > 0 && <ManyActs picked={picked} onDone={() => setChosen(new Set())} />}
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
        <ul className={s.rows} data-list>
          {list.map((i) => (
            <Row key={i.id} i={i} {...(which === 'open' && i.abilities?.update ? { chosen: chosen.has(i.id), onChoose: (on: boolean) => choose(i.id, on) } : {})} />
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

/** One act on several incidents: each is asked for by itself, and what was refused is said by its ticket. */
function ManyActs({ picked, onDone }: { picked: Incident[]; onDone: () => void }) {
  const queries = useQueryClient()
  const [busy, setBusy] = useState(false)
  const [merging, setMerging] = useState(false)
  const [failed, setFailed] = useState<string[]>([])
  const all = async (act: (i: Incident) => Promise<unknown>, done: string) => {
    setBusy(true)
    const results: { ticket: string; error: string }[] = []
    for (const i of picked) results.push({ ticket: i.ticket, error: await act(i).then(() => '', errorText) })
    await queries.invalidateQueries({ queryKey: ['incidents'] })
    const o = outcomes(results, done)
    toast(o.text)
    setBusy(false)
    setFailed(o.failed)
    if (o.failed.length === 0) onDone()
  }
  const post = (what: string, body?: object) => (i: Incident) => api.post(`/incidents/${i.id}/${what}`, body)
  const resolve = async (i: Incident) => {
    const { items } = await api.get<Items<OpenThing>>(`/incidents/${i.id}/open`)
    if (items.length > 0) throw new Error(`${items.map((t) => `${t.title} ${openWord(t)}`).join(', ')}. Resolve it on its own page.`)
    return post('stage', { stage: 'resolved' })(i)
  }
  return (
    <div className={s.many} role="group" aria-label="The chosen incidents">
      <b>{picked.length} chosen</b>
      <Button size="s" kind="primary" busy={busy} onClick={() => void all(post('acknowledge'), 'acknowledged')}>
        Acknowledge
      </Button>
      <Button size="s" busy={busy} onClick={() => void all(resolve, 'resolved')}>
        Resolve
      </Button>
      <Button size="s" busy={busy} onClick={() => setMerging(true)}>
        Merge
      </Button>
      <Button size="s" kind="quiet" onClick={onDone}>
        Choose none
      </Button>
      {failed.length > 0 && <Notice title="Not done">{failed.map((f) => <div key={f}>{f}</div>)}</Notice>}
      {merging && (
        <MergeDialog
          tickets={picked}
          onClose={() => setMerging(false)}
          merge={async (into) => {
            for (const i of picked) await post('merge', { into })(i)
            await queries.invalidateQueries({ queryKey: ['incidents'] })
            onDone()
          }}
        />
      )}
    </div>
  )
}

function Row({ i, chosen, onChoose }: { i: Incident; chosen?: boolean; onChoose?: (on: boolean) => void }) {
  const open = isOpen(i)
  const now = useNow('second', open)
  const inside = useInsideRooms()[i.room.id] ?? []
  const commander = i.roles.find((r) => r.role === 'commander')?.user_id
  const step = lastStep(i)
  return (
    <li className={cx(s.row, onChoose && s.rowPick, open && s['rowOpen' + i.severity])}>
      {onChoose && <input type="checkbox" className={s.choose} aria-label={`Choose ${i.ticket}`} checked={!!chosen} onChange={(e) => onChoose(e.target.checked)} />}
      <div className={s.rowMain}>
        <span className={s.rowTitle}>
          <SeverityChip severity={i.severity} mode={i.mode} />
          <Link to="/incidents/$id" params={{ id: i.ticket }}>
            {i.ticket} {i.title}
          </Link>
          <StageChip stage={i.stage} />
          <EnvChip env={i.environment} production={i.production} />
          {i.mode === 'retrospective' && <Chip tone="violet">Retrospective</Chip>}
          {i.restricted && <Chip outline>Restricted</Chip>}
        </span>
        <span className={s.rowSub}>
          <span className={s.narrow}>{i.service || 'no service named'}</span>
          <span className={s.narrow}>{commander ? <>Commander <UserName id={commander} /></> : 'No commander'}</span>
          {awaitsAck(i) && <b className="c-red">{i.times.acknowledged ? 'paged again' : 'not acknowledged'}</b>}
          <span>
            declared <Time at={i.times.declared} mode="date" />
          </span>
        </span>
      </div>
      {/* Where the screen is wide, what is compared stands in columns. */}
      <span className={s.rowCol}>
        <small>Service</small>
        {i.service || 'none named'}
      </span>
      <span className={s.rowCol}>
        <small>Commander</small>
        {commander ? <UserName id={commander} /> : 'nobody'}
      </span>
      <span className={s.rowCol}>
        <small>Last step</small>
        {step && (
          <>
            {stampWord(step.name)} <Time at={step.at} mode="when" />
          </>
        )}
      </span>
      <div className={s.rowSide}>
        <b className="tnum">{open ? running(openFor(i, now)) : length(openFor(i, now))}</b>
        {inside.length > 0 ? <UserStack ids={inside} max={5} size={18} /> : <span>{open ? 'nobody in the room' : 'from declared to resolved'}</span>}
      </div>
    </li>
  )
}
