// Pieces of an incident that its panel, its page and the map share.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { AudioLines, BadgeCheck, BellRing, Check, CircleDot, DoorOpen, Flag, MessageSquareText, Minus, Pin, PlayCircle, Plus, ShieldCheck, Siren, StepForward, UserCheck, UserPlus, Users, X } from 'lucide-react'
import { useMemo, useState, type FormEvent, type ReactElement } from 'react'
import { api, errorText, useMyId, type Incident, type IncidentRoleName, type Items, type Metric, type Recording, type Stage, type TimelineEntry, type User } from '@/api'
import { cx } from '@/lib/cx'
import { ago } from '@/lib/time'
import { modeMark } from '@/lib/severity'
import { callsOf, heardAt, UserAvatar, UserName, useOffice } from '@/realtime'
import { Button, Countdown, Dialog, DialogActions, ErrorState, Field, Form, IconButton, Input, Loading, Menu, MenuCheck, Notice, Popover, SeverityChip, Textarea, Time, Tooltip, toastError } from '@/ui'
import { type Acts, useMetrics, useTimeline } from './live'
import { awaitsAck, folded, formula, fromLocalInput, holders, insideLink, isOpen, mark, metricName, metricText, newestFirst, nextStage, openWord, responders, RESPONSES, responseSummary, ROLES, SEVERITIES, stageIndex, stageLabel, STAGES, stagesSeen, stampWord, TIMELINE_FILTERS, type Mark, type OpenThing } from './model'
import s from './incident.module.css'

/** The severity, and for the commander the way to change it. */
export function Severity({ i, acts }: { i: Incident; acts: Acts }) {
  if (!i.abilities?.command) return <SeverityChip severity={i.severity} mode={i.mode} />
  return (
    <Menu
      align="start"
      trigger={
        <button type="button" className={s.chipButton} aria-label={`${modeMark(i.mode)} SEV-${i.severity}, change the severity`.trim()}>
          <SeverityChip severity={i.severity} mode={i.mode} />
        </button>
      }
    >
      {SEVERITIES.map((v) => (
        <MenuCheck key={v.value} checked={v.value === i.severity} onSelect={() => void acts.update({ severity: v.value }).catch((e) => toastError('The severity did not change', e))}>
          <b>{v.label}</b> {v.hint}
        </MenuCheck>
      ))}
    </Menu>
  )
}

/** Where the incident stands. Those who command it move it by pressing a stage. */
export function Stages({ i, acts }: { i: Incident; acts: Acts }) {
  const at = stageIndex(i.stage)
  const entries = useTimeline(i.id).data?.items
  const seen = useMemo(() => entries && stagesSeen(entries), [entries])
  const [to, setTo] = useState<Stage | null>(null)
  const next = nextStage(i.stage)
  return (
    <>
      <ol className={s.stages} aria-label={`Stage: ${stageLabel(i.stage)}`}>
        {STAGES.map((x, k) => {
          // Before the timeline is there nobody claims that a stage was passed, or skipped.
          const past = k < at && !!seen?.has(x.id)
          const skipped = k < at && !!seen && !past
          const cls = cx(s.stage, past && s.past, skipped && s.skipped, k === at && s.current, k === at && x.id === 'resolved' && s.done)
          const body = (
            <>
              <i />
              <span>
                {past && <Check size={10} strokeWidth={3} aria-hidden="true" />}
                {skipped && <Minus size={10} aria-hidden="true" />}
                {x.label}
                {skipped && <span className="sr"> (skipped)</span>}
              </span>
            </>
          )
          return (
            <li key={x.id} aria-current={k === at ? 'step' : undefined} title={skipped ? `${x.label} was skipped` : undefined}>
              {i.abilities?.command && k !== at ? (
                <button type="button" className={cls} onClick={() => setTo(x.id)} aria-label={`Set the stage to ${x.label}`}>
                  {body}
                </button>
              ) : (
                <div className={cls}>{body}</div>
              )}
            </li>
          )
        })}
      </ol>
      {i.abilities?.command && (
        <Button size="s" kind={next.to === 'resolved' ? 'live' : next.to === 'closed' ? 'soft' : 'primary'} icon={<StepForward size={12} />} onClick={() => setTo(next.to)} className={s.next}>
          {next.label}
        </Button>
      )}
      {to && <StageDialog i={i} to={to} acts={acts} onClose={() => setTo(null)} />}
    </>
  )
}
function StageDialog({ i, to, acts, onClose }: { i: Incident; to: Stage; acts: Acts; onClose: () => void }) {
  const [note, setNote] = useState('')
  const [error, setError] = useState('')
  const [busy, setBusy] = useState(false)
  // Asked once, with what is open: then the button says that it is done nevertheless.
  const [goesOn, setGoesOn] = useState<OpenThing[]>([])
  const ends = isOpen(i) && (to === 'resolved' || to === 'closed')
  const submit = async (e: FormEvent) => {
    e.preventDefault()
    setBusy(true)
    try {
      const open = ends && goesOn.length === 0 ? await acts.open() : []
      if (open.length > 0) return setGoesOn(open)
      await acts.stage(to, note.trim())
      onClose()
    } catch (x) {
      setError(errorText(x))
    } finally {
      setBusy(false)
    }
  }
  return (
    <Dialog open onOpenChange={(o) => !o && onClose()} title={`${i.ticket}: ${stageLabel(i.stage)} to ${stageLabel(to)}`} width={420}>
      <Form onSubmit={(e) => void submit(e)}>
        <Field label={to === 'resolved' ? 'What fixed it' : 'Note'} hint="Optional. It stands on the timeline.">
          <Textarea rows={2} value={note} onChange={(e) => setNote(e.target.value)} autoFocus />
        </Field>
        {goesOn.length > 0 && (
          <Notice title="This still goes on">
            <ul className={s.goesOn} role="alert">
              {goesOn.slice(0, 8).map((t) => (
                <li key={t.id}>
                  <Link to={t.link}>{t.title}</Link> {openWord(t)}
                </li>
              ))}
              {goesOn.length > 8 && <li>and {goesOn.length - 8} more</li>}
            </ul>
          </Notice>
        )}
        {error && <Notice>{error}</Notice>}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind={goesOn.length > 0 ? 'stop' : 'primary'} busy={busy}>
            {goesOn.length > 0 ? `${to === 'closed' ? 'Close' : 'Resolve'} nevertheless` : `Set to ${stageLabel(to)}`}
          </Button>
        </DialogActions>
      </Form>
    </Dialog>
  )
}

/** Whom the rotation calls next, and when: only acknowledging stops it. */
const NextPage = ({ i }: { i: Incident }) => {
  const me = useMyId()
  if (i.next_page?.everybody)
    return (
      <p className={s.sum}>
        Everybody is called in <Countdown to={i.next_page.at} done="a moment" /> unless somebody acknowledges.
      </p>
    )
  return i.next_page ? (
    <p className={s.sum}>
      {i.next_page.user_id === me ? 'You are' : <><UserName id={i.next_page.user_id} /> is</>} called in <Countdown to={i.next_page.at} done="a moment" /> unless somebody acknowledges.
    </p>
  ) : null
}

/** Who was paged, saw it, is on the way, is here or is not; `absent` leaves those out that a list beside it shows. */
export function Response({ i, full, absent }: { i: Incident; full?: boolean; absent?: boolean }) {
  const presence = useOffice((x) => x.presence)
  const list = useMemo(() => responders(i, Object.values(presence)), [i, presence])
  if (list.length === 0) return <p className={s.none}>Nobody has been called, and nobody is in the room.</p>
  const shown = absent ? list.filter((r) => r.response !== 'here') : list
  return (
    <>
      <p className={s.sum}>{responseSummary(list)}</p>
      <NextPage i={i} />
      <ul className={s.people}>
        {shown.map((r) => (
          <li key={r.userId}>
            <UserAvatar id={r.userId} size={22} dot link badge={r.roles.includes('Commander') ? 'commander' : undefined} />
            <span className={s.who}>
              <b>
                <UserName id={r.userId} you />
              </b>
              {(r.roles.length > 0 || (full && r.detail)) && <span>{[r.roles.join(', '), full ? r.detail : ''].filter(Boolean).join('. ')}</span>}
              {r.ways.map((w) => (
                <span key={w.channel} className={cx(s.way, w.bad && s.wayBad)} title={w.tries.join('\n')}>
                  {w.text}
                  {full && w.tries.map((t) => <small key={t}>{t}</small>)}
                </span>
              ))}
            </span>
            <Tooltip text={r.detail || RESPONSES.find((x) => x.id === r.response)?.label} side="left">
              <span className={cx(s.answer, s['answer-' + r.response])} tabIndex={0}>
                {r.response === 'here' && <Check size={11} strokeWidth={2.6} aria-hidden="true" />}
                {r.response === 'away' && <X size={11} aria-hidden="true" />}
                {RESPONSES.find((x) => x.id === r.response)?.word}
              </span>
            </Tooltip>
          </li>
        ))}
      </ul>
    </>
  )
}

/** Roles: take one, give one, leave one. */
export function Roles({ i, acts }: { i: Incident; acts: Acts }) {
  const me = useMyId()
  const held = holders(i)
  const may = i.abilities?.command || i.abilities?.update
  const act = (work: Promise<unknown>, what: string) => void work.catch((e) => toastError(what, e))
  return (
    <ul className={s.roles}>
      {ROLES.map((r) => {
        const holder = held.get(r.id)
        return (
          <li key={r.id}>
            {holder ? <UserAvatar id={holder} size={20} link /> : <span className={s.vacant} aria-hidden="true" />}
            <span className={s.who}>
              <b>{holder ? <UserName id={holder} you /> : <em>Nobody</em>}</b>
              <span title={r.does}>{r.label}</span>
            </span>
            {may && holder !== me && (
              <Button size="s" kind="quiet" aria-label={`Take the role ${r.label}`} onClick={() => act(acts.role(r.id, me), `You could not take the role ${r.label}`)}>
                Take
              </Button>
            )}
            {may && <Give role={r.id} label={r.label} i={i} onPick={(u) => act(acts.role(r.id, u.id), `${u.display} could not be given the role`)} />}
            {may && holder && (
              <IconButton size="s" label={`Nobody is ${r.label.toLowerCase()} any more`} onClick={() => act(acts.dropRole(r.id), 'The role could not be left')}>
                <X size={13} />
              </IconButton>
            )}
          </li>
        )
      })}
    </ul>
  )
}
const Give = ({ role, label, i, onPick }: { role: IncidentRoleName; label: string; i: Incident; onPick: (u: User) => void }) => (
  <PickPerson
    key={role}
    label={`Give the role ${label}`}
    first={i.room.id}
    onPick={onPick}
    trigger={
      <IconButton size="s" label={`Give the role ${label} to somebody`}>
        <UserPlus size={13} />
      </IconButton>
    }
  />
)

/** Somebody of the office; who is in the room stands first. */
export function PickPerson({ label, first, onPick, trigger }: { label: string; first?: string; onPick: (u: User) => void; trigger: ReactElement }) {
  const [open, setOpen] = useState(false)
  const [text, setText] = useState('')
  const users = useOffice((x) => x.users)
  const presence = useOffice((x) => x.presence)
  const found = useMemo(() => {
    const terms = text.toLowerCase().split(/\s+/).filter(Boolean)
    return Object.values(users)
      .filter((u) => u.kind === 'person' && !u.disabled && terms.every((t) => `${u.display} ${u.name} ${u.team}`.toLowerCase().includes(t)))
      .sort((a, b) => Number(presence[b.id]?.room_id === first) - Number(presence[a.id]?.room_id === first) || a.display.localeCompare(b.display))
      .slice(0, 8)
  }, [users, presence, text, first])
  return (
    <Popover label={label} open={open} onOpenChange={setOpen} trigger={trigger} width={260} align="end">
      <Field label={label} hideLabel>
        <Input placeholder="Name or team" value={text} onChange={(e) => setText(e.target.value)} autoFocus />
      </Field>
      <ul className={s.pick}>
        {found.map((u) => (
          <li key={u.id}>
            <button
              type="button"
              onClick={() => {
                setOpen(false)
                onPick(u)
              }}
            >
              <UserAvatar id={u.id} size={20} dot />
              <b>{u.display}</b>
              <span>{presence[u.id]?.room_id === first && first ? 'here' : u.team}</span>
            </button>
          </li>
        ))}
        {found.length === 0 && <li className={s.none}>Nobody by that name.</li>}
      </ul>
    </Popover>
  )
}

const ICONS: Record<Mark['icon'], typeof Check> = { alert: CircleDot, ok: Check, flag: Siren, stage: Flag, person: Users, page: BellRing, run: PlayCircle, approve: ShieldCheck, note: MessageSquareText, pin: Pin, room: DoorOpen, role: BadgeCheck, dot: CircleDot }

export function Timeline({ i, acts, limit, filters }: { i: Incident; acts: Acts; limit?: number; filters?: boolean }) {
  const { data, error, isPending, refetch } = useTimeline(i.id)
  const [filter, setFilter] = useState('all')
  const test = TIMELINE_FILTERS.find((f) => f.id === filter)?.test ?? (() => true)
  const items = useMemo(() => folded(newestFirst(data?.items ?? []).filter((e) => test(e.kind))), [data, test])
  const recorded = useQuery({ queryKey: ['recordings', i.room.id], queryFn: () => api.get<Items<Recording>>(`/rooms/${i.room.id}/recordings`), enabled: !!filters, retry: false })
  const calls = useMemo(() => callsOf(recorded.data?.items ?? []), [recorded.data])
  if (isPending) return <Loading label="Loading the timeline" />
  if (error && !data) return <ErrorState error={error} onRetry={() => void refetch()} compact />
  const shown = limit ? items.slice(0, limit) : items
  return (
    <>
      {filters && (
        <div className={s.filterRow} role="group" aria-label="Which entries">
          {TIMELINE_FILTERS.map((f) => (
            <button key={f.id} type="button" aria-pressed={filter === f.id} className={cx(s.filter, filter === f.id && s.filterOn)} onClick={() => setFilter(f.id)}>
              {f.label}
            </button>
          ))}
        </div>
      )}
      {i.abilities?.note && filters && <NoteForm acts={acts} />}
      {shown.length === 0 ? (
        <p className={s.none}>{filter === 'all' ? 'Nothing on the timeline yet.' : 'No entry of this sort.'}</p>
      ) : (
        <ol className={s.timeline}>
          {shown.map((e) => (
            <Entry key={e.id} e={e} room={i.room.id} heard={heardAt(calls, e.at)} />
          ))}
        </ol>
      )}
      {limit && items.length > limit && (
        <Link to="/incidents/$id" params={{ id: i.ticket }} className={s.all}>
          All {items.length} entries
        </Link>
      )}
    </>
  )
}
function Entry({ e, room, heard }: { e: TimelineEntry & { who?: string[] }; room: string; /** where what was said then is kept */ heard: ReturnType<typeof heardAt> }) {
  const m = mark(e)
  const Icon = ICONS[m.icon]
  const inside = insideLink(e.link)
  return (
    <li>
      <Time at={e.at} className={s.at} />
      <span className={cx(s.mark, s['mark-' + m.tone])} aria-hidden="true">
        <Icon size={11} />
      </span>
      <div>
        {inside ? (
          <Link to={inside.to as '/'} hash={inside.hash} className={s.entryLink}>
            {e.text}
          </Link>
        ) : (
          e.text
        )}
        {e.who ? <em>{e.who.join(', ')}</em> : e.actor.name && !e.text.includes(e.actor.name) && <em>{e.actor.name}</em>}
        {heard && (
          <Link to="/rooms/$id/recordings" params={{ id: room }} search={heard} className={s.hear} title="Hear what was said then">
            <AudioLines size={11} aria-hidden="true" />
            Hear
            <span className="sr"> what was said then: {e.text}</span>
          </Link>
        )}
      </div>
    </li>
  )
}

export function NoteForm({ acts, onDone }: { acts: Acts; onDone?: () => void }) {
  const [text, setText] = useState('')
  const [when, setWhen] = useState('')
  const [timed, setTimed] = useState(false)
  const [error, setError] = useState('')
  const [busy, setBusy] = useState(false)
  // One line until somebody writes: the entries are what is read.
  const [open, setOpen] = useState(!!onDone)
  const add = async (e: FormEvent) => {
    e.preventDefault()
    if (!text.trim()) return setError('Write what happened.')
    const at = timed ? fromLocalInput(when) : ''
    if (timed && !at) return setError('Give the time, or leave it at now.')
    if (at && Date.parse(at) > Date.now() + 60_000) return setError('A note cannot be about the future.')
    setBusy(true)
    setError('')
    try {
      await acts.note(text.trim(), at)
      setText('')
      setWhen('')
      setTimed(false)
      onDone?.()
    } catch (x) {
      setError(errorText(x))
    } finally {
      setBusy(false)
    }
  }
  return (
    <form className={s.noteForm} onSubmit={(e) => void add(e)} noValidate>
      <Field label="Note for the timeline" hideLabel error={error}>
        <Textarea rows={open ? 2 : 1} autoFocus={!!onDone} placeholder="What happened, or what was found" value={text} onFocus={() => setOpen(true)} onChange={(e) => setText(e.target.value)} />
      </Field>
      {open && <div className={s.noteRow}>
        {timed ? (
          <Field label="When it happened" hideLabel>
            <Input type="datetime-local" step={1} value={when} onChange={(e) => setWhen(e.target.value)} />
          </Field>
        ) : (
          <Button size="s" kind="quiet" onClick={() => setTimed(true)}>
            It happened earlier
          </Button>
        )}
        <span className="grow" />
        <Button size="s" type="submit" kind="primary" busy={busy} icon={<Plus size={12} />}>
          Add note
        </Button>
      </div>}
    </form>
  )
}

/** Each number with its formula; where a stamp is missing it says which. */
export function Metrics({ i }: { i: Incident }) {
  const { data, error, isPending, refetch } = useMetrics(i.id)
  if (isPending) return <Loading label="Loading the metrics" lines={2} />
  if (error && !data) return <ErrorState error={error} onRetry={() => void refetch()} compact />
  const items = data?.items ?? []
  if (items.length === 0) return <p className={s.none}>No metrics yet.</p>
  return (
    <dl className={s.metrics}>
      {items.map((m: Metric) => {
        const t = metricText(m)
        return (
          <div key={m.name} title={[m.from, m.to].map((x) => `${stampWord(x.name)}: ${x.at ? ago(x.at) : 'not set'}`).join('\n')}>
            <dt>{metricName(m)}</dt>
            <dd className={cx('tnum', m.seconds === null && s.missing)}>{t.value}</dd>
            <dd className={s.formula}>
              {formula(m)}
              {t.why && <b>{t.why}</b>}
            </dd>
          </div>
        )
      })}
    </dl>
  )
}

/** Acknowledge, and call more people. */
export function CallActions({ i, acts }: { i: Incident; acts: Acts }) {
  const [busy, setBusy] = useState(false)
  const me = useMyId()
  const mine = i.pages.some((p) => p.user_id === me && (p.state === 'paged' || p.state === 'seen'))
  const waits = awaitsAck(i)
  return (
    <div className={s.calls}>
      {i.abilities?.acknowledge && (waits || mine) && (
        <Button
          kind="primary"
          icon={<UserCheck size={13} />}
          busy={busy}
          onClick={() => {
            setBusy(true)
            acts
              .acknowledge()
              .catch((e) => toastError('The page was not acknowledged', e))
              .finally(() => setBusy(false))
          }}
        >
          Acknowledge
        </Button>
      )}
      {i.abilities?.page && (
        <>
          <PickPerson
            label="Page somebody"
            onPick={(u) => void acts.page({ user_id: u.id }).catch((e) => toastError(`${u.display} was not paged`, e))}
            trigger={<Button icon={<BellRing size={13} />}>Page someone</Button>}
          />
          {i.service && (
            <Button onClick={() => void acts.page({ service: i.service }).catch((e) => toastError(`On call for ${i.service} was not paged`, e))} title={`Pages who is on call for ${i.service}`}>
              Page on call
            </Button>
          )}
        </>
      )}
    </div>
  )
}
