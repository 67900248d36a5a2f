// What one does with a run: stop, approve, decline, settle, run again.
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { CircleStop, ShieldCheck } from 'lucide-react'
import { useState } from 'react'
import { api, errorText, type Run, type RunSummary } from '@/api'
import { environmentInSentence } from '@/lib/environment'
import { useNow } from '@/lib/hooks'
import { UserName } from '@/realtime'
import { Button, ConfirmButton, Dialog, DialogActions, EnvChip, ErrorState, Field, Loading, Notice, Textarea, toast } from '@/ui'
import { expiryWords, nodesWord, shortDigest } from './model'
import { ProductionNote } from './parts'
import s from './run.module.css'

function useRefresh(id: string) {
  const queries = useQueryClient()
  return (run?: Run) => {
    if (run?.id) queries.setQueryData(['run', id], run)
    void queries.invalidateQueries({ queryKey: ['run'] })
    void queries.invalidateQueries({ queryKey: ['runs'] })
    void queries.invalidateQueries({ queryKey: ['approvals'] })
  }
}

export function StopButton({ run, size }: { run: RunSummary; size?: 's' | 'm' }) {
  const refresh = useRefresh(run.id)
  return (
    <ConfirmButton
      kind="danger"
      size={size}
      icon={<CircleStop size={13} />}
      title={run.state === 'waiting' ? `Withdraw run ${run.number}?` : `Stop run ${run.number}?`}
      description={run.state === 'waiting' ? `${run.title} will not run, whoever approves it.` : `${run.title} ends on every node where it still runs, with all processes it started. What it already did stays done.`}
      confirm={run.state === 'waiting' ? 'Withdraw' : 'Stop run'}
      onConfirm={async () => refresh(await api.post<Run>(`/runs/${run.id}/stop`))}
    >
      {run.state === 'waiting' ? 'Withdraw' : 'Stop'}
    </ConfirmButton>
  )
}

export function DeclineButton({ run, size }: { run: RunSummary; size?: 's' | 'm' }) {
  const refresh = useRefresh(run.id)
  return (
    <ConfirmButton
      size={size}
      confirmKind="stop"
      title={`Decline run ${run.number}?`}
      description={`${run.title} will not run. Who asked for it sees your note.`}
      confirm="Decline"
      note="required"
      noteLabel="Why"
      onConfirm={async (note) => refresh(await api.post<Run>(`/runs/${run.id}/decline`, { note }))}
    >
      Decline
    </ConfirmButton>
  )
}

/** Opens what would run, exactly, and takes the yes. */
export function ReviewButton({ run, size }: { run: RunSummary; size?: 's' | 'm' }) {
  const [open, setOpen] = useState(false)
  return (
    <>
      <Button kind="primary" size={size} onClick={() => setOpen(true)}>
        Review and approve
      </Button>
      <Dialog open={open} onOpenChange={setOpen} title={`Approve run ${run.number}?`} width={620}>
        {open && <Review id={run.id} onDone={() => setOpen(false)} />}
      </Dialog>
    </>
  )
}

function Review({ id, onDone }: { id: string; onDone: () => void }) {
  // Always what the server has now: the yes is bound to the digest shown here.
  const { data: run, error, refetch } = useQuery({ queryKey: ['run', id], queryFn: () => api.get<Run>(`/runs/${id}`), staleTime: 0 })
  const refresh = useRefresh(id)
  const now = useNow()
  const [note, setNote] = useState('')
  const [problem, setProblem] = useState('')
  const [busy, setBusy] = useState(false)
  if (error) return <ErrorState error={error} onRetry={() => void refetch()} compact />
  if (!run) return <Loading label="Loading what would run" />
  const expiry = run.approval ? expiryWords(run.approval.expires_at, now) : null
  const approve = async () => {
    setBusy(true)
    setProblem('')
    try {
      refresh(await api.post<Run>(`/runs/${run.id}/approve`, { digest: run.digest, note: note.trim() || undefined }))
      toast(`You approved run ${run.number}`)
      onDone()
    } catch (e) {
      setProblem(errorText(e))
      void refetch()
    } finally {
      setBusy(false)
    }
  }
  return (
    <div className={s.review}>
      <div className={s.what}>
        <div className={s.whatHead}>
          <b>{run.title}</b>
          <EnvChip env={run.environment} production={run.production} long />
          <span>{nodesWord(run.nodes.length)}</span>
          {expiry && <span className={expiry.soon ? s.soon : s.dim}>{expiry.text}</span>}
        </div>
        {run.production && (
          <ProductionNote>
            This changes <b>production</b>
            {run.environment.includes(', ') ? `, among ${nodesWord(run.nodes.length)} in all` : ` on ${nodesWord(run.nodes.length)}`}.
          </ProductionNote>
        )}
        <p className={s.dim}>
          Asked by <UserName id={run.requested_by} />
          {run.requested_via && ` (by a token that ${run.requested_via} made)`}
          {run.job ? `, version ${run.job.version} of the job` : ', a command typed by hand'}
          {run.environment ? `, on ${environmentInSentence(run.environment)}` : ''}.
        </p>
      </div>
      {run.command ? (
        <div className={s.block}>
          <h3>Command</h3>
          <pre className={s.command} tabIndex={0}>
            {run.command}
          </pre>
        </div>
      ) : (
        <div className={s.block}>
          <h3>Steps</h3>
          <ol className={s.steps}>
            {run.steps.map((x) => (
              <li key={x.n}>{x.label || x.kind}</li>
            ))}
          </ol>
        </div>
      )}
      {run.options.length > 0 && (
        <div className={s.block}>
          <h3>Options</h3>
          <table className={s.table}>
            <tbody>
              {run.options.map((o) => (
                <tr key={o.name}>
                  <th scope="row">{o.name}</th>
                  <td>{o.value}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <div className={s.block}>
        <h3>
          {nodesWord(run.nodes.length)}
          {run.node_filter ? ` by the filter ${run.node_filter}` : ''}
        </h3>
        <div className={s.nodeList} tabIndex={0} role="region" aria-label="Nodes">
          {run.nodes.map((n) => (
            <span key={n.name} className={s.nodeName}>
              {n.name}
            </span>
          ))}
        </div>
      </div>
      <div className={s.block}>
        <h3>Digest {shortDigest(run.digest)}</h3>
        <p className={s.digest}>{run.digest}</p>
        <p className={s.dim}>Your yes holds for exactly this. If job, options or nodes change, it is void.</p>
      </div>
      {run.denied_approve ? (
        <Notice tone="amber" title="You cannot approve this run">
          {run.denied_approve}
        </Notice>
      ) : (
        <Field label="Note" hint="Optional. It is kept in the record.">
          <Textarea rows={2} value={note} onChange={(e) => setNote(e.target.value)} />
        </Field>
      )}
      {problem && <Notice>{problem}</Notice>}
      <DialogActions>
        <Button onClick={onDone}>Not now</Button>
        <DeclineButton run={run} />
        <Button kind="primary" busy={busy} icon={<ShieldCheck size={14} />} disabled={!!run.denied_approve || run.state !== 'waiting' || !!expiry?.over} onClick={() => void approve()}>
          Approve
        </Button>
      </DialogActions>
    </div>
  )
}

/** A run whose worker vanished: somebody decides how it counts. */
export function SettleButtons({ run }: { run: Run }) {
  const refresh = useRefresh(run.id)
  if (run.state !== 'unknown' || !run.abilities.settle) return null
  const settle = async (outcome: 'failed' | 'rerun') => refresh(await api.post<Run>(`/runs/${run.id}/settle`, { outcome }))
  return (
    <>
      <ConfirmButton title="Count this run as failed?" description="Nobody knows whether the last step ended. Look at the nodes first." confirm="Count as failed" onConfirm={() => settle('failed')}>
        Count as failed
      </ConfirmButton>
      <ConfirmButton title="Run it again?" description="The step that was running when the worker vanished may then have run twice." confirm="Run again" onConfirm={() => settle('rerun')}>
        Run again
      </ConfirmButton>
    </>
  )
}
