import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { CirclePlay, Play, Search, Terminal } from 'lucide-react'
import { useMemo, useState } from 'react'
import { api, type Items, type RunSummary } from '@/api'
import { useNow } from '@/lib/hooks'
import { length } from '@/lib/time'
import { UserAvatar, UserName, useOffice } from '@/realtime'
import { buttonClass, DataTable, Empty, EnvChip, ErrorState, GuideLink, Loading, Page, Progress, TabPanel, Tabs, Time } from '@/ui'
import { elapsed, isActive, matchRun, newer, nodesWord, percentDone, RUN_FILTERS } from './model'
import { StateChip } from './parts'
import s from './run.module.css'

/** Every run, newest first; running ones move as they go. */
export default function RunsView() {
  const [filter, setFilter] = useState('all')
  const [text, setText] = useState('')
  const { data, error, refetch, isPending } = useQuery({ queryKey: ['runs', 'all'], queryFn: () => api.get<Items<RunSummary>>('/runs', { limit: 200 }) })
  return (
    <Page
      title="Runs"
      wide
      actions={
        <>
          <Link to="/jobs" className={buttonClass('primary')}>
            <Play size={13} aria-hidden="true" />
            Run a job
          </Link>
          <Link to="/adhoc" className={buttonClass('ghost')}>
            <Terminal size={13} aria-hidden="true" />
            Run a command
          </Link>
        </>
      }
    >
      <div className={s.filters}>
        <Tabs label="Which runs" tabs={RUN_FILTERS} value={filter} onChange={setFilter} />
        <span className="grow" />
        <label className={s.searchBox}>
          <Search size={13} aria-hidden="true" />
          <span className="sr">Find a run</span>
          <input type="search" placeholder="Job, number, environment" value={text} onChange={(e) => setText(e.target.value)} />
        </label>
      </div>
      <TabPanel id={filter}>{isPending ? <Loading label="Loading runs" lines={8} /> : error && !data ? <ErrorState error={error} onRetry={() => void refetch()} /> : <RunTable runs={data?.items ?? []} filter={filter} text={text} />}</TabPanel>
    </Page>
  )
}

export function RunTable({ runs, filter = 'all', text = '', empty }: { runs: RunSummary[]; filter?: string; text?: string; empty?: React.ReactNode }) {
  const active = useOffice((x) => x.runs)
  const navigate = useNavigate()
  const rows = useMemo(() => {
    const at = new Map(runs.map((r) => [r.id, r]))
    // What the socket knows may be ahead of the list.
    for (const r of Object.values(active)) {
      const old = at.get(r.id)
      if (old && newer(r, old)) at.set(r.id, r)
    }
    return [...at.values()].filter((r) => matchRun(r, filter, text)).sort((a, b) => b.number - a.number)
  }, [runs, active, filter, text])
  const now = useNow('second', rows.some((r) => isActive(r.state)))
  return (
    <div className={s.list}>
      <DataTable
        label="Runs"
        rows={rows}
        rowKey={(r) => r.id}
        onRow={(r) => void navigate({ to: '/runs/$id', params: { id: String(r.number) } })}
        empty={
          empty ?? (
            <Empty icon={<CirclePlay size={20} />} title={runs.length === 0 ? 'Nothing has run yet' : 'No run fits'} action={<GuideLink to="jobs-and-approvals#run">How to run a job</GuideLink>}>
              {runs.length === 0 ? 'Run a job from Jobs, from the palette (Ctrl K), or by typing /run in a room.' : 'Take words away or choose All.'}
            </Empty>
          )
        }
        columns={[
          { key: 'n', head: 'Run', num: true, wide: true, cell: (r) => r.number },
          {
            key: 'title',
            head: 'What',
            fill: true,
            cell: (r) => (
              <span className={s.cellMain}>
                <Link to="/runs/$id" params={{ id: String(r.number) }}>
                  {r.title}
                </Link>
                <EnvChip env={r.environment} production={r.production} />
                <span className={s.phoneOnly}>Run {r.number}</span>
              </span>
            ),
          },
          { key: 'state', head: 'State', cell: (r) => <StateChip state={r.state} /> },
          {
            key: 'progress',
            head: 'Nodes',
            wide: true,
            cell: (r) =>
              isActive(r.state) ? (
                <span className={s.kv}>
                  <span className={s.twoBar}>
                    <Progress value={percentDone(r.progress)} label={`Run ${r.number} is ${percentDone(r.progress)} percent done`} />
                  </span>
                  <span className="tnum">{percentDone(r.progress)}%</span>
                  {r.progress.failed > 0 && <span className="c-red">{r.progress.failed} failed</span>}
                </span>
              ) : r.progress.failed > 0 ? (
                <span className="c-red">
                  {r.progress.failed} of {nodesWord(r.progress.total)} failed
                </span>
              ) : (
                <span className={s.one}>{nodesWord(r.progress.total)}</span>
              ),
          },
          {
            key: 'who',
            head: 'Asked by',
            wide: true,
            cell: (r) => (
              <span className={s.kv}>
                <UserAvatar id={r.requested_by} size={18} />
                <UserName id={r.requested_by} />
                {r.requested_via && <span>by a token of {r.requested_via}</span>}
              </span>
            ),
          },
          { key: 'at', head: 'Asked', wide: true, num: true, cell: (r) => <Time at={r.requested_at} mode="ago" /> },
          {
            key: 'took',
            head: 'Took',
            num: true,
            cell: (r) => {
              const t = elapsed(r, now)
              return t === null ? '–' : length(t)
            },
          },
        ]}
      />
    </div>
  )
}
