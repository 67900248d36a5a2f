// In a demo office: one click starts a drill, and the card leads through it.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { Check, Siren } from 'lucide-react'
import { useEffect, useRef } from 'react'
import { api, useMe } from '@/api'
import { cx } from '@/lib/cx'
import { Button, say, toastError } from '@/ui'
import { act, current, every, request, spoken, type Demo, type Drill } from './model'
import s from './demo.module.css'

const KEY = ['demo']

export default function DemoCard() {
  const me = useMe()
  const client = useQueryClient()
  const navigate = useNavigate()
  const { data } = useQuery({ queryKey: KEY, queryFn: () => api.get<Demo>('/demo'), refetchInterval: (q) => every(q.state.data) })
  const drill = data?.drill
  const told = useRef('')
  const led = useRef('')
  const line = drill && drill.started_by === me.user.id ? spoken(drill) : ''
  useEffect(() => {
    if (line && line !== told.current && (told.current || drill?.state === 'running')) say(line)
    told.current = line
  }, [line, drill?.state])
  // Whoever started it is taken to its room, once.
  const room = drill?.state === 'running' && drill.started_by === me.user.id ? drill.room_id : undefined
  useEffect(() => {
    if (!room || led.current === room) return
    led.current = room
    void navigate({ to: '/rooms/$id', params: { id: room } })
  }, [room, navigate])
  const start = useMutation({
    mutationFn: () => api.post<Drill>('/demo/drill'),
    onSuccess: (d) => client.setQueryData<Demo>(KEY, (was) => was && { ...was, drill: d }),
    onError: (e) => toastError('The drill did not start', e),
  })
  const play = useMutation({
    mutationFn: async (d: Drill) => {
      const r = request(d, crypto.randomUUID())
      if (r) await api.post(r.path, r.body)
    },
    onSettled: () => client.invalidateQueries({ queryKey: KEY }),
    onError: (e) => toastError('That did not work', e),
  })
  if (!data?.drills) return null
  const at = drill && current(drill)
  if (!drill || !at)
    return (
      <section className={s.card} aria-label="Demo">
        <h2>
          <Siren size={15} aria-hidden="true" /> {drill?.state === 'over' ? 'The drill is over' : 'See an incident'}
        </h2>
        <p>
          {drill?.state === 'failed'
            ? `The last drill broke off: ${drill.reason}`
            : drill?.state === 'over'
              ? 'Everything that happened stands on the incident’s timeline and in the ledger.'
              : 'An alert fires, a room opens, you are paged. Simulated colleagues play the other parts.'}
        </p>
        <div className={s.acts}>
          <Button kind={drill?.state === 'over' ? 'ghost' : 'primary'} size="s" busy={start.isPending} onClick={() => start.mutate()}>
            {drill ? 'Start another drill' : 'Start a drill'}
          </Button>
          {drill?.ticket && (
            <Link to="/incidents/$id" params={{ id: drill.ticket }} className={s.more}>
              {drill.ticket}
            </Link>
          )}
        </div>
      </section>
    )
  const word = act(drill)
  const inRoom = drill.room_id && { to: '/rooms/$id' as const, params: { id: drill.room_id } }
  return (
    <section className={s.card} aria-label="Drill" data-running>
      <h2>
        <Siren size={15} aria-hidden="true" /> Drill {drill.ticket}
        <span className={s.count}>
          {drill.steps.indexOf(at) + 1} of {drill.steps.length}
        </span>
      </h2>
      <ol className={s.steps}>
        {drill.steps.map((step) => (
          <li key={step.id} className={cx(step.done && s.done, step === at && s.at)} aria-current={step === at ? 'step' : undefined}>
            <span className={s.tick}>{step.done && <Check size={11} aria-label="Done:" />}</span>
            <span>
              {step.title}
              {step === at && !step.yours && step.id !== 'run' && <small> A colleague is at it.</small>}
            </span>
          </li>
        ))}
      </ol>
      <div className={s.acts}>
        {word && at.id !== 'approve' && (
          <Button kind="primary" size="s" busy={play.isPending} onClick={() => play.mutate(drill)}>
            {word}
          </Button>
        )}
        {inRoom && (
          <Link {...inRoom} className={s.more}>
            {at.id === 'approve' && at.yours ? 'Review it in the room' : 'Open the room'}
          </Link>
        )}
      </div>
    </section>
  )
}
