import { Plus, Upload } from 'lucide-react'
import { useState } from 'react'
import { api, errorText, type ImportResult, type Items, type Project } from '@/api'
import { cx } from '@/lib/cx'
import { Button, buttonClass, Chip, DataTable, Empty, Field, FieldRow, GuideLink, Input, Notice, Select, TabPanel, Tabs, Textarea } from '@/ui'
import { bytes, importSummary, IMPORTS, MAX_IMPORT, ownWords, slugProblem } from './model'
import { FormDialog, Head, useItems, useRefresh } from './parts'
import { ProjectDocuments, ProjectNodes, ProjectSettings } from './ProjectParts'
import s from './admin.module.css'

const TABS = [
  { id: 'import', label: 'Import' },
  { id: 'nodes', label: 'Nodes' },
  { id: 'policies', label: 'Policies' },
  { id: 'approvals', label: 'Approvals' },
  { id: 'settings', label: 'Settings' },
] as const

/** Projects: what can be run, where, by whom, and whose yes it needs. */
export default function Projects() {
  const { items, state } = useItems<Project>(['projects'], '/projects')
  const refresh = useRefresh()
  const [name, setName] = useState('')
  const [tab, setTab] = useState<(typeof TABS)[number]['id']>('import')
  const [adding, setAdding] = useState(false)
  const project = items.find((p) => p.name === name) ?? items[0]
  return (
    <>
      <Head
        title="Projects"
        action={
          <Button icon={<Plus size={13} />} onClick={() => setAdding(true)}>
            Add a project
          </Button>
        }
      >
        A project holds jobs, nodes, policies and approvals. Rundeck’s files can be taken as they are; the report says what was changed or left out.
      </Head>
      {state ??
        (!project ? (
          <div className={s.list}>
            <Empty title="No projects yet" action={<GuideLink to="jobs-and-approvals">How to bring jobs and nodes</GuideLink>}>Add one, then import its nodes, jobs and policies.</Empty>
          </div>
        ) : (
          <>
            <div className={s.titleRow}>
              {items.length > 1 && (
                <div>
                  <Select aria-label="Project" value={project.name} onChange={(e) => setName(e.target.value)}>
                    {items.map((p) => (
                      <option key={p.id} value={p.name}>
                        {p.title || p.name}
                      </option>
                    ))}
                  </Select>
                </div>
              )}
              {items.length === 1 && <b>{project.title || project.name}</b>}
              <Tabs label="Parts of the project" tabs={[...TABS]} value={tab} onChange={setTab} />
            </div>
            <TabPanel id={tab} className={s.inner}>
            {tab === 'import' && <Import key={project.name} project={project} onDone={() => refresh('jobs', 'job', 'nodes', 'policies')} />}
            {tab === 'nodes' && <ProjectNodes project={project} />}
            {tab === 'policies' && <ProjectDocuments project={project} kind="policies" />}
            {tab === 'approvals' && <ProjectDocuments project={project} kind="approvals" />}
            {tab === 'settings' && <ProjectSettings project={project} onSaved={() => refresh('projects', 'jobs', 'job')} />}
            </TabPanel>
          </>
        ))}
      {adding && <ProjectForm onClose={() => setAdding(false)} onSaved={() => refresh('projects')} />}
    </>
  )
}

/** What an import says of an item: one line for each step and kind. */
function Remarks({ r }: { r: ImportResult }) {
  const rest = ownWords(r)
  if (!r.remarks || r.remarks.length < 2) return r.message
  return (
    <>
      {rest}
      <ul className={s.remarks}>
        {r.remarks.map((m) => (
          <li key={`${m.step ?? ''} ${m.kind} ${m.text}`}>
            {m.step && <b>{m.step}: </b>}
            {m.text}.
          </li>
        ))}
      </ul>
    </>
  )
}

function ProjectForm({ onClose, onSaved }: { onClose: () => void; onSaved: () => Promise<unknown> }) {
  const [name, setName] = useState('')
  const [title, setTitle] = useState('')
  const bad = slugProblem(name, 'project')
  return (
    <FormDialog
      title="Add a project"
      submit="Add"
      valid={!bad}
      onClose={onClose}
      onSave={async () => {
        await api.post('/projects', { name, title: title.trim() })
        await onSaved()
        onClose()
      }}
    >
      {(fields, tried) => (
        <FieldRow>
          <Field label="Name" required error={(tried && bad) || fields['name']}>
            <Input value={name} placeholder="payments" onChange={(e) => setName(e.target.value)} autoFocus />
          </Field>
          <Field label="Title" error={fields['title']}>
            <Input value={title} onChange={(e) => setTitle(e.target.value)} />
          </Field>
        </FieldRow>
      )}
    </FormDialog>
  )
}

function Import({ project, onDone }: { project: Project; onDone: () => Promise<unknown> }) {
  const [kind, setKind] = useState<(typeof IMPORTS)[number]['kind']>('jobs')
  const [content, setContent] = useState('')
  const [name, setName] = useState('')
  const [over, setOver] = useState(false)
  const [busy, setBusy] = useState<'' | 'dry' | 'real'>('')
  const [failed, setFailed] = useState<unknown>(null)
  const [report, setReport] = useState<{ items: ImportResult[]; dry: boolean } | null>(null)
  const info = IMPORTS.find((x) => x.kind === kind)!
  const take = async (file: File | undefined) => {
    if (!file) return
    if (file.size > MAX_IMPORT) return setFailed(new Error(`${file.name} is ${bytes(file.size)}; up to ${bytes(MAX_IMPORT)} can be imported at once. Split it.`))
    setFailed(null)
    setReport(null)
    setName(file.name)
    setContent(await file.text())
  }
  const send = async (dry: boolean) => {
    setBusy(dry ? 'dry' : 'real')
    setFailed(null)
    try {
      const r = await api.post<Items<ImportResult>>(`/projects/${project.name}/import`, { kind, name: name || undefined, content, dry_run: dry || undefined })
      setReport({ items: r.items, dry })
      if (!dry) await onDone()
    } catch (e) {
      setFailed(e)
      setReport(null)
    } finally {
      setBusy('')
    }
  }
  const sum = report && importSummary(report.items)
  if (project.abilities['import'] === false) return <Notice tone="amber" title="You may not import into this project">No rule allows it. An administrator of the project can grant it.</Notice>
  return (
    <>
      <div
        className={cx(s.drop, over && s.dropOn)}
        onDragOver={(e) => {
          e.preventDefault()
          setOver(true)
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(e) => {
          e.preventDefault()
          setOver(false)
          void take(e.dataTransfer.files[0])
        }}
      >
        <FieldRow>
          <Field label="What" hint={info.hint}>
            <Select
              value={kind}
              onChange={(e) => {
                setKind(e.target.value as typeof kind)
                setReport(null)
              }}
            >
              {IMPORTS.map((x) => (
                <option key={x.kind} value={x.kind}>
                  {x.label}
                </option>
              ))}
            </Select>
          </Field>
          <Field label="Name" hint={kind === 'policy' ? 'The document’s name; the same name replaces it' : 'Of the file, for the record'}>
            <Input value={name} placeholder={kind === 'policy' ? 'operators.aclpolicy' : 'jobs.yaml'} onChange={(e) => setName(e.target.value)} />
          </Field>
        </FieldRow>
        <div className={s.dropRow}>
          <span className={s.fileButton}>
            <span className={buttonClass('ghost')}>
              <Upload size={13} aria-hidden="true" />
              Choose a file
            </span>
            <input
              type="file"
              aria-label="Choose a file"
              accept={info.file}
              onChange={(e) => {
                void take(e.target.files?.[0])
                e.target.value = ''
              }}
            />
          </span>
          <span>or drop it here, or paste it below{content ? `; ${bytes(new Blob([content]).size)} loaded` : ''}</span>
        </div>
        <Field label="Content">
          <Textarea
            mono
            rows={10}
            value={content}
            spellCheck={false}
            onChange={(e) => {
              setContent(e.target.value)
              setReport(null)
            }}
          />
        </Field>
        <div className={s.actions}>
          <Button busy={busy === 'dry'} disabled={!content.trim()} onClick={() => void send(true)}>
            Try without changing anything
          </Button>
          <Button kind="primary" busy={busy === 'real'} disabled={!content.trim()} onClick={() => void send(false)}>
            Import
          </Button>
        </div>
      </div>
      {failed !== null && <Notice title="Nothing was imported">{errorText(failed)}</Notice>}
      {report && sum && (
        <>
          <Notice tone={sum.dropped > 0 ? 'amber' : 'green'} title={report.dry ? 'This is what would happen' : 'Imported'}>
            {sum.text}
          </Notice>
          <div className={s.list}>
            <DataTable
              label="Import report"
              rows={report.items}
              rowKey={(r) => `${r.name} ${r.line ?? ''} ${r.message}`}
              columns={[
                { key: 'r', head: 'Result', cell: (r) => <Chip tone={r.result === 'dropped' ? 'red' : r.result === 'unchanged' ? 'mute' : 'green'}>{r.result}</Chip> },
                { key: 'n', head: 'Item', cell: (r) => <b>{r.name}</b> },
                { key: 'l', head: 'Line', num: true, cell: (r) => r.line ?? '' },
                { key: 'm', head: 'Note', fill: true, cell: (r) => <Remarks r={r} /> },
              ]}
            />
          </div>
        </>
      )}
    </>
  )
}
