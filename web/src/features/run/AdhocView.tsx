import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { Play, ShieldCheck } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { ApiError, api, errorText, type Items, type Node, type Preview, type Project, type Run } from '@/api'
import { useSettled } from '@/lib/hooks'
import { Button, Checkbox, DialogActions, Empty, ErrorState, Field, FieldRow, Form, GuideLink, Input, Loading, Notice, Page, Select, Textarea, toast, WhyDenied } from '@/ui'
import { HitList, PlanSummary } from './JobForm'
import { nodesWord } from './model'

/** One command on many nodes: the nodes come first, then the command. */
export default function AdhocView() {
  const projects = useQuery({ queryKey: ['projects'], queryFn: () => api.get<Items<Project>>('/projects') })
  const allowed = (projects.data?.items ?? []).filter((p) => p.abilities.run_adhoc !== false)
  return (
    <Page title="Run a command" subtitle="Once, on the nodes a filter finds">
      {projects.isPending ? (
        <Loading />
      ) : projects.error && !projects.data ? (
        <ErrorState error={projects.error} onRetry={() => void projects.refetch()} />
      ) : allowed.length === 0 ? (
        <Empty title="You may not run commands" action={<GuideLink to="access-policy#why-was-i-refused">Why, and who can allow it</GuideLink>}>No project has a rule that lets you run ad-hoc commands. Run a job instead, or ask an administrator of the project.</Empty>
      ) : (
        <Fields projects={allowed} />
      )}
    </Page>
  )
}

/** Before there is a command, the filter's nodes alone. */
async function hits(project: string, filter: string): Promise<Preview> {
  const { items } = await api.get<{ items: Node[] }>(`/projects/${project}/nodes`, { filter })
  return { nodes: items, environment: [...new Set(items.map((n) => n.environment || 'unknown'))].sort().join(', '), production: items.some((n) => n.production), approval: null, problems: [] }
}

function Fields({ projects }: { projects: Project[] }) {
  const search = useSearch({ strict: false }) as { project?: string; filter?: string; command?: string; room?: string; nodes?: string[]; threads?: number; keepgoing?: boolean }
  const navigate = useNavigate()
  const queries = useQueryClient()
  const [project, setProject] = useState(search.project && projects.some((p) => p.name === search.project) ? search.project : projects[0]!.name)
  const [filter, setFilter] = useState(search.filter ?? '')
  const [command, setCommand] = useState(search.command ?? '')
  const [threads, setThreads] = useState(search.threads ? String(search.threads) : '')
  const [keepgoing, setKeepgoing] = useState(search.keepgoing ?? true)
  // The nodes of a run that was, until the filter or the project is another.
  const [nodes, setNodes] = useState<string[]>(Array.isArray(search.nodes) ? search.nodes : [])
  const [tried, setTried] = useState(false)
  const [busy, setBusy] = useState(false)
  const [failed, setFailed] = useState<unknown>(null)
  const settled = useSettled(`${project}\n${filter.trim()}\n${command.trim()}\n${nodes.join(',')}`, 350)
  const preview = useQuery({
    queryKey: ['adhoc', settled],
    queryFn: () => (command.trim() ? api.post<Preview>(`/projects/${project}/adhoc/preview`, { filter: filter.trim(), command: command.trim(), nodes: nodes.length > 0 ? nodes : undefined }) : hits(project, filter.trim())),
    enabled: filter.trim() !== '',
    placeholderData: (old) => old,
    retry: false,
  })
  const p = filter.trim() ? preview.data : undefined
  const threadsError = threads && !/^[1-9]\d{0,2}$/.test(threads) ? 'A number from 1 to 999.' : ''
  const run = async (e: FormEvent) => {
    e.preventDefault()
    setTried(true)
    setFailed(null)
    if (!filter.trim() || !command.trim() || threadsError) return
    setBusy(true)
    try {
      const started = await api.post<Run>(`/projects/${project}/adhoc`, { command: command.trim(), filter: filter.trim(), nodes: nodes.length > 0 ? nodes : undefined, keepgoing, threads: threads ? Number(threads) : undefined, room_id: search.room })
      toast(started.state === 'waiting' ? `Run ${started.number} waits for approval` : `Run ${started.number} started`)
      void queries.invalidateQueries({ queryKey: ['runs'] })
      void navigate({ to: '/runs/$id', params: { id: String(started.number) } })
    } catch (x) {
      setFailed(x)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Form onSubmit={(e) => void run(e)}>
      {projects.length > 1 && (
        <Field label="Project">
          <Select value={project} onChange={(e) => {
              setProject(e.target.value)
              setNodes([])
            }}>
            {projects.map((x) => (
              <option key={x.id} value={x.name}>
                {x.title || x.name}
              </option>
            ))}
          </Select>
        </Field>
      )}
      <HitList
        required
        filter={filter}
        onFilter={(f) => {
          setFilter(f)
          setNodes([])
        }}
        preview={p} loading={preview.isFetching} error={preview.error} />
      {tried && !filter.trim() && <Notice tone="amber">Say on which nodes: a command never runs everywhere by itself.</Notice>}
      <Field label="Command" required hint="Runs in the login shell of each node, as written" error={(tried && !command.trim() && 'A command is required.') || (failed instanceof ApiError && failed.fields['command'])}>
        <Textarea mono rows={3} value={command} spellCheck={false} placeholder="uptime" onChange={(e) => setCommand(e.target.value)} />
      </Field>
      <FieldRow>
        <Field label="Nodes at the same time" hint="Empty: one after the other" error={threadsError}>
          <Input inputMode="numeric" value={threads} placeholder="1" onChange={(e) => setThreads(e.target.value.trim())} />
        </Field>
        <Checkbox label="Go on when a node fails" hint="The other nodes still run it" checked={keepgoing} onChange={(e) => setKeepgoing(e.target.checked)} />
      </FieldRow>
      {command.trim() && <PlanSummary preview={p} />}
      {failed !== null && <Notice title={failed instanceof ApiError && failed.status === 403 ? 'You may not run this' : 'The command did not run'}>{errorText(failed)}{failed instanceof ApiError && failed.status === 403 && <><br /><WhyDenied /></>}</Notice>}
      <DialogActions>
        <Button type="submit" kind={p?.production && !p.approval?.needed ? 'stop' : 'primary'} busy={busy} disabled={!!p?.denied || p?.nodes.length === 0} icon={p?.approval?.needed ? <ShieldCheck size={14} /> : <Play size={13} />}>
          {p?.approval?.needed ? 'Ask for approval' : p ? `Run on ${nodesWord(p.nodes.length)}` : 'Run'}
        </Button>
      </DialogActions>
    </Form>
  )
}
