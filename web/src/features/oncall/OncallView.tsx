// Who is on call, when, and what those in a rotation do about it.
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { ArrowLeftRight, CalendarDays, Headphones, Undo2, UserCheck } from 'lucide-react'
import { useState } from 'react'
import { api, useMyId, type Items, type Rotation } from '@/api'
import { dateTime, when } from '@/lib/time'
import { nameOf, useOffice, useOnCall, useShifts, UserAvatar, UserName } from '@/realtime'
import { Box, Button, Chip, ConfirmButton, CopyButton, Dialog, DialogActions, Empty, ErrorState, Field, Form, Input, Loading, Notice, Page, say, Select, Time, toast, toastError } from '@/ui'
import { dutyOf, swappable, swapProblem, type Swap } from './model'
import s from './oncall.module.css'

const useRefresh = () => {
  const queries = useQueryClient()
  return () => Promise.all(['rotations', 'swaps', 'oncall'].map((k) => queries.invalidateQueries({ queryKey: [k] })))
}

export default function OncallView() {
  const rotations = useQuery({ queryKey: ['rotations'], queryFn: () => api.get<Items<Rotation>>('/rotations') })
  const swaps = useQuery({ queryKey: ['swaps'], queryFn: () => api.get<Items<Swap>>('/swaps'), refetchInterval: 60_000 })
  const me = useMyId()
  const list = rotations.data?.items ?? []
  const first = [...list].sort((a, b) => Number(b.members.includes(me)) - Number(a.members.includes(me)) || a.name.localeCompare(b.name))
  return (
    <Page title="On call" icon={<Headphones size={16} aria-hidden="true" />} subtitle="In your local time; UTC on hover">
      <div className={s.page}>
        {(swaps.data?.items.length ?? 0) > 0 && <Swaps list={swaps.data!.items} />}
        {rotations.isPending ? (
          <Loading label="Loading who is on call" lines={6} />
        ) : rotations.error && !rotations.data ? (
          <ErrorState error={rotations.error} onRetry={() => void rotations.refetch()} />
        ) : first.length === 0 ? (
          <Empty title="No rotations yet">A rotation is an order of people and how long each is on call. An administrator adds them under Admin, Services and on call.</Empty>
        ) : (
          first.map((r) => <RotationBox key={r.id} r={r} />)
        )}
        {list.some((r) => r.members.includes(me)) && <Calendar />}
      </div>
    </Page>
  )
}

function RotationBox({ r }: { r: Rotation }) {
  const me = useMyId()
  const shifts = useShifts(r.id, 28)
  const services = useOnCall().filter((o) => o.rotation_id === r.id).map((o) => o.service)
  const refresh = useRefresh()
  const [swap, setSwap] = useState(false)
  const duty = dutyOf(r, shifts, me)
  const now = shifts[0]
  const act = async (what: 'take' | 'hand-back', done: string) => {
    try {
      await api.post(`/rotations/${r.id}/${what}`, {})
      toast(done)
      say(done)
      await refresh()
    } catch (e) {
      toastError('Your duty did not change', e)
    }
  }
  return (
    <Box
      title={
        <>
          {r.name} {r.catch_all && <Chip tone="blue">catch-all</Chip>}
        </>
      }
      actions={
        duty.member && (
          <>
            {duty.taken && (
              <Button size="s" icon={<Undo2 size={12} />} aria-label={`Hand back ${r.name}`} onClick={() => void act('hand-back', `You handed back ${r.name}`)}>
                Hand back
              </Button>
            )}
            {!duty.mine && now && (
              <ConfirmButton
                size="s"
                icon={<UserCheck size={12} />}
                label={`Take over ${r.name}`}
                title={`Take over ${r.name}?`}
                description={`You are paged from now on, until the present shift ends at ${when(now.until)}. Whose turn it was is told.`}
                confirm="Take over"
                onConfirm={() => act('take', `You are on call for ${r.name}`)}
              >
                Take over
              </ConfirmButton>
            )}
            {swappable(shifts, me).length > 0 && (
              <Button size="s" icon={<ArrowLeftRight size={12} />} aria-label={`Swap a shift of ${r.name}`} onClick={() => setSwap(true)}>
                Swap
              </Button>
            )}
          </>
        )
      }
    >
      <p className={s.about}>
        {services.length > 0 && <span>For {services.join(', ')}</span>}
        {r.catch_all && <span>Paged where nobody else is on call</span>}
        <span>Turns change by the clock of {r.time_zone}</span>
      </p>
      <ol className={s.shifts} aria-label={`Shifts of ${r.name}`}>
        {shifts.slice(0, 8).map((x, i) => (
          <li key={x.from} data-mine={x.user_id === me || undefined}>
            <UserAvatar id={x.user_id} size={20} />
            <span>
              <UserName id={x.user_id} link /> {i === 0 && <Chip tone="teal">on call now</Chip>} {x.overridden && <Chip tone="blue">override</Chip>}
            </span>
            <span className="tnum">
              {i === 0 ? 'until ' : ''}
              <Time at={i === 0 ? x.until : x.from} mode="when" />
            </span>
          </li>
        ))}
        {shifts.length === 0 && <li className={s.none}>Nobody is on call.</li>}
      </ol>
      {swap && <SwapForm r={r} onClose={() => setSwap(false)} />}
    </Box>
  )
}

function SwapForm({ r, onClose }: { r: Rotation; onClose: () => void }) {
  const me = useMyId()
  const users = useOffice((o) => o.users)
  const shifts = useShifts(r.id, 90)
  const refresh = useRefresh()
  const [other, setOther] = useState(r.members.find((m) => m !== me) ?? '')
  const [give, setGive] = useState('')
  const [take, setTake] = useState('')
  const [note, setNote] = useState('')
  const [busy, setBusy] = useState(false)
  const [failed, setFailed] = useState('')
  const mine = swappable(shifts, me)
  const theirs = swappable(shifts, other)
  const label = (from: string, until: string) => `${dateTime(from)} – ${dateTime(until)}`
  return (
    <Dialog open onOpenChange={(o) => !o && onClose()} title={`Swap a shift of ${r.name}`} width={460}>
      <Form
        onSubmit={(e) => {
          e.preventDefault()
          const bad = swapProblem(other, give)
          setFailed(bad)
          if (bad) return
          const g = mine.find((x) => x.from === give)!
          const t = theirs.find((x) => x.from === take)
          setBusy(true)
          api
            .post(`/rotations/${r.id}/swaps`, { user_id: other, from: g.from, until: g.until, note, ...(t && { back_from: t.from, back_until: t.until }) })
            .then(async () => {
              toast(`${users[other]?.display ?? 'They'} is asked`)
              await refresh()
              onClose()
            })
            .catch((x: unknown) => setFailed(x instanceof Error ? x.message : 'Asking failed. Try again.'))
            .finally(() => setBusy(false))
        }}
      >
        <Field label="Your shift">
          <Select value={give} onChange={(e) => { setGive(e.target.value); setFailed('') }} autoFocus>
            <option value="">Choose</option>
            {mine.map((x) => (
              <option key={x.from} value={x.from}>
                {label(x.from, x.until)}
              </option>
            ))}
          </Select>
        </Field>
        <Field label="Is taken by">
          <Select value={other} onChange={(e) => setOther(e.target.value)}>
            {r.members.filter((m) => m !== me).map((m) => (
              <option key={m} value={m}>
                {users[m]?.display ?? m}
              </option>
            ))}
          </Select>
        </Field>
        <Field label="For it you take" hint="Leave it empty to ask a favour">
          <Select value={take} onChange={(e) => setTake(e.target.value)}>
            <option value="">Nothing</option>
            {theirs.map((x) => (
              <option key={x.from} value={x.from}>
                {label(x.from, x.until)}
              </option>
            ))}
          </Select>
        </Field>
        <Field label="A word to them">
          <Input value={note} maxLength={300} onChange={(e) => setNote(e.target.value)} />
        </Field>
        {failed && <Notice tone="red">{failed}</Notice>}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="primary" busy={busy}>
            Ask
          </Button>
        </DialogActions>
      </Form>
    </Dialog>
  )
}

function Swaps({ list }: { list: Swap[] }) {
  const me = useMyId()
  const refresh = useRefresh()
  const answer = async (w: Swap, word: Swap['state'], done: string) => {
    try {
      await api.post(`/swaps/${w.id}`, { answer: word })
      toast(done)
      await refresh()
    } catch (e) {
      toastError('The wish to swap was not answered', e)
    }
  }
  return (
    <Box title="Wishes to swap">
      <ul className={s.swaps}>
        {list.map((w) => (
          <li key={w.id}>
            <UserAvatar id={w.asker_id === me ? w.other_id : w.asker_id} size={24} />
            <div>
              <p>
                {w.asker_id === me ? (
                  <>
                    You ask <UserName id={w.other_id} />
                  </>
                ) : (
                  <>
                    <UserName id={w.asker_id} /> asks you
                  </>
                )}{' '}
                to take {w.rotation} from <Time at={w.from} mode="when" /> to <Time at={w.until} mode="when" />
                {w.back_from && (
                  <>
                    , for <Time at={w.back_from} mode="when" /> to <Time at={w.back_until} mode="when" />
                  </>
                )}
                .
              </p>
              {w.note && <p className={s.note}>{w.note}</p>}
            </div>
            <span className={s.acts}>
              {w.asker_id === me ? (
                <Button size="s" aria-label={`Withdraw the wish to swap ${w.rotation}`} onClick={() => void answer(w, 'withdrawn', 'You withdrew your wish to swap')}>
                  Withdraw
                </Button>
              ) : (
                <>
                  <Button size="s" aria-label={`Decline to swap ${w.rotation} with ${nameOf(w.asker_id)}`} onClick={() => void answer(w, 'declined', 'You declined to swap')}>
                    Decline
                  </Button>
                  <Button size="s" kind="primary" aria-label={`Accept to swap ${w.rotation} with ${nameOf(w.asker_id)}`} onClick={() => void answer(w, 'accepted', `You swapped shifts of ${w.rotation}`)}>
                    Accept
                  </Button>
                </>
              )}
            </span>
          </li>
        ))}
      </ul>
    </Box>
  )
}

function Calendar() {
  const q = useQuery({ queryKey: ['calendar'], queryFn: () => api.get<{ exists: boolean; used_at?: string }>('/me/calendar') })
  const [url, setUrl] = useState('')
  const make = async () => {
    try {
      setUrl((await api.post<{ url: string }>('/me/calendar', {})).url)
      await q.refetch()
    } catch (e) {
      toastError('The address was not made', e)
    }
  }
  const end = async () => {
    await api.del('/me/calendar')
    say('The address of your calendar has ended')
    setUrl('')
    await q.refetch()
  }
  return (
    <Box
      title={
        <span className={s.title}>
          <CalendarDays size={14} aria-hidden="true" /> Your duties in your calendar
        </span>
      }
      actions={
        <>
          {q.data?.exists && (
            <ConfirmButton size="s" label="End the address of your calendar" title="End the address?" description="Calendar programs that use it find nothing any more." confirm="End it" onConfirm={end}>
              End
            </ConfirmButton>
          )}
          <Button size="s" onClick={() => void make()}>
            {q.data?.exists ? 'Make another address' : 'Make an address'}
          </Button>
        </>
      }
    >
      {url ? (
        <div className={s.url}>
          <Input value={url} readOnly mono aria-label="Address of your calendar" onFocus={(e) => e.target.select()} />
          <CopyButton text={url} />
        </div>
      ) : null}
      <p className={s.about}>
        {url
          ? 'Subscribe to it in your calendar program. It is shown this once; whoever has it reads your duties, and nothing else.'
          : q.data?.exists
            ? <>An address exists{q.data.used_at ? <>, last read <Time at={q.data.used_at} mode="ago" /></> : ', not read yet'}. Another one ends it.</>
            : 'A secret address that your calendar program subscribes to. There is none until you make one.'}
      </p>
    </Box>
  )
}
