import { useQuery } from '@tanstack/react-query'
import { Pencil, Plus } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import { ApiError, api, type Items, type Node, type Project } from '@/api'
import { useSettled } from '@/lib/hooks'
import { Box, Button, Chip, ConfirmButton, DataTable, Empty, EnvChip, ErrorState, Field, Input, Loading, Notice, Textarea, Time, toastError } from '@/ui'
import { FormDialog, useRefresh } from './parts'
import s from './admin.module.css'

/** A project's inventory, narrowed by a node filter. */
export function ProjectNodes({ project }: { project: Project }) {
  const [filter, setFilter] = useState('')
  const settled = useSettled(filter.trim(), 300)
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['nodes', project.name, settled],
    queryFn: () => api.get<{ items: Node[]; total: number }>(`/projects/${project.name}/nodes`, { filter: settled }),
    placeholderData: (old) => old,
    retry: false,
  })
  return (
    <>
      <Field label="Node filter" hint="Such as tags: web+prod, !environment: dev, or a name" error={error instanceof ApiError && error.status === 422 ? error.detail : undefined}>
        <Input mono value={filter} onChange={(e) => setFilter(e.target.value)} spellCheck={false} />
      </Field>
      {isPending ? (
        <Loading lines={6} />
      ) : error && !data ? (
        <ErrorState error={error} onRetry={() => void refetch()} />
      ) : (
        <>
          <p className="c-2" role="status">
            {data?.items.length.toLocaleString('en')} of {data?.total.toLocaleString('en')} nodes
          </p>
          <div className={s.list}>
            <DataTable
              label="Nodes"
              rows={data?.items ?? []}
              rowKey={(n) => n.name}
              empty={<Empty title={settled ? 'No node fits' : 'No nodes yet'}>{settled ? '' : 'Import a node list.'}</Empty>}
              columns={[
                { key: 'n', head: 'Node', cell: (n) => <b className="mono">{n.name}</b> },
                { key: 'e', head: 'Environment', cell: (n) => <EnvChip env={n.environment || 'unknown'} production={n.production} /> },
                { key: 'h', head: 'Host', wide: true, cell: (n) => <span className="mono">{n.username ? `${n.username}@${n.hostname}` : n.hostname}</span> },
                { key: 't', head: 'Tags', fill: true, cell: (n) => <span className={s.chips}>{n.tags.map((t) => <Chip key={t}>{t}</Chip>)}</span> },
                { key: 'r', head: 'Last contact', wide: true, cell: (n) => (!n.last_contact_at ? <span className="c-3">none yet</span> : n.last_contact_error ? <span className="c-red" title={n.last_contact_error}>failed, <Time at={n.last_contact_at} /></span> : <Time at={n.last_contact_at} />) },
              ]}
            />
          </div>
        </>
      )}
    </>
  )
}

/** Whether jobs may put a caller's text where it is read as code. */
export function ProjectSettings({ project, onSaved }: { project: Project; onSaved: () => Promise<unknown> }) {
  const set = async (allow: boolean) => {
    try {
      await api.patch(`/projects/${project.name}`, { allow_raw: allow })
      await onSaved()
    } catch (e) {
      toastError(project.allow_raw ? 'Raw values are still allowed' : 'Raw values are still refused', e)
    }
  }
  const may = project.allow_raw ? project.abilities['allow_raw'] || project.abilities['manage'] : project.abilities['allow_raw']
  return (
    <Box title="Raw values">
      <p>
        A value that somebody gives to a job is data. Some jobs want it as a part of a program: as {'${unquotedoption.x}'}, as @option.x@ of an option that takes any text, or inside of awk, sed or sh -c. Where the project allows that, whoever may run such a job can run
        anything on its nodes.
      </p>
      <p role="status">
        <b>{project.allow_raw ? 'Raw values are allowed in this project.' : 'Raw values are refused in this project.'}</b>
      </p>
      {may ? (
        <div className={s.actions}>
          {project.allow_raw ? (
            <Button onClick={() => void set(false)}>Refuse raw values</Button>
          ) : (
            <ConfirmButton title={`Allow raw values in ${project.title || project.name}?`} description="Whoever may run a job that uses them can then run anything on its nodes, whatever approvals say about the job. It is better to limit the option by a regex, or to list its values." confirm="Allow" confirmKind="danger" onConfirm={() => set(true)}>
              Allow raw values
            </ConfirmButton>
          )}
        </div>
      ) : (
        <p className="c-2">You may not change this. It needs allow_raw on the project.</p>
      )}
    </Box>
  )
}

/** A stored document of rules, with what is wrong in it. */
export type RuleDocument = { project: string; name: string; text: string; version: number; built_in: boolean; updated_by?: string; updated_at?: string; errors: { policy: string; line: number; text: string; dropped: boolean }[] }

/** Documents as they were given. A wrong one is left out; the others hold. */
export function ProjectDocuments({ project, kind }: { project: Project; kind: 'policies' | 'approvals' }) {
  return (
    <Documents
      path={`/projects/${project.name}/${kind}`}
      empty={
        <Empty title={kind === 'policies' ? 'No policies yet' : 'Nothing needs approval here'}>{kind === 'policies' ? 'Without one, nobody but administrators may do anything in this project.' : 'Import approvals.yaml to ask for a second pair of eyes, such as in production.'}</Empty>
      }
      editable={kind === 'policies'}
    />
  )
}
export function Documents({ path, empty, editable }: { path: string; empty: ReactNode; editable: boolean }) {
  const { data, error, isPending, refetch } = useQuery({ queryKey: ['policies', path], queryFn: () => api.get<Items<RuleDocument>>(path) })
  const [editing, setEditing] = useState<string | null>(null)
  if (isPending) return <Loading lines={6} />
  if (error && !data) return <ErrorState error={error} onRetry={() => void refetch()} />
  const docs = data?.items ?? []
  const doc = docs.find((d) => d.name === editing)
  return (
    <>
      {editable && (
        <div className={s.actions}>
          <Button size="s" icon={<Plus size={12} />} onClick={() => setEditing('')}>
            Add a policy
          </Button>
        </div>
      )}
      {docs.length === 0 && <div className={s.list}>{empty}</div>}
      {docs.map((d) => (
        <Document key={d.name} d={d} onEdit={editable ? () => setEditing(d.name) : undefined} />
      ))}
      {editing !== null && <PolicyForm path={path} doc={doc} onClose={() => setEditing(null)} />}
    </>
  )
}
function Document({ d, onEdit }: { d: RuleDocument; onEdit?: () => void }) {
  const dropped = d.errors.filter((e) => e.dropped)
  const remarks = d.errors.filter((e) => !e.dropped)
  const say = (list: RuleDocument['errors']) => list.map((e) => `${e.line ? `Line ${e.line}: ` : ''}${e.text}`).join('\n')
  return (
    <Box
      title={d.name}
      actions={
        <>
          {d.built_in && <Chip>Built in</Chip>}
          <Chip tone={dropped.length ? 'red' : 'green'}>{dropped.length ? `${dropped.length} left out` : 'In force'}</Chip>
          {onEdit && (
            <Button size="s" icon={<Pencil size={12} />} aria-label={`Edit ${d.name}`} onClick={onEdit}>
              Edit
            </Button>
          )}
        </>
      }
    >
      {d.errors.length > 0 && (
        <div className={`${s.pad} ${s.stack}`}>
          {dropped.length > 0 && <Notice title="Left out">{say(dropped)}</Notice>}
          {remarks.length > 0 && (
            <Notice tone="amber" title="Remarks">
              {say(remarks)}
            </Notice>
          )}
        </div>
      )}
      <pre className={s.doc} tabIndex={0} aria-label={`Document ${d.name}`}>
        {d.text}
      </pre>
    </Box>
  )
}

type PolicyItem = { name: string; result: string; message: string; line?: number }
/** A policy as text: tried first, then stored. */
function PolicyForm({ path, doc, onClose }: { path: string; doc?: RuleDocument; onClose: () => void }) {
  const refresh = useRefresh()
  const [name, setName] = useState(doc?.name ?? '')
  const [content, setContent] = useState(doc?.text ?? 'description: \ncontext:\n  project: \'.*\'\nfor:\n  job:\n    - allow: [read]\nby:\n  group: responder\n')
  const [report, setReport] = useState<PolicyItem[] | null>(null)
  const [trying, setTrying] = useState(false)
  const bad = { name: /^[\w.-]+$/.test(name) ? '' : 'A name of letters, digits, dots and dashes.', content: content.trim() ? '' : 'Write at least one document.' }
  const put = (dry: boolean) => api.put<Items<PolicyItem>>(`${path}/${encodeURIComponent(name)}`, { content, dry_run: dry || undefined })
  return (
    <FormDialog
      title={doc ? `Edit ${doc.name}` : 'Add a policy'}
      description="Deny is looked at before allow. A wrong document is left out with its line, the others hold."
      submit="Store"
      width={720}
      valid={!bad.name && !bad.content}
      onClose={onClose}
      onSave={async () => {
        await put(false)
        await refresh('policies', 'why')
        onClose()
      }}
    >
      {(fields, tried) => (
        <>
          {!doc && (
            <Field label="Name" required error={(tried && bad.name) || fields['name']}>
              <Input mono value={name} placeholder="operators" onChange={(e) => setName(e.target.value.trim())} autoFocus />
            </Field>
          )}
          <Field label="Policy" required error={(tried && bad.content) || fields['content']}>
            <Textarea
              mono
              rows={16}
              value={content}
              spellCheck={false}
              onChange={(e) => {
                setContent(e.target.value)
                setReport(null)
              }}
            />
          </Field>
          {report && (
            <Notice tone={report.some((r) => r.result === 'dropped') ? 'red' : 'green'} title={report.some((r) => r.result === 'dropped') ? 'Some of it would be left out' : 'All of it would hold'}>
              {report.map((r) => `${r.line ? `Line ${r.line}: ` : ''}${r.name} ${r.result}${r.message ? `: ${r.message}` : ''}`).join('\n')}
            </Notice>
          )}
          <div className={s.actions}>
            {doc && (
              <ConfirmButton
                size="s"
                kind="danger"
                title={`Delete ${doc.name}?`}
                description={doc.built_in ? 'The built-in rules of this name hold again.' : 'What it allowed is no longer allowed, unless another policy does.'}
                confirm="Delete"
                onConfirm={async () => {
                  await api.del(`${path}/${encodeURIComponent(doc.name)}`)
                  await refresh('policies', 'why')
                  onClose()
                }}
              >
                Delete
              </ConfirmButton>
            )}
            <Button
              size="s"
              busy={trying}
              disabled={!!bad.name || !!bad.content}
              onClick={() => {
                setTrying(true)
                put(true)
                  .then((r) => setReport(r.items))
                  .catch((e) => toastError('The policy could not be tried', e))
                  .finally(() => setTrying(false))
              }}
            >
              Try without storing
            </Button>
          </div>
        </>
      )}
    </FormDialog>
  )
}
