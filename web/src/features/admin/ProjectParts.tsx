import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { ApiError, api, type Node, type Project } from '@/api'
import { useSettled } from '@/lib/hooks'
import { Box, Chip, DataTable, Empty, EnvChip, ErrorState, Field, Input, Loading, Notice } from '@/ui'
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
                { key: 'e', head: 'Environment', cell: (n) => <EnvChip env={n.environment} /> },
                { key: 'h', head: 'Host', wide: true, cell: (n) => <span className="mono">{n.username ? `${n.username}@${n.hostname}` : n.hostname}</span> },
                { key: 't', head: 'Tags', fill: true, cell: (n) => <span className={s.chips}>{n.tags.map((t) => <Chip key={t}>{t}</Chip>)}</span> },
                { key: 'r', head: 'Reachable', wide: true, cell: (n) => (n.reachable === false ? <span className="c-red">no</span> : n.reachable ? 'yes' : 'not known') },
              ]}
            />
          </div>
        </>
      )}
    </>
  )
}

type Doc = { name: string; content: string; errors: { message: string; line?: number }[] | string[] | null }
/** Documents as they were given, with what is wrong in them. A wrong one is left out; the others hold. */
export function ProjectDocuments({ project, kind }: { project: Project; kind: 'policies' | 'approvals' }) {
  const { data, error, isPending, refetch } = useQuery({ queryKey: ['policies', project.name, kind], queryFn: () => api.get<{ items: Doc[] }>(`/projects/${project.name}/${kind}`) })
  if (isPending) return <Loading lines={6} />
  if (error && !data) return <ErrorState error={error} onRetry={() => void refetch()} />
  const docs = data?.items ?? []
  if (docs.length === 0)
    return (
      <div className={s.list}>
        <Empty title={kind === 'policies' ? 'No policies yet' : 'Nothing needs approval here'}>{kind === 'policies' ? 'Without one, nobody but administrators may do anything in this project.' : 'Import approvals.yaml to ask for a second pair of eyes, such as in production.'}</Empty>
      </div>
    )
  return (
    <>
      {docs.map((d) => (
        <Document key={d.name} d={d} />
      ))}
    </>
  )
}
export function Document({ d }: { d: Doc }) {
  const errors = (d.errors ?? []).map((e) => (typeof e === 'string' ? e : `${e.line ? `Line ${e.line}: ` : ''}${e.message}`))
  return (
    <Box title={d.name} actions={<Chip tone={errors.length ? 'red' : 'green'}>{errors.length ? `${errors.length} ${errors.length === 1 ? 'error' : 'errors'}` : 'In force'}</Chip>}>
      {errors.length > 0 && (
        <div className={s.pad}>
          <Notice title="Left out">{errors.join('\n')}</Notice>
        </div>
      )}
      <pre className={s.doc} tabIndex={0} aria-label={`Document ${d.name}`}>
        {d.content}
      </pre>
    </Box>
  )
}
