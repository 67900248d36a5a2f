import { useQueries, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Check, Footprints } from 'lucide-react'
import { api, useMe, type AlertSource, type Items, type JobSummary, type Project, type Rotation, type RunSummary, type Service } from '@/api'
import { catchAllState } from '@/lib/catchall'
import { useOffice } from '@/realtime'
import { Button, GuideLink, Loading, Progress } from '@/ui'
import { checklist, type Facts } from './model'
import s from './tour.module.css'

/** What is there, asked of the office as the screens themselves do. */
function useFacts(): Facts | null {
  const people = useOffice((o) => Object.values(o.users).filter((u) => u.kind === 'person' && !u.disabled).length)
  const rooms = useOffice((o) => Object.values(o.rooms).filter((r) => r.kind !== 'incident' && !r.archived).length)
  const list = <T,>(key: string, path: string) => ({ queryKey: [key], queryFn: () => api.get<Items<T>>(path), retry: false })
  const sources = useQuery(list<AlertSource>('alert-sources', '/alert-sources'))
  const services = useQuery(list<Service>('services', '/services'))
  const rotations = useQuery(list<Rotation>('rotations', '/rotations'))
  const projects = useQuery(list<Project>('projects', '/projects'))
  const runs = useQuery({ queryKey: ['runs', 'any'], queryFn: () => api.get<Items<RunSummary>>('/runs', { limit: 1 }), retry: false })
  const names = (projects.data?.items ?? []).map((p) => p.name)
  const jobs = useQueries({ queries: names.map((p) => ({ queryKey: ['jobs', p], queryFn: () => api.get<Items<JobSummary>>(`/projects/${p}/jobs`), retry: false })) })
  const nodes = useQueries({ queries: names.map((p) => ({ queryKey: ['nodes', p, 'any'], queryFn: () => api.get<{ total: number }>(`/projects/${p}/nodes`, { filter: '.*' }), retry: false })) })
  if ([sources, services, rotations, projects, runs, ...jobs, ...nodes].some((q) => q.isPending)) return null
  const manned = new Set((rotations.data?.items ?? []).filter((r) => r.members.length > 0).map((r) => r.id))
  const sum = (ns: (number | undefined)[]) => ns.reduce<number>((a, b) => a + (b ?? 0), 0)
  return {
    people,
    rooms,
    sources: sources.data?.items.length ?? 0,
    covered: (services.data?.items ?? []).filter((x) => x.rotation_id && manned.has(x.rotation_id)).length,
    caught: catchAllState(rotations.data?.items ?? []) === 'manned',
    jobs: sum(jobs.map((q) => q.data?.items.length)),
    nodes: sum(nodes.map((q) => q.data?.total)),
    runs: runs.data?.items.length ?? 0,
  }
}

export function Checklist({ folded, onTour, onGo }: { folded: boolean; onTour: () => void; onGo: () => void }) {
  const me = useMe()
  const facts = useFacts()
  if (!facts) return <Loading label="Looking at the office" lines={6} />
  const items = checklist(facts, { abilities: me.abilities, roles: me.user.roles })
  const done = items.filter((i) => i.done).length
  const bar = (
    <div className={s.bar}>
      <Progress value={(100 * done) / Math.max(1, items.length)} tone="green" label="Set up so far" />
      <span className="tnum">
        {done} of {items.length}
      </span>
    </div>
  )
  if (folded) return bar
  return (
    <>
      <p>{done === items.length ? 'Everything an office needs is there.' : 'What an office needs before its first incident. This list stays while you go through it.'}</p>
      {bar}
      <ol className={s.items}>
        {items.map((i) => (
          <li key={i.id} data-done={i.done || undefined}>
            <span className={s.tick}>{i.done && <Check size={12} aria-hidden="true" />}</span>
            <span>
              <Link to={i.to} onClick={onGo}>
                {i.title}
                <span className="sr">{i.done ? ', done' : ', not yet'}</span>
              </Link>
              <small>{i.about}</small>
            </span>
            <GuideLink to={i.guide}>
              <span className="sr">{i.title}: </span>How
            </GuideLink>
          </li>
        ))}
      </ol>
      <div className={s.acts}>
        <span className="grow" />
        <Button size="s" icon={<Footprints size={13} />} onClick={onTour}>
          Show me around
        </Button>
      </div>
    </>
  )
}
