import { useQueries, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ListChecks, Play, Search, ShieldCheck, Terminal } from 'lucide-react'
import { useMemo, useState } from 'react'
import { api, type Items, type JobSummary, type Project } from '@/api'
import { rank } from '@/lib/fuzzy'
import { environmentInSentence } from '@/lib/environment'
import { Button, buttonClass, Chip, Empty, ErrorState, GuideLink, Loading, Page } from '@/ui'
import JobForm from './JobForm'
import { byGroup } from './options'
import s from './run.module.css'

/** Why its button does nothing: what is in the way for everybody, in the server's words, before what is in mine. */
const whyNot = (j: JobSummary): string | undefined => (j.cannot_run.length > 0 ? `Cannot run yet: ${j.cannot_run.join('; ')}` : j.abilities.run === false ? 'No rule lets you run this job.' : undefined)

/** All jobs one may see, by project and group, each with its button. */
export default function JobsView() {
  const [text, setText] = useState('')
  const [form, setForm] = useState('')
  const projects = useQuery({ queryKey: ['projects'], queryFn: () => api.get<Items<Project>>('/projects') })
  const lists = useQueries({ queries: (projects.data?.items ?? []).map((p) => ({ queryKey: ['jobs', p.name], queryFn: () => api.get<Items<JobSummary>>(`/projects/${p.name}/jobs`) })) })
  const error = projects.error ?? lists.find((l) => l.error)?.error
  const loading = projects.isPending || lists.some((l) => l.isPending)
  const jobs = useMemo(() => lists.flatMap((l) => l.data?.items ?? []), [lists])
  const found = rank(text, jobs, (j) => [j.full_name, j.description], 2000)
  const several = (projects.data?.items.length ?? 0) > 1
  const retry = () => {
    void projects.refetch()
    for (const l of lists) void l.refetch()
  }
  return (
    <Page
      title="Jobs"
      actions={
        <Link to="/adhoc" className={buttonClass('ghost')}>
          <Terminal size={13} aria-hidden="true" />
          Run a command
        </Link>
      }
    >
      <div className={s.filters}>
        <label className={s.searchBox}>
          <Search size={13} aria-hidden="true" />
          <span className="sr">Find a job</span>
          <input type="search" placeholder="Find a job" value={text} onChange={(e) => setText(e.target.value)} autoFocus />
        </label>
      </div>
      {loading ? (
        <Loading label="Loading jobs" lines={8} />
      ) : error && jobs.length === 0 ? (
        <ErrorState error={error} onRetry={retry} />
      ) : jobs.length === 0 ? (
        <Empty icon={<ListChecks size={20} />} title="There are no jobs you may see" action={<GuideLink to="jobs-and-approvals#jobs">How to bring jobs</GuideLink>}>
          An administrator imports job definitions under Administration, Projects. Rundeck’s YAML can be taken as it is.
        </Empty>
      ) : found.length === 0 ? (
        <Empty title={`No job fits “${text}”`} />
      ) : (
        <div className={s.jobs}>
          {byGroup(found.map((j) => ({ ...j, group: several ? [j.project, j.group].filter(Boolean).join(': ') : j.group }))).map((g) => (
            <section key={g.group} className={s.group}>
              <h2>{g.group || 'Without a group'}</h2>
              <ul className={s.list} data-list>
                {g.jobs.map((j) => (
                  <li key={j.id} className={s.job}>
                    <div className={s.jobText}>
                      <Link to="/jobs/$id" params={{ id: j.id }}>
                        {j.name}
                      </Link>
                      <span>{j.description}</span>
                      {whyNot(j) && <em id={`why-${j.id}`}>{whyNot(j)}</em>}
                    </div>
                    {j.needs_approval_in.length > 0 && (
                      <Chip tone="amber" icon={<ShieldCheck size={11} />} title={`Needs approval in ${j.needs_approval_in.join(', ')}`}>
                        Approval in {j.needs_approval_in.map((e) => environmentInSentence(e)).join(', ')}
                      </Chip>
                    )}
                    <Button icon={<Play size={12} />} disabled={j.abilities.run === false} aria-describedby={whyNot(j) && `why-${j.id}`} onClick={() => setForm(j.id)} aria-label={`Run ${j.full_name}`}>
                      Run
                    </Button>
                  </li>
                ))}
              </ul>
            </section>
          ))}
        </div>
      )}
      {form && <JobForm key={form} jobId={form} open onOpenChange={(o) => !o && setForm('')} />}
    </Page>
  )
}
