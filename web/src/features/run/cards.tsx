import { Link } from '@tanstack/react-router'
import { ChevronDown, ChevronUp, Clock as ClockIcon, ExternalLink, Fingerprint, Play, ShieldCheck, ShieldX, Terminal } from 'lucide-react'
import { useCallback, useState } from 'react'
import type { Run } from '@/api'
import { cx } from '@/lib/cx'
import { useNow } from '@/lib/hooks'
import { running } from '@/lib/time'
import { UserAvatar, UserName } from '@/realtime'
import { EnvChip, ErrorState, Loading, Progress, type CardProps } from '@/ui'
import { DeclineButton, ReviewButton, SettleButtons, StopButton } from './actions'
import { useRun, useRunLog } from './live'
import { FollowButton, LogRows } from './LogRows'
import { elapsed, expiryWords, isActive, isOver, linesWord, nodesWord, nodeWidth, outcome, percentDone, runFromCard, shortDigest } from './model'
import { Approvers, NodeMatrix, Options, PinnedErrors, ProgressLine, StateChip, StepRail } from './parts'
import s from './run.module.css'

/** A run in the talk: live while it runs, two lines once it is over or has left the bottom. */
export function RunCard({ card, latest }: CardProps) {
  const { run, error, loading, refetch } = useRun(card.ref, runFromCard(card.data))
  const [chosen, setChosen] = useState<boolean | null>(null)
  if (loading) return <Loading label="Loading the run" lines={2} />
  if (!run) return <ErrorState error={error} title="The run did not load" onRetry={refetch} compact />
  const open = chosen ?? (latest && !(isOver(run.state) && run.state !== 'unknown'))
  return (
    <section
      className={cx(s.card, isActive(run.state) && s.live, run.state === 'waiting' && s.waiting, (run.state === 'failed' || run.state === 'timed-out') && s.bad, run.production && s.prodCard)}
      aria-label={`Run ${run.number}, ${run.title}`}
    >
      {open ? <Full run={run} onLess={() => setChosen(false)} /> : <TwoLines run={run} onMore={() => setChosen(true)} />}
    </section>
  )
}

function TwoLines({ run, onMore }: { run: Run; onMore: () => void }) {
  const now = useNow('second', isActive(run.state))
  return (
    <div className={s.two}>
      <div className={s.twoLine}>
        <StateChip state={run.state} />
        <Link to="/runs/$id" params={{ id: String(run.number) }} className={s.title}>
          {run.title}
        </Link>
        <span className={s.dim}>Run {run.number}</span>
        <EnvChip env={run.environment} production={run.production} />
        <button type="button" className={cx(s.more, s.end)} aria-expanded={false} aria-label={`Show run ${run.number}`} onClick={onMore}>
          <ChevronDown size={13} />
          Show
        </button>
      </div>
      <div className={s.twoSub}>
        <span>{outcome(run, now)}</span>
        {isActive(run.state) && (
          <span className={s.twoBar}>
            <Progress value={percentDone(run.progress)} label={`${percentDone(run.progress)} percent done`} />
          </span>
        )}
        {run.progress.failed > 0 && !isOver(run.state) && <span className={s.failed}>{run.progress.failed} failed</span>}
      </div>
    </div>
  )
}

function Full({ run, onLess }: { run: Run; onLess: () => void }) {
  const live = isActive(run.state)
  const now = useNow('second', live || run.state === 'waiting')
  const time = elapsed(run, now)
  return (
    <>
      <header className={s.head}>
        <span className={s.mark} aria-hidden="true">
          {run.kind === 'adhoc' ? <Terminal size={13} /> : <Play size={13} fill="currentColor" />}
        </span>
        <Link to="/runs/$id" params={{ id: String(run.number) }} className={s.title}>
          {run.title}
        </Link>
        <span className={s.dim}>Run {run.number}</span>
        <StateChip state={run.state} />
        <EnvChip env={run.environment} production={run.production} />
        <span className={s.dim}>{nodesWord(run.nodes.length || run.progress.total)}</span>
        <span className={cx(s.acts, s.end)}>
          {time !== null && (
            <span className={cx(s.clock, 'tnum')}>
              <ClockIcon size={12} aria-hidden="true" />
              <span className="sr">running for </span>
              {running(time)}
            </span>
          )}
          {live && run.abilities.stop && <StopButton run={run} />}
          <SettleButtons run={run} />
          <button type="button" className={s.more} aria-expanded={true} aria-label="Show less of this run" onClick={onLess}>
            <ChevronUp size={13} />
          </button>
        </span>
      </header>
      {run.state === 'waiting' ? (
        <>
          <Options options={run.options} />
          <Asked run={run} now={now} />
        </>
      ) : (
        <>
          <StepRail run={run} now={now} />
          <div className={s.row}>
            <ProgressLine run={run} />
            <NodeMatrix nodes={run.nodes} />
          </div>
          <PinnedErrors run={run} />
          {(run.started_at || run.log_lines > 0) && <Tail run={run} live={live} />}
        </>
      )}
      <footer className={s.foot}>
        <span className={s.kv}>
          <UserAvatar id={run.requested_by} size={16} />
          <span>
            <UserName id={run.requested_by} /> asked{run.requested_via && ` (by a token that ${run.requested_via} made)`}
          </span>
        </span>
        {run.approval && <Approvers approval={run.approval} />}
        {run.digest && (
          <span className={s.kv} title={`Digest ${run.digest}`}>
            <Fingerprint size={13} aria-hidden="true" />
            <code className="mono">{shortDigest(run.digest)}</code>
          </span>
        )}
        <span className="grow" />
        <Link to="/runs/$id" params={{ id: String(run.number) }} className={s.link}>
          Open run
          <ExternalLink size={11} aria-hidden="true" />
        </Link>
      </footer>
    </>
  )
}

/** The waiting state: what is asked, of whom, until when; buttons for those who may, the reason for those who may not. */
function Asked({ run, now }: { run: Run; now: number }) {
  const a = run.approval
  if (!a) return null
  const expiry = expiryWords(a.expires_at, now)
  return (
    <>
      <div className={s.ask}>
        <div className={s.askHead}>
          <ShieldCheck size={15} aria-hidden="true" />
          Needs {a.need === 1 ? 'one approval' : `${a.need} approvals`} from {a.groups.join(' or ') || 'an approver'}; who asked cannot give it
        </div>
        <p>
          {a.summary || `${run.title} on ${nodesWord(run.nodes.length)}`}; <span className={expiry.soon ? s.soon : undefined}>{expiry.text}</span>.
        </p>
        {expiry.over ? (
          <p>Nobody answered in time. Ask for the run again.</p>
        ) : run.abilities.approve || run.abilities.decline || run.abilities.stop ? (
          <div className={s.askActions}>
            {run.abilities.approve && <ReviewButton run={run} />}
            {run.abilities.decline && <DeclineButton run={run} />}
            {run.abilities.stop && !run.abilities.approve && <StopButton run={run} />}
          </div>
        ) : null}
      </div>
      {!run.abilities.approve && run.denied_approve && (
        <p className={s.denied}>
          <ShieldX size={14} aria-hidden="true" />
          <span>{run.denied_approve}</span>
        </p>
      )}
    </>
  )
}

function Tail({ run, live }: { run: Run; live: boolean }) {
  const { store, snap } = useRunLog(run.id)
  const [follow, setFollow] = useState(true)
  const at = useCallback((i: number) => store?.line(i + 1), [store])
  const onRange = useCallback((from: number, to: number) => void store?.want(from + 1, to), [store])
  const total = Math.max(snap.total, 0)
  return (
    <div className={s.tail}>
      <div className={s.tailHead}>
        <Terminal size={12} aria-hidden="true" />
        <span>Output</span>
        <span className={cx(s.dim, 'tnum')}>{linesWord(total)}</span>
        <span className="grow" />
        <FollowButton follow={follow} live={live} onFollow={setFollow} />
      </div>
      <div className={s.tailBody}>
        {snap.started && total === 0 ? (
          <p className={s.row}>{live ? 'No output yet.' : 'The run wrote no output.'}</p>
        ) : (
          <LogRows nested count={total} at={at} version={snap.version} onRange={onRange} follow={follow} onFollow={setFollow} nodeWidth={nodeWidth(run.nodes)} label={`Output of run ${run.number}`} />
        )}
      </div>
    </div>
  )
}
