import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { AudioLines, LogIn, MessageSquare, MoreHorizontal, Pencil } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { errorText, type Incident } from '@/api'
import { cx } from '@/lib/cx'
import { usePhone } from '@/lib/hooks'
import { enterRoom, keptOut, useRoomInfo } from '@/realtime'
import { Box, Button, buttonClass, Chip, Dialog, DialogActions, EnvChip, ErrorState, Field, Form, IconButton, Input, Loading, Notice, Page, StageChip, Textarea, Time, toastError } from '@/ui'
import { Followups, PostmortemMenu } from './Followups'
import { Clocks, IncidentFacts } from './IncidentPanel'
import { useActs, useIncident, type Acts } from './live'
import { MoreActs } from './MoreActs'
import { fromLocalInput, STAMP_NAMES, stampWord, titleProblem, toLocalInput } from './model'
import { CallActions, Metrics, Response, Roles, Severity, Stages, Timeline } from './parts'
import s from './incident.module.css'

/** An incident's own page: the whole timeline, and everything that can be known about it. */
export default function IncidentView() {
  const { id = '' } = useParams({ strict: false })
  const { incident, error, loading, refetch } = useIncident(id)
  if (loading) return <Loading label="Loading the incident" lines={8} />
  if (!incident)
    return (
      <Page title="Incident">
        <ErrorState error={error} onRetry={refetch} />
      </Page>
    )
  return <Loaded key={incident.id} i={incident} />
}

function Loaded({ i }: { i: Incident }) {
  const acts = useActs(i.id)
  const room = useRoomInfo(i.room.id)
  const navigate = useNavigate()
  const [edit, setEdit] = useState<'' | 'facts' | 'times'>('')
  const phone = usePhone()
  const [all, setAll] = useState(false)
  const go = async () => {
    try {
      if (!keptOut(i.room.id)) await enterRoom(i.room.id)
      void navigate({ to: '/rooms/$id', params: { id: i.room.id } })
    } catch (e) {
      toastError('You could not enter the room', e)
    }
  }
  const enter = (
    <Button kind="primary" icon={<LogIn size={13} />} onClick={() => void go()}>
      Enter room
    </Button>
  )
  return (
    <Page
      wide
      title={`${i.ticket} ${i.title}`}
      actions={
        <div className={cx(s.headActs, phone && s.headActsPhone)}>
          {phone && room && enter}
          {phone && (
            <IconButton label={all ? 'Less' : `Everything that can be done with ${i.ticket}`} aria-expanded={all} onClick={() => setAll(!all)}>
              <MoreHorizontal size={16} />
            </IconButton>
          )}
          {(!phone || all) && (
            <>
              <PostmortemMenu i={i} />
              <Link to="/rooms/$id/recordings" params={{ id: i.room.id }} className={buttonClass('ghost')}>
                <AudioLines size={13} aria-hidden="true" />
                Recordings
              </Link>
              {(i.abilities?.merge || i.abilities?.restrict) && <MoreActs i={i} acts={acts} />}
              {i.abilities?.update && (
                <Button icon={<Pencil size={12} />} onClick={() => setEdit('facts')}>
                  Edit
                </Button>
              )}
              {room && (
                <Link to="/rooms/$id" params={{ id: i.room.id }} className={buttonClass('ghost')}>
                  <MessageSquare size={13} aria-hidden="true" />
                  Chat
                </Link>
              )}
            </>
          )}
          {!phone && room && enter}
        </div>
      }
    >
      <div className={s.cols}>
        <div>
          <div className={s.titleRow}>
            <Severity i={i} acts={acts} />
            <StageChip stage={i.stage} />
            <EnvChip env={i.environment} production={i.production} long />
            {i.mode === 'retrospective' && <Chip tone="violet">Retrospective</Chip>}
            {i.restricted && <Chip outline>Restricted</Chip>}
          </div>
          {i.summary && <p className={s.summary}>{i.summary}</p>}
          <Stages i={i} acts={acts} />
        </div>
        <div>
          <Clocks i={i} />
          <CallActions i={i} acts={acts} />
        </div>
        <div>
          <Box title="Timeline">
            <div className={s.pad}>
              <Timeline i={i} acts={acts} filters />
            </div>
          </Box>
        </div>
        <div>
            <Box title="People">
              <div className={s.pad}>
                <Response i={i} full />
              </div>
            </Box>
            <Box title="Facts">
              <div className={s.pad}>
                <IncidentFacts i={i} />
              </div>
            </Box>
            <Box title="Roles">
              <div className={s.pad}>
                <Roles i={i} acts={acts} />
              </div>
            </Box>
            <Box
              title="Measured"
              actions={
                i.abilities?.command && (
                  <Button size="s" onClick={() => setEdit('times')}>
                    Correct times
                  </Button>
                )
              }
            >
              <div className={s.pad}>
                <Metrics i={i} />
              </div>
            </Box>
            <Followups i={i} acts={acts} />
            <Box title="Alerts">
              <div className={s.pad}>
                {i.alerts.length === 0 ? (
                  <p className={s.none}>Declared by a person; no alert belongs to it.</p>
                ) : (
                  i.alerts.map((a) => (
                    <div key={a.id} className={s.alertRow}>
                      <Chip tone={a.state === 'resolved' ? 'green' : 'red'}>{a.state === 'resolved' ? 'Resolved' : a.state === 'acknowledged' ? 'Acknowledged' : 'Firing'}</Chip>
                      <span>{a.title}</span>
                    </div>
                  ))
                )}
              </div>
            </Box>
        </div>
      </div>
      {edit === 'facts' && <EditFacts i={i} acts={acts} onClose={() => setEdit('')} />}
      {edit === 'times' && <EditTimes i={i} acts={acts} onClose={() => setEdit('')} />}
    </Page>
  )
}

function EditFacts({ i, acts, onClose }: { i: Incident; acts: Acts; onClose: () => void }) {
  const [title, setTitle] = useState(i.title)
  const [summary, setSummary] = useState(i.summary)
  const [service, setService] = useState(i.service)
  const [environment, setEnvironment] = useState(i.environment)
  const [error, setError] = useState('')
  const [busy, setBusy] = useState(false)
  const save = async (e: FormEvent) => {
    e.preventDefault()
    if (titleProblem(title)) return
    setBusy(true)
    try {
      await acts.update({ title: title.trim(), summary: summary.trim(), service: service.trim(), environment: environment.trim() })
      onClose()
    } catch (x) {
      setError(errorText(x))
    } finally {
      setBusy(false)
    }
  }
  return (
    <Dialog open onOpenChange={(o) => !o && onClose()} title={`Edit ${i.ticket}`} width={520}>
      <Form onSubmit={(e) => void save(e)}>
        <Field label="Title" required error={titleProblem(title)}>
          <Input value={title} onChange={(e) => setTitle(e.target.value)} />
        </Field>
        <Field label="Summary">
          <Textarea value={summary} onChange={(e) => setSummary(e.target.value)} />
        </Field>
        <Field label="Service">
          <Input value={service} onChange={(e) => setService(e.target.value)} />
        </Field>
        <Field label="Environment" hint="dev, qa, prod or your own name">
          <Input value={environment} onChange={(e) => setEnvironment(e.target.value)} />
        </Field>
        {error && <Notice>{error}</Notice>}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="primary" busy={busy}>
            Save
          </Button>
        </DialogActions>
      </Form>
    </Dialog>
  )
}

function EditTimes({ i, acts, onClose }: { i: Incident; acts: Acts; onClose: () => void }) {
  const before = i.times as Record<string, string | null | undefined>
  const [values, setValues] = useState<Record<string, string>>(() => Object.fromEntries(STAMP_NAMES.map((n) => [n, toLocalInput(before[n])])))
  const [error, setError] = useState('')
  const [busy, setBusy] = useState(false)
  const save = async (e: FormEvent) => {
    e.preventDefault()
    const patch: Record<string, string | null> = {}
    for (const n of STAMP_NAMES) {
      const v = values[n] ?? ''
      if (v === toLocalInput(before[n])) continue
      const at = v ? fromLocalInput(v) : null
      if (at === '') return setError(`“${stampWord(n)}” is not a time.`)
      patch[n] = at
    }
    if (Object.keys(patch).length === 0) return onClose()
    setBusy(true)
    try {
      await acts.times(patch)
      onClose()
    } catch (x) {
      setError(errorText(x))
    } finally {
      setBusy(false)
    }
  }
  return (
    <Dialog open onOpenChange={(o) => !o && onClose()} title={`Times of ${i.ticket}`} description="In your local time. Each correction is written to the ledger with your name." width={520}>
      <Form onSubmit={(e) => void save(e)}>
        {STAMP_NAMES.map((n) => (
          <Field key={n} label={stampWord(n)[0]!.toUpperCase() + stampWord(n).slice(1)} hint={before[n] ? <Time at={before[n]} mode="date" /> : 'not set'}>
            <Input type="datetime-local" step={1} value={values[n]} onChange={(e) => setValues({ ...values, [n]: e.target.value })} />
          </Field>
        ))}
        {error && <Notice>{error}</Notice>}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="primary" busy={busy}>
            Save
          </Button>
        </DialogActions>
      </Form>
    </Dialog>
  )
}
