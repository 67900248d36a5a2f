// What somebody who comes late needs to know: asked for once, when it is opened.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { CircleAlert, X } from 'lucide-react'
import type { ReactNode } from 'react'
import { api, type CatchUp as Card, type Room } from '@/api'
import { nameOf, UserAvatar } from '@/realtime'
import { Chip, Clock, EnvChip, ErrorState, IconButton, Loading, Progress, SeverityChip, StageChip, Time } from '@/ui'
import s from './catchup.module.css'

const ASKED: Record<string, string> = { approval: 'Approve', action: 'Your action', question: 'Your question', mention: 'Mentioned' }

export default function CatchUp({ room, onClose }: { room: Room; onClose: () => void }) {
  const q = useQuery({ queryKey: ['catch-up', room.id], queryFn: () => api.get<Card>(`/rooms/${room.id}/catch-up`), staleTime: 5_000 })
  return (
    <section className={s.card} aria-label="Catch up" tabIndex={0}>
      <header>
        <h2>Catch up</h2>
        {q.data?.incident && (
          <>
            <SeverityChip severity={q.data.incident.severity} mode={q.data.incident.mode} />
            <StageChip stage={q.data.incident.stage} />
            <EnvChip env={q.data.incident.environment} production={q.data.incident.production} />
            <span className="c-3">
              since <Time at={q.data.incident.times.declared} mode="when" />
              {' · '}
              <Clock from={q.data.incident.times.declared} to={q.data.incident.times.resolved} />
            </span>
          </>
        )}
        <span className="grow" />
        <IconButton size="s" label="Close the card" onClick={onClose}>
          <X size={14} />
        </IconButton>
      </header>
      {q.error ? <ErrorState compact error={q.error} title="The card did not load" onRetry={() => void q.refetch()} /> : !q.data ? <Loading label="Reading what happened" lines={4} /> : <Body c={q.data} />}
    </section>
  )
}

function Body({ c }: { c: Card }) {
  return (
    <div className={s.parts}>
      {c.asked.length > 0 && (
        <Part title="Asked of you" loud>
          {c.asked.map((a, i) => (
            <li key={i}>
              <CircleAlert size={13} className="c-amber" aria-hidden="true" />
              <a href={a.link}>
                <b>{ASKED[a.kind] ?? a.kind}</b> {a.text}
              </a>
            </li>
          ))}
        </Part>
      )}
      <Part title="What happened" empty="Nothing was recorded yet.">
        {c.happened.map((l, i) => (
          <li key={i}>
            <Time at={l.at} className={s.at} />
            <span>{l.text}</span>
            {i === 0 && c.earlier > 0 && <Chip>{c.earlier} more in between</Chip>}
          </li>
        ))}
      </Part>
      <Part title="What was decided" empty="Nothing was decided yet. Pin a message, and it stands here.">
        {c.decided.map((l, i) => (
          <li key={i}>
            <Time at={l.at} className={s.at} />
            <span>{l.text}</span>
          </li>
        ))}
      </Part>
      <Part title="Who is here" empty="Nobody is in the room.">
        {c.here.map((p) => (
          <li key={p.user_id} className={p.inside ? undefined : 'c-3'}>
            <UserAvatar id={p.user_id} size={20} dot />
            <span>{nameOf(p.user_id)}</span>
            {p.roles.map((r) => (
              <Chip key={r} tone={r === 'commander' ? 'amber' : undefined}>
                {r}
              </Chip>
            ))}
            {!p.inside && <small>not in the room</small>}
          </li>
        ))}
      </Part>
      <Part title="What runs now" empty="Nothing runs.">
        {c.running.map((r) => (
          <li key={r.id}>
            <Link to="/runs/$id" params={{ id: r.id }}>
              #{r.number} {r.title}
            </Link>
            <Chip>{r.state === 'waiting' ? 'waits for approval' : r.state}</Chip>
            {r.state === 'running' && r.progress.total > 0 && <Progress value={r.progress.done / r.progress.total} label={`${r.progress.done} of ${r.progress.total} nodes`} />}
          </li>
        ))}
      </Part>
    </div>
  )
}

function Part({ title, empty, loud, children }: { title: string; empty?: string; loud?: boolean; children: ReactNode[] }) {
  return (
    <div className={loud ? s.loud : undefined}>
      <h3>{title}</h3>
      {children.flat().length ? <ul>{children}</ul> : <p className="c-3">{empty}</p>}
    </div>
  )
}
