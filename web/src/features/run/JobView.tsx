import { useQuery } from '@tanstack/react-query'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { ShieldCheck } from 'lucide-react'
import { api, type Job } from '@/api'
import { environmentInSentence, environmentWord } from '@/lib/environment'
import { UserName, useRoomInfo } from '@/realtime'
import { Box, Chip, CopyButton, ErrorState, Facts, Loading, Notice, Page, Time, WhyDenied } from '@/ui'
import { JobFields } from './JobForm'
import s from './run.module.css'

/** A job: its form first, beside it what it does and how it came to be. */
export default function JobView() {
  const { id = '' } = useParams({ strict: false })
  const { room: roomId } = useSearch({ strict: false }) as { room?: string }
  const room = useRoomInfo(roomId)
  const navigate = useNavigate()
  const { data: job, error, isPending, refetch } = useQuery({ queryKey: ['job', id], queryFn: () => api.get<Job>(`/jobs/${id}`) })
  if (isPending) return <Loading label="Loading the job" lines={8} />
  if (!job)
    return (
      <Page title="Job">
        <ErrorState error={error} onRetry={() => void refetch()} />
      </Page>
    )
  return (
    <Page
      title={job.full_name}
      subtitle={job.description}
      wide
      actions={
        job.needs_approval_in.length > 0 && (
          <Chip tone="amber" icon={<ShieldCheck size={11} />}>
            Approval in {job.needs_approval_in.map((e) => environmentInSentence(e)).join(', ')}
          </Chip>
        )
      }
    >
      <div className={s.cols}>
        <div>
          {job.cannot_run.length > 0 ? (
            <CannotRun why={job.cannot_run} />
          ) : job.abilities.run === false ? (
            <Notice tone="amber" title="You may not run this job">
              No rule allows it, or one denies it. An administrator of the project can change that. <WhyDenied />
            </Notice>
          ) : (
            <JobFields job={job} roomId={room?.id} onDone={(run) => void navigate({ to: '/runs/$id', params: { id: String(run.number) } })} />
          )}
        </div>
        <div>
          <Box title="Steps">
            {job.steps.length === 0 ? (
              <p className={s.row}>No steps.</p>
            ) : (
              <ol className={s.steps}>
                {job.steps.map((x) => (
                  <li key={x.n}>
                    <span className="grow">{x.label || x.kind}</span>
                    <span className={s.dim}>{x.kind}</span>
                  </li>
                ))}
              </ol>
            )}
          </Box>
          <Box title="Facts">
            <div className={s.row}>
              <div className="grow">
                <Facts
                  items={[
                    ['Project', job.project],
                    ['Version', job.version],
                    ['Nodes', job.nodefilter || 'one, the server'],
                    ['Strategy', job.strategy || 'node-first'],
                    ['Timeout', job.timeout || 'none'],
                    ['Environments', job.environments.map(environmentWord).join(', ') || 'any'],
                  ]}
                />
              </div>
            </div>
          </Box>
          {job.versions.length > 0 && (
            <Box title="Versions">
              <ol className={s.steps}>
                {job.versions.map((v) => (
                  <li key={v.version}>
                    <span className="grow">
                      Version {v.version}, <UserName id={v.by} fallback={v.by.startsWith('system:') ? 'Muster' : v.by} />
                    </span>
                    <Time at={v.at} mode="date" />
                  </li>
                ))}
              </ol>
            </Box>
          )}
          {job.yaml && (
            <Box title="Definition" actions={<CopyButton text={job.yaml} label="Copy the definition" />}>
              <pre className={s.yaml} tabIndex={0} aria-label="Job definition in YAML">
                {job.yaml}
              </pre>
            </Box>
          )}
        </div>
      </div>
    </Page>
  )
}

/** What the server says is in the way, for everybody: it has nothing to do with anyone’s rights. */
function CannotRun({ why }: { why: readonly string[] }) {
  return (
    <Notice tone="amber" title="This job cannot run yet">
      <ul className={s.why}>
        {why.map((w) => (
          <li key={w}>{w}</li>
        ))}
      </ul>
      Whoever may change the job can mend its definition and import it again.
    </Notice>
  )
}
