import { Link, useParams } from '@tanstack/react-router'
import { Fingerprint, MessageSquare, RotateCw } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import type { Run } from '@/api'
import { cx } from '@/lib/cx'
import { useNow, usePhone } from '@/lib/hooks'
import { environmentInSentence, environmentWord } from '@/lib/environment'
import { length, running } from '@/lib/time'
import { UserAvatar, UserName, useRoomInfo } from '@/realtime'
import { Button, buttonClass, CopyButton, EnvChip, ErrorState, Facts, Loading, Notice, Page, PanelSection, TabPanel, Tabs, Time, useSlots } from '@/ui'
import { DeclineButton, ReviewButton, SettleButtons, StopButton } from './actions'
import { useOutcome, useRun } from './live'
import { LogViewer } from './LogViewer'
import { approvalWords, elapsed, expiryWords, isActive, nodesWord, nodeWord, outcome, shortDigest } from './model'
import { NodeMatrix, Options, PinnedErrors, ProgressLine, StateChip, StepRail } from './parts'
import s from './run.module.css'

/** One run: how it stands above, its whole log below, nodes and approval beside it. */
export default function RunView() {
  const { id = '' } = useParams({ strict: false })
  const { run, error, loading, refetch } = useRun(id)
  if (loading) return <Loading label="Loading the run" lines={8} />
  if (!run)
    return (
      <Page title="Run" actions={<Link to="/runs" className={buttonClass('ghost')}>All runs</Link>}>
        <ErrorState error={error} onRetry={refetch} />
      </Page>
    )
  return <Loaded key={run.id} run={run} />
}

function Loaded({ run }: { run: Run }) {
  useOutcome(run)
  const phone = usePhone()
  const [node, setNode] = useState('')
  const [tab, setTab] = useState<'log' | 'nodes' | 'details'>('log')
  const pickNode = (name: string) => {
    setNode((old) => (old === name ? '' : name))
    setTab('log')
  }
  const log = <LogViewer run={run} node={node} onNode={setNode} />
  const nodes = <Nodes run={run} node={node} onNode={pickNode} />
  return (
    <Page flush icon={<EnvChip env={run.environment} production={run.production} />} title={run.title} subtitle={`Run ${run.number}, ${environmentInSentence(run.environment)}, ${nodesWord(run.nodes.length)}`} actions={<Actions run={run} />}>
      <div className={s.page}>
        <Summary run={run} node={node} onNode={pickNode} />
        {phone ? (
          <>
            <div className={s.tools}>
              <Tabs
                label="Parts of the run"
                value={tab}
                onChange={setTab}
                tabs={[
                  { id: 'log', label: 'Log' },
                  { id: 'nodes', label: 'Nodes', count: run.nodes.length },
                  { id: 'details', label: 'Details' },
                ]}
              />
            </div>
            <TabPanel id={tab} className={s.split}>
              {tab === 'log' ? (
                log
              ) : (
                <div className={s.side} tabIndex={0} role="region" aria-label="Details of the run">
                  <h2 className="sr">Details of the run</h2>
                  {tab === 'nodes' ? nodes : <Details run={run} />}
                </div>
              )}
            </TabPanel>
          </>
        ) : (
          <div className={s.split}>
            {log}
            <aside className={s.side} aria-label="Details of the run" tabIndex={0}>
              <h2 className="sr">Details of the run</h2>
              {nodes}
              <Details run={run} />
            </aside>
          </div>
        )}
      </div>
    </Page>
  )
}

function Actions({ run }: { run: Run }) {
  const room = useRoomInfo(run.room_id)
  const { jobForm: JobForm } = useSlots()
  const [again, setAgain] = useState<'' | 'all' | 'failed'>('')
  const was = run.again
  const nodes = again === 'failed' ? (was?.failed ?? []) : (was?.nodes ?? [])
  return (
    <>
      {room && (
        <Link to="/rooms/$id" params={{ id: room.id }} className={buttonClass('ghost')}>
          <MessageSquare size={13} aria-hidden="true" />
          {room.name}
        </Link>
      )}
      {run.abilities.approve && <ReviewButton run={run} />}
      {run.abilities.decline && <DeclineButton run={run} />}
      {(isActive(run.state) || (run.state === 'waiting' && !run.abilities.approve)) && run.abilities.stop && <StopButton run={run} />}
      <SettleButtons run={run} />
      {run.abilities.rerun && was && was.failed.length > 0 && was.failed.length < run.nodes.length && (
        <AgainButton run={run} nodes={was.failed} onJob={() => setAgain('failed')}>
          Retry {was.failed.length === 1 ? 'the failed node' : `${was.failed.length} failed nodes`}
        </AgainButton>
      )}
      {run.abilities.rerun && was && (
        <AgainButton run={run} nodes={was.nodes} onJob={() => setAgain('all')}>
          Run again
        </AgainButton>
      )}
      {run.job && JobForm && was && again && (
        <JobForm key={again} jobId={run.job.id} roomId={run.room_id ?? undefined} again={{ options: was.options, filter: was.filter, nodes }} open onOpenChange={(on) => !on && setAgain('')} />
      )}
    </>
  )
}

/** A job opens its form with what was given; a command goes back to its page. */
function AgainButton({ run, nodes, onJob, children }: { run: Run; nodes: string[]; onJob: () => void; children: ReactNode }) {
  if (run.job)
    return (
      <Button icon={<RotateCw size={13} />} onClick={onJob}>
        {children}
      </Button>
    )
  const a = run.again
  return (
    <Link to="/adhoc" search={{ project: run.project, filter: a?.filter ?? '', command: a?.command ?? '', nodes, threads: a?.threads, keepgoing: a?.keepgoing ?? false, room: run.room_id ?? undefined }} className={buttonClass('ghost')}>
      <RotateCw size={13} aria-hidden="true" />
      {children}
    </Link>
  )
}

function Summary({ run, node, onNode }: { run: Run; node: string; onNode: (n: string) => void }) {
  const live = isActive(run.state)
  const now = useNow('second', live || run.state === 'waiting')
  const time = elapsed(run, now)
  const a = run.approval
  return (
    <div className={s.top}>
      <StepRail run={run} now={now} />
      <div className={s.row}>
        <div className={s.progress}>
          <StateChip state={run.state} />
          {run.state === 'waiting' ? (
            <span>
              {a ? `${approvalWords(a)}, ${expiryWords(a.expires_at, now).text}` : 'waits for approval'}
            </span>
          ) : live ? (
            <>
              <ProgressLine run={run} />
              {time !== null && <span className="tnum">{running(time)}</span>}
            </>
          ) : (
            <span>{outcome(run, now)}</span>
          )}
        </div>
        <NodeMatrix nodes={run.nodes} selected={node} onPick={onNode} />
      </div>
      {run.state === 'waiting' && run.denied_approve && !run.abilities.approve && <Notice tone="mute">{run.denied_approve}</Notice>}
      {run.state === 'unknown' && (
        <Notice tone="amber" title="Nobody knows how this run ended">
          {run.reason || 'Its worker vanished in the middle of a step. Look at the nodes, then decide how it counts.'}
        </Notice>
      )}
      <PinnedErrors run={run} onNode={onNode} />
    </div>
  )
}

function Nodes({ run, node, onNode }: { run: Run; node: string; onNode: (n: string) => void }) {
  return (
    <PanelSection title="Nodes" count={run.nodes.length}>
      {run.nodes.length === 0 && <p className={s.dim}>No nodes yet.</p>}
      <div className={s.nodesTable}>
        {run.nodes.map((n) => (
          <button key={n.name} type="button" className={s.nodeRow} aria-pressed={node === n.name} onClick={() => onNode(n.name)} title={n.error || undefined}>
            <i className={cx(s.pip, s['node-' + n.state])} />
            <span>{n.name}</span>
            <span>
              {nodeWord(n.state)}
              {n.state === 'failed' && n.exit !== null && n.exit !== undefined ? `, exit ${n.exit}` : ''}
              {n.state === 'running' && n.step ? `, step ${n.step}` : ''}
            </span>
          </button>
        ))}
      </div>
    </PanelSection>
  )
}

function Details({ run }: { run: Run }) {
  const took = run.started_at && run.finished_at ? length(Date.parse(run.finished_at) - Date.parse(run.started_at)) : ''
  return (
    <>
      {run.approval && (
        <PanelSection title="Approval">
          <ul className={s.votes}>
            {run.approval.votes.map((v) => (
              <li key={v.user_id + v.at}>
                <UserAvatar id={v.user_id} size={20} link />
                <span>
                  <UserName id={v.user_id} /> {v.decision === 'approve' ? 'approved' : 'declined'}
                </span>
                <Time at={v.at} />
                {v.note && <p>{v.note}</p>}
              </li>
            ))}
            {run.approval.votes.length === 0 && <li className={s.dim}>Nobody has decided yet.</li>}
          </ul>
        </PanelSection>
      )}
      {run.options.length > 0 && (
        <PanelSection title="Options">
          <Options options={run.options} />
        </PanelSection>
      )}
      {run.command && (
        <PanelSection title="Command">
          <pre className={s.command} tabIndex={0}>
            {run.command}
          </pre>
        </PanelSection>
      )}
      <PanelSection title="Facts">
        <Facts
          items={[
            ['Asked by', <UserName key="u" id={run.requested_by} link />],
            ...(run.requested_via ? ([['By a token of', run.requested_via]] as [string, string][]) : []),
            ['Asked', <Time key="t" at={run.requested_at} mode="date" />],
            ['Started', run.started_at ? <Time key="s" at={run.started_at} mode="seconds" /> : 'not yet'],
            ['Ended', run.finished_at ? <Time key="f" at={run.finished_at} mode="seconds" /> : 'not yet'],
            ...(took ? ([['Took', took]] as [string, string][]) : []),
            ['Environment', environmentWord(run.environment)],
            ['Project', run.project],
            ...(run.job
              ? ([
                  [
                    'Job',
                    <Link key="j" to="/jobs/$id" params={{ id: run.job.id }} className={s.link}>
                      version {run.job.version}
                    </Link>,
                  ],
                ] as [string, React.ReactNode][])
              : []),
            ['Node filter', run.node_filter || 'by the job'],
          ]}
        />
      </PanelSection>
      <PanelSection title="For the record" action={<CopyButton text={run.digest} label="Copy the digest" />}>
        <Facts
          items={[
            [
              'Digest',
              <span key="d" className={s.kv} title={run.digest}>
                <Fingerprint size={13} aria-hidden="true" />
                <code className="mono">{shortDigest(run.digest) || '–'}</code>
              </span>,
            ],
            [
              'Log SHA-256',
              run.log_sha256 ? (
                <code key="l" className="mono" title={run.log_sha256}>
                  {shortDigest(run.log_sha256)}
                </code>
              ) : (
                'when it ends'
              ),
            ],
          ]}
        />
      </PanelSection>
    </>
  )
}
