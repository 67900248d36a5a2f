import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { Check, Play, Server, ShieldCheck } from 'lucide-react'
import { useId, useMemo, useState, type FormEvent } from 'react'
import { ApiError, api, errorText, type Job, type Node, type Preview, type Run } from '@/api'
import { environmentWord } from '@/lib/environment'
import { useSettled } from '@/lib/hooks'
import { uuid } from '@/lib/ids'
import { Button, Checkbox, CopyButton, Dialog, DialogActions, EnvChip, type Given, ErrorState, Field, Form, Input, Loading, Notice, Select, Spinner, Textarea, toast, WhyDenied } from '@/ui'
import { nodesWord, productionWords } from './model'
import { asCommand, chosenNodes, control, dateExample, defaults, fromRun, labelOf, leftAtFirst, neededForNodes, splitMany, toSend, validate, type Option, type Values } from './options'
import { ProductionNote } from './parts'
import s from './run.module.css'

/** A job's form as a dialog, from the palette or a room. */
export default function JobForm({ jobId, roomId, again, open, onOpenChange }: { jobId: string; roomId?: string; again?: Given; open: boolean; onOpenChange: (open: boolean) => void }) {
  const navigate = useNavigate()
  const job = useQuery({ queryKey: ['job', jobId], queryFn: () => api.get<Job>(`/jobs/${jobId}`), enabled: open })
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={job.data?.full_name ?? 'Run a job'} description={job.data?.description} width={640}>
      {job.isPending ? (
        <Loading label="Loading the job" />
      ) : job.data && job.data.cannot_run.length > 0 ? (
        <Notice tone="amber" title="This job cannot run yet">
          {job.data.cannot_run.join('; ')}
        </Notice>
      ) : job.data ? (
        <JobFields
          job={job.data}
          roomId={roomId}
          again={again}
          onCancel={() => onOpenChange(false)}
          onDone={(run) => {
            onOpenChange(false)
            if (!roomId) void navigate({ to: '/runs/$id', params: { id: String(run.number) } })
          }}
        />
      ) : (
        <ErrorState error={job.error} onRetry={() => void job.refetch()} compact />
      )}
    </Dialog>
  )
}

export function JobFields({ job, roomId, again, onDone, onCancel }: { job: Job; roomId?: string; again?: Given; onDone: (run: Run) => void; onCancel?: () => void }) {
  const queries = useQueryClient()
  const [values, setValues] = useState<Values>(() => (again ? fromRun(job.options, again.options) : defaults(job.options)))
  const [filter, setFilter] = useState(again?.filter ?? '')
  // The nodes that are unticked, once somebody ticked.
  const [left, setLeft] = useState<ReadonlySet<string> | null>(null)
  const [tried, setTried] = useState(false)
  const [busy, setBusy] = useState(false)
  const [failed, setFailed] = useState<ApiError | Error | null>(null)
  // The same key for the same press: a second answer to a lost first one starts nothing twice.
  const [key, setKey] = useState(uuid)
  const send = useMemo(() => toSend(job.options, values), [job.options, values])
  // Secrets are not sent for a preview: it would ask for them at every key.
  const previewed = useSettled(
    useMemo(() => ({ options: Object.fromEntries(Object.entries(send).filter(([k]) => !job.options.find((o) => o.name === k)?.secure)), filter: filter.trim() }), [send, filter, job.options]),
    350,
  )
  const preview = useQuery({
    queryKey: ['job', job.id, 'preview', previewed],
    queryFn: () => api.post<Preview>(`/jobs/${job.id}/preview`, { options: previewed.options, filter: previewed.filter || undefined }),
    placeholderData: (old) => old,
    retry: false,
  })
  const found = useMemo(() => preview.data?.nodes.map((n) => n.name) ?? [], [preview.data])
  const out = useMemo(() => left ?? leftAtFirst(found, again?.nodes, job.nodes_unselected), [left, again, found, job.nodes_unselected])
  const nodes = useMemo(() => chosenNodes(found, out), [found, out])
  const part = useQuery({
    queryKey: ['job', job.id, 'preview', previewed, nodes],
    queryFn: () => api.post<Preview>(`/jobs/${job.id}/preview`, { options: previewed.options, filter: previewed.filter || undefined, nodes }),
    enabled: nodes.length > 0,
    placeholderData: (old) => old,
    retry: false,
  })
  const own = validate(job.options, values)
  const secure = new Set(job.options.filter((o) => o.secure).map((o) => o.name))
  const theirs = (preview.data?.problems ?? []).filter((p) => !secure.has(p.option))
  const errors = new Map<string, string>()
  if (tried) for (const p of own) errors.set(p.option, p.message)
  for (const p of theirs) if (tried || (send[p.option] !== undefined && !errors.has(p.option))) errors.set(p.option, p.message)
  if (failed instanceof ApiError) for (const [k, v] of Object.entries(failed.fields)) errors.set(k, v)
  const set = (name: string, v: string | string[]) => {
    setValues((old) => ({ ...old, [name]: v }))
    setFailed(null)
  }
  const run = async (e: FormEvent) => {
    e.preventDefault()
    setTried(true)
    setFailed(null)
    if (own.length > 0) {
      document.getElementById(`option-${own[0]!.option}`)?.querySelector<HTMLElement>('input,select,textarea')?.focus()
      return
    }
    setBusy(true)
    try {
      const started = await api.post<Run>(`/jobs/${job.id}/run`, { options: send, filter: filter.trim() || undefined, nodes: nodes.length > 0 ? nodes : undefined, room_id: roomId, key })
      setKey(uuid())
      toast(started.state === 'waiting' ? `Run ${started.number} waits for approval` : `Run ${started.number} started`)
      void queries.invalidateQueries({ queryKey: ['runs'] })
      onDone(started)
    } catch (x) {
      setFailed(x as Error)
    } finally {
      setBusy(false)
    }
  }
  const missing = filter.trim() ? [] : neededForNodes(job.nodefilter, job.options, values)
  const count = found.length - found.filter((n) => out.has(n)).length
  const none = found.length > 0 && count === 0
  const p = missing.length > 0 || none ? undefined : nodes.length > 0 ? (part.data ?? preview.data) : preview.data
  // A run on no node does nothing; a job may say that it wants just that.
  const nothing = missing.length > 0 || none || (!!p && found.length === 0 && p.problems.some((x) => x.option === 'filter'))
  const others = theirs.filter((x) => x.option !== 'filter' && !job.options.some((o) => o.name === x.option))
  const denied = p?.denied?.text
  const shown = job.options.filter((o) => control(o) !== 'none')
  return (
    <Form onSubmit={(e) => void run(e)}>
      {shown.map((o) => (
        <div key={o.name} id={`option-${o.name}`}>
          <OptionField o={o} value={values[o.name] ?? ''} error={errors.get(o.name)} onChange={(v) => set(o.name, v)} />
        </div>
      ))}
      {shown.length === 0 && <p className={s.dim}>This job takes no options.</p>}
      <HitList
        fixed={job.filter_fixed}
        filter={filter}
        onFilter={(f) => {
          setFilter(f)
          setLeft(null)
        }}
        byDefault={job.nodefilter}
        preview={missing.length > 0 ? undefined : preview.data}
        missing={missing}
        loading={preview.isFetching}
        error={preview.error}
        left={out}
        onLeave={setLeft}
      />
      {others.length > 0 && (
        <Notice tone="amber" title="It could not run like this">
          {others.map((x) => x.message).join(' ')}
        </Notice>
      )}
      <PlanSummary preview={p} />
      {failed && !(failed instanceof ApiError && Object.keys(failed.fields).length > 0 && failed.status === 422) && (
        <Notice title={failed instanceof ApiError && failed.status === 403 ? 'You may not run this' : 'The run did not start'}>{errorText(failed)}{failed instanceof ApiError && failed.status === 403 && <><br /><WhyDenied /></>}</Notice>
      )}
      <p className={s.as}>
        <span>{asCommand(job.full_name, job.options, values, filter.trim())}</span>
        <CopyButton text={asCommand(job.full_name, job.options, values, filter.trim())} label="Copy as a chat command" />
      </p>
      <DialogActions>
        {onCancel && <Button onClick={onCancel}>Cancel</Button>}
        <Button type="submit" kind={p?.production && !p.approval?.needed ? 'stop' : 'primary'} busy={busy} disabled={!!denied || job.abilities.run === false || nothing} icon={p?.approval?.needed ? <ShieldCheck size={14} /> : <Play size={13} />}>
          {nothing ? 'Run' : p?.approval?.needed ? 'Ask for approval' : p ? `Run on ${nodesWord(count)}` : 'Run'}
        </Button>
      </DialogActions>
    </Form>
  )
}

/** Where it would run: after the options, which may decide about it. */
export function HitList({ filter, onFilter, byDefault, preview, loading, error, required, fixed, missing = [], left, onLeave }: { missing?: string[]; left?: ReadonlySet<string>; onLeave?: (left: ReadonlySet<string>) => void; fixed?: boolean; filter: string; onFilter: (f: string) => void; byDefault?: string; preview: Preview | undefined; loading: boolean; error: unknown; required?: boolean }) {
  const nodes = preview?.nodes ?? []
  const gone = left ? nodes.filter((n) => left.has(n.name)).length : 0
  return (
    <div className={s.hits}>
      <Field label="Node filter" required={required} hint={fixed ? 'The job says where it runs; this cannot be changed here.' : byDefault ? `Empty: the job’s own filter, ${byDefault}` : 'Such as tags: web+prod or name: eu-w-.* ; a bare word is a name'} error={error instanceof ApiError && error.fields['filter'] ? error.fields['filter'] : undefined}>
        <Input mono value={fixed ? (byDefault ?? '') : filter} readOnly={fixed} onChange={(e) => onFilter(e.target.value)} placeholder={byDefault || 'tags: web'} spellCheck={false} />
      </Field>
      <div className={s.hitsHead} role="status">
        <Server size={13} aria-hidden="true" />
        {missing.length > 0 ? `Choose ${missing.join(' and ')} to see the nodes` : preview ? (gone > 0 ? `${gone === nodes.length ? 'Choose where it runs: none' : nodes.length - gone} of ${nodesWord(nodes.length)}` : nodesWord(nodes.length)) : 'Which nodes'}
        {preview && <EnvChip env={preview.environment} production={preview.production} long />}
        {loading && <Spinner size={10} label="Looking for nodes" />}
      </div>
      {left && onLeave && (left.size > 0 || (nodes.length > 1 && nodes.length <= 200)) && nodes.length > 0 ? <NodeTicks nodes={nodes} left={left} onLeave={onLeave} /> : nodes.length > 0 && <NodeNames nodes={nodes} />}
      {preview && nodes.length === 0 && <p className={s.dim}>No node fits this filter: nothing would run.</p>}
      {!!error && !(error instanceof ApiError && error.fields['filter']) && <Notice tone="amber">{errorText(error)}</Notice>}
    </div>
  )
}
/** Each node with a tick: what is unticked is left out of this run. */
function NodeTicks({ nodes, left, onLeave }: { nodes: Node[]; left: ReadonlySet<string>; onLeave: (left: ReadonlySet<string>) => void }) {
  const none = nodes.every((n) => left.has(n.name))
  return (
    <fieldset className={s.fieldset}>
      <legend className="sr">Nodes it would run on</legend>
      <div className={s.ticks}>
        {nodes.map((n) => (
          <Checkbox
            key={n.name}
            label={n.name}
            checked={!left.has(n.name)}
            onChange={(e) => {
              const next = new Set(left)
              if (e.target.checked) next.delete(n.name)
              else next.add(n.name)
              onLeave(next)
            }}
          />
        ))}
      </div>
      <Button size="s" kind="quiet" onClick={() => onLeave(none ? new Set() : new Set(nodes.map((n) => n.name)))}>
        {none ? 'Choose all' : 'Choose none'}
      </Button>
    </fieldset>
  )
}
function NodeNames({ nodes }: { nodes: Node[] }) {
  const [all, setAll] = useState(false)
  const list = all ? nodes : nodes.slice(0, 40)
  return (
    <div className={s.nodeList} tabIndex={0} role="region" aria-label="Nodes it would run on">
      {list.map((n) => (
        <span key={n.name} className={s.nodeName} title={`${n.hostname}${n.environment ? `, ${n.environment}` : ''}${n.tags.length ? `, ${n.tags.join(' ')}` : ''}${n.last_contact_error ? `, not reached lately: ${n.last_contact_error}` : ''}`}>
          {n.name}
          {n.last_contact_error && ' (not reached lately)'}
        </span>
      ))}
      {!all && nodes.length > list.length && (
        <Button size="s" kind="quiet" onClick={() => setAll(true)}>
          and {nodes.length - list.length} more
        </Button>
      )}
    </div>
  )
}

/** What would come of it: environment, approval, or the rule that forbids it. */
export function PlanSummary({ preview: p }: { preview: Preview | undefined }) {
  if (!p) return null
  return (
    <div className={s.plan} role="status">
      {p.denied && (
        <Notice tone="amber" title="You may not run this here">
          {p.denied.text}
        </Notice>
      )}
      {!p.denied && p.production && (
        <ProductionNote>
          This changes <b>production</b> {productionWords(p.nodes)}
        </ProductionNote>
      )}
      {!p.denied && p.approval?.needed && (
        <p className={s.planLine}>
          <ShieldCheck size={14} className="c-amber" aria-hidden="true" />
          <span>
            {environmentWord(p.environment)} needs {p.approval.need === 1 ? 'one approval' : `${p.approval.need} approvals`} from {p.approval.groups.join(' or ')}, by somebody else than you. It waits until then.
          </span>
        </p>
      )}
      {!p.denied && !p.approval?.needed && p.nodes.length > 0 && (
        <p className={s.planLine}>
          <Check size={14} className="c-green" aria-hidden="true" />
          <span>No approval is needed: it starts at once.</span>
        </p>
      )}
    </div>
  )
}

/** What follows a description begins a sentence of its own. */
const sentence = (text: string) => (/[.!?:…]$/.test(text.trim()) || !text.trim() ? text : text.trimEnd() + '.')

function OptionField({ o, value, error, onChange }: { o: Option; value: string | string[]; error?: string; onChange: (v: string | string[]) => void }) {
  const listId = useId()
  const hint = (
    <>
      {sentence(o.description)}
      {o.regex && !o.secure && (
        <>
          {o.description ? ' ' : ''}Pattern <code className="mono">{o.regex}</code>
        </>
      )}
      {o.secure && `${o.description ? ' ' : ''}Never shown and never logged.${o.stored ? ' Empty: the stored value.' : ''}`}
    </>
  )
  const text = Array.isArray(value) ? value.join(o.delimiter || ',') : value
  const field = { label: labelOf(o), hint: o.description || o.regex || o.secure ? hint : undefined, error, required: o.required && !o.stored }
  switch (control(o)) {
    case 'password':
      return (
        <Field {...field}>
          <Input type="password" autoComplete="new-password" value={text} onChange={(e) => onChange(e.target.value)} />
        </Field>
      )
    case 'select':
      return (
        <Field {...field}>
          <Select value={text} onChange={(e) => onChange(e.target.value)}>
            {(!o.required || !o.values.includes(text)) && <option value="">{o.required ? 'Choose' : 'None'}</option>}
            {o.values.map((v) => (
              <option key={v}>{v}</option>
            ))}
          </Select>
        </Field>
      )
    case 'choices': {
      const chosen = Array.isArray(value) ? value : splitMany(value, o)
      return (
        <fieldset className={s.fieldset} aria-describedby={error ? `${listId}e` : undefined}>
          <legend>
            {labelOf(o)}
            {o.required && <span className="sr"> (required)</span>}
          </legend>
          <div className={s.choices}>
            {o.values.map((v) => (
              <Checkbox key={v} label={v} checked={chosen.includes(v)} onChange={(e) => onChange(e.target.checked ? [...chosen, v] : chosen.filter((x) => x !== v))} />
            ))}
          </div>
          {field.hint && <p className={s.small}>{hint}</p>}
          {error && (
            <p id={`${listId}e`} className="c-red">
              {error}
            </p>
          )}
        </fieldset>
      )
    }
    case 'many':
      return (
        <Field
          {...field}
          hint={
            <>
              {field.hint && <>{hint} </>}Several values, separated by {o.delimiter?.trim() || (o.delimiter ? 'blanks' : ',')}
              {o.values.length > 0 && `, such as ${o.values.slice(0, 6).join(', ')}`}
            </>
          }
        >
          <Input mono value={text} onChange={(e) => onChange(e.target.value)} />
        </Field>
      )
    case 'date':
      return (
        <Field {...field} hint={field.hint ?? `Such as ${dateExample(o.date_format)}`}>
          <Input mono value={text} placeholder={dateExample(o.date_format)} onChange={(e) => onChange(e.target.value)} />
        </Field>
      )
    case 'suggest':
      return (
        <Field {...field}>
          <Input list={listId} value={text} onChange={(e) => onChange(e.target.value)} />
          <datalist id={listId}>
            {o.values.map((v) => (
              <option key={v} value={v} />
            ))}
          </datalist>
        </Field>
      )
    default:
      return (
        <Field {...field}>{text.includes('\n') ? <Textarea mono value={text} onChange={(e) => onChange(e.target.value)} /> : <Input value={text} onChange={(e) => onChange(e.target.value)} />}</Field>
      )
  }
}
