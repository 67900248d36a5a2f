// Pieces that the card, the page and the lists share.
import { Check, CircleAlert, Minus, ShieldAlert, Square, X } from 'lucide-react'
import { memo, type ReactNode } from 'react'
import type { Approval, Run, RunState } from '@/api'
import { cx } from '@/lib/cx'
import { UserAvatar, UserName } from '@/realtime'
import { Chip, Spinner } from '@/ui'
import { approvalWords, MATRIX_MAX, nodeCounts, nodeSummary, nodeWord, percentDone, pinnedErrors, rail, shortNodeNames, stateWord, yesVotes } from './model'
import s from './run.module.css'

export const StateChip = ({ state }: { state: RunState }) => {
  const w = stateWord(state)
  return (
    <Chip tone={w.tone} icon={w.live ? <Spinner size={9} /> : state === 'succeeded' ? <Check size={11} strokeWidth={3} /> : state === 'failed' || state === 'timed-out' ? <X size={11} strokeWidth={3} /> : undefined}>
      {w.text}
    </Chip>
  )
}

export const StepRail = memo(({ run, now }: { run: Run; now: number }) => {
  const steps = rail(run, now)
  if (steps.length === 0) return null
  return (
    <ol className={s.rail} aria-label="Steps">
      {steps.map((x) => (
        <li key={x.n} className={cx(s.step, s['step-' + x.state])} aria-current={x.state === 'running' ? 'step' : undefined} title={x.label}>
          <div className={s.bar}>
            <i style={{ width: `${Math.round(x.share * 100)}%` }} />
          </div>
          <span className={s.stepName}>
            {x.state === 'done' && <Check size={12} strokeWidth={2.6} aria-label="done" />}
            {x.state === 'failed' && <X size={12} strokeWidth={2.6} aria-label="failed" />}
            {x.state === 'stopped' && <Square size={10} aria-label="stopped" />}
            {x.state === 'skipped' && <Minus size={12} aria-label="skipped" />}
            <span>{x.label}</span>
            <em className="tnum">{x.state === 'running' && run.nodes.length > 1 ? `${Math.floor(x.share * 100)}%` : x.time}</em>
          </span>
        </li>
      ))}
    </ol>
  )
})
StepRail.displayName = 'StepRail'

/** The percentage, and beside it what failed: the numbers add up to the nodes. */
export const ProgressLine = ({ run }: { run: Run }) => {
  const counts = nodeCounts(run.nodes)
  const failed = counts.find((c) => c.state === 'failed')?.n ?? run.progress.failed
  return (
    <div className={s.progress}>
      <b className="tnum">{percentDone(run.progress)}%</b>
      {failed > 0 && (
        <span className={s.failed}>
          <CircleAlert size={13} aria-hidden="true" />
          {failed} failed
        </span>
      )}
      <span className={s.counts}>{counts.filter((c) => c.state !== 'failed').map((c) => c.text).join(', ')}</span>
    </div>
  )
}

/** One square per node while they can be told apart, else bars of counts. */
/** A state is told by a sign as well as by a colour. */
const NODE_SIGN: Record<string, string> = { failed: '×', stopped: '■', succeeded: '✓', running: '▸', handled: '!', skipped: '–' }

export const NodeMatrix = memo(({ nodes, selected, onPick }: { nodes: Run['nodes']; selected?: string; onPick?: (name: string) => void }) => {
  if (nodes.length === 0) return null
  if (nodes.length > MATRIX_MAX) {
    const counts = nodeCounts(nodes)
    return (
      <div className={s.bars} role="img" aria-label={nodeSummary(nodes)}>
        {counts.map((c) => (
          <i key={c.state} className={s['node-' + c.state]} style={{ flexGrow: c.n }} title={c.text} />
        ))}
      </div>
    )
  }
  const short = shortNodeNames(nodes.map((n) => n.name))
  const wide = Math.max(...short.map((n) => n.length)) > 4
  if (!onPick)
    return (
      <div className={s.matrix} role="img" aria-label={nodeSummary(nodes)}>
        {nodes.map((n, i) => (
          <i key={n.name} className={cx(s.node, s['node-' + n.state], wide && s.wide)} title={`${n.name}: ${nodeWord(n.state)}${n.error ? `. ${n.error}` : ''}`}>
            {NODE_SIGN[n.state]}
            {short[i]}
          </i>
        ))}
      </div>
    )
  return (
    <div className={s.matrix} role="group" aria-label={`Nodes. ${nodeSummary(nodes)}`}>
      {nodes.map((n, i) => (
        <button key={n.name} type="button" aria-pressed={selected === n.name} className={cx(s.node, s.nodeButton, s['node-' + n.state], wide && s.wide, selected === n.name && s.nodeOn)} title={`${n.name}: ${nodeWord(n.state)}${n.error ? `. ${n.error}` : ''}`} onClick={() => onPick(n.name)}>
          <span aria-hidden="true">
            {NODE_SIGN[n.state]}
            {short[i]}
          </span>
          <span className="sr">
            {n.name}, {nodeWord(n.state)}
          </span>
        </button>
      ))}
    </div>
  )
})
NodeMatrix.displayName = 'NodeMatrix'

/** What went wrong, above the log and never scrolled away. */
export const PinnedErrors = ({ run, onNode }: { run: Run; onNode?: (name: string) => void }) => {
  const { items, more } = pinnedErrors(run)
  const reason = (run.state === 'failed' || run.state === 'timed-out' || run.state === 'unknown') && items.length === 0 ? run.reason : ''
  if (items.length === 0 && !reason) return null
  return (
    <ul className={s.errors} aria-label="Errors">
      {items.map((e) => (
        <li key={e.node}>
          <CircleAlert size={13} aria-hidden="true" />
          {onNode ? (
            <button type="button" onClick={() => onNode(e.node)}>
              {e.node}
            </button>
          ) : (
            <b>{e.node}</b>
          )}
          <span>{e.text}</span>
        </li>
      ))}
      {reason && (
        <li>
          <CircleAlert size={13} aria-hidden="true" />
          <span>{reason}</span>
        </li>
      )}
      {more > 0 && (
        <li>
          <span>
            and {more} more failed {more === 1 ? 'node' : 'nodes'}
          </span>
        </li>
      )}
    </ul>
  )
}

/** What must not be overlooked before a yes. */
export const ProductionNote = ({ children }: { children: ReactNode }) => (
  <p className={s.prodNote}>
    <ShieldAlert size={15} aria-hidden="true" />
    <span>{children}</span>
  </p>
)

/** Who asked and who said yes, by name. */
export const Approvers = ({ approval }: { approval: Approval }) => {
  const yes = yesVotes(approval)
  return (
    <span className={s.kv}>
      {yes.map((v) => (
        <UserAvatar key={v.user_id} id={v.user_id} size={16} />
      ))}
      <span>
        {approvalWords(approval)}
        {yes.length > 0 && (
          <>
            {' by '}
            {yes.map((v, i) => (
              <span key={v.user_id}>
                {i > 0 && (i === yes.length - 1 ? ' and ' : ', ')}
                <UserName id={v.user_id} />
              </span>
            ))}
          </>
        )}
      </span>
    </span>
  )
}

export const Options = ({ options }: { options: Run['options'] }) =>
  options.length === 0 ? null : (
    <dl className={s.options}>
      {options.map((o) => (
        <div key={o.name}>
          <dt>{o.name}</dt>
          <dd className="mono">{o.value}</dd>
        </div>
      ))}
    </dl>
  )
