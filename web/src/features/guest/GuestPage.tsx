// Somebody without an account: at the door, and then in the one room they were let into.
import { useNavigate, useParams } from '@tanstack/react-router'
import { DoorOpen, LogOut, SendHorizontal } from 'lucide-react'
import { useCallback, useEffect, useRef, useState, type FormEvent } from 'react'
import { ApiError, errorText, type Call, type GuestPerson, type GuestView, type Message } from '@/api'
import { uuid } from '@/lib/ids'
import { goesLater } from '@/realtime'
import { AuthFrame } from '@/ui/AuthFrame'
import { Avatar, Button, Countdown, Field, Form, GuestBadge, Input, Loading, Markdown, Notice, PRESENCE_WORD, Time, useSlots } from '@/ui'
import * as guest from './api'
import { farewell, flat, inWords, otherPeople, over, part, withCall, withMessage } from './model'
import s from './guest.module.css'

const KEY = 'muster.guest'
const HELD = 'muster.guest.held'
type Held = { text: string; key: string }
const heldBefore = (): Held[] => {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(HELD) ?? '[]')
    return Array.isArray(kept) ? (kept as Held[]).filter((h) => typeof h?.text === 'string' && typeof h.key === 'string') : []
  } catch {
    return []
  }
}

export default function GuestPage() {
  const { token: given } = useParams({ strict: false }) as { token?: string }
  const navigate = useNavigate()
  // The secret leaves the address bar, where shoulders and pictures see it, and stays with this tab.
  useEffect(() => {
    if (!given) return
    sessionStorage.setItem(KEY, given)
    void navigate({ to: '/guest', replace: true })
  }, [given, navigate])
  const token = given ?? sessionStorage.getItem(KEY) ?? ''
  const [view, setView] = useState<GuestView | null | undefined>(undefined)
  const [again, setAgain] = useState(false)
  // What the socket told while an answer was on its way is newer than that answer.
  const told = useRef(0)
  const load = useCallback(async () => {
    const before = told.current
    try {
      const v = await guest.visit()
      setView((now) => (told.current === before ? v : { ...v, call: now?.call }))
    } catch (e) {
      if (e instanceof ApiError && e.status === 401) setView(null)
    }
  }, [])
  useEffect(() => {
    document.title = 'Guest · Muster'
    void load()
  }, [load])
  const onCall = (call: Call) => {
    told.current++
    setView((now) => now && withCall(now, call))
    if (otherPeople(view?.call, call)) void load()
  }
  if (view === undefined) return <Loading lines={4} label="Loading" />
  const came = (v: GuestView) => {
    setAgain(false)
    setView(v)
  }
  if (!view || (again && over(view.visit))) return <AtTheDoor token={token} name={view?.visit.name ?? ''} onKnock={came} />
  if (view.visit.state === 'waiting') return <Waiting view={view} reload={load} />
  if (view.visit.state === 'inside') return <Inside view={view} reload={load} onCall={onCall} />
  const [title, text] = farewell(view.visit)
  return (
    <AuthFrame title={title} lead={text}>
      {token && (
        <Button kind="primary" onClick={() => setAgain(true)}>
          Knock again
        </Button>
      )}
    </AuthFrame>
  )
}

function AtTheDoor({ token, name: before, onKnock }: { token: string; name: string; onKnock: (v: GuestView) => void }) {
  const [door, setDoor] = useState<guest.DoorView | null>(null)
  const [name, setName] = useState(before)
  const [note, setNote] = useState('')
  const [busy, setBusy] = useState(false)
  const [shut, setShut] = useState('')
  const [error, setError] = useState<unknown>(null)
  useEffect(() => {
    let here = true
    const arrive = token ? guest.look(token) : Promise.reject(new Error('Open the link you were given: this address alone leads nowhere.'))
    arrive.then(
      (d) => here && setDoor(d),
      (e: unknown) => here && setShut(errorText(e)),
    )
    return () => {
      here = false
    }
  }, [token])
  if (shut)
    return (
      <AuthFrame title="This link leads nowhere">
        <Notice>{shut}</Notice>
      </AuthFrame>
    )
  if (!door) return <Loading lines={4} label="Looking where the link leads" />
  const fields = error instanceof ApiError ? error.fields : {}
  const submit = async (e: FormEvent) => {
    e.preventDefault()
    setBusy(true)
    setError(null)
    try {
      onKnock(await guest.knock(token, name, note))
    } catch (x) {
      setError(x)
      setBusy(false)
    }
  }
  return (
    <AuthFrame
      title={`Come into ${door.room}`}
      lead={`You are invited by ${door.office}. Say who you are; somebody inside lets you in.`}
      foot="You see this room from when you are let in, and nothing else. What you do there is on its record."
    >
      <Form onSubmit={(e) => void submit(e)}>
        <Field label="Your name" error={fields.name}>
          <Input autoFocus required value={name} maxLength={60} autoComplete="name" onChange={(e) => setName(e.target.value)} />
        </Field>
        <Field label="What for (optional)" error={fields.note}>
          <Input value={note} maxLength={300} onChange={(e) => setNote(e.target.value)} />
        </Field>
        {error !== null && !fields.name && !fields.note && <Notice>{errorText(error)}</Notice>}
        <div>
          <Button type="submit" kind="primary" busy={busy} disabled={!name.trim()}>
            Knock
          </Button>
        </div>
      </Form>
    </AuthFrame>
  )
}

/** Follows the visit, and gives whether what is told does not arrive now. */
function useNews(reload: () => Promise<void>, message: (m: Message) => void = () => {}, call: (c: Call) => void = () => {}): boolean {
  const [lost, setLost] = useState(false)
  const ref = useRef({ reload, message, call })
  useEffect(() => {
    ref.current = { reload, message, call }
  })
  useEffect(
    () =>
      guest.follow({
        visit: () => void ref.current.reload(),
        message: (m) => ref.current.message(m),
        call: (c) => ref.current.call(c),
        lost: setLost,
        ended: () => void ref.current.reload(),
      }),
    [],
  )
  return lost
}

function Waiting({ view, reload }: { view: GuestView; reload: () => Promise<void> }) {
  useNews(reload)
  // A knock ends after five minutes, also when nothing tells so.
  useEffect(() => {
    const t = setTimeout(() => void reload(), Math.max(0, Date.parse(view.visit.expires_at) - Date.now()) + 1500)
    return () => clearTimeout(t)
  }, [view.visit.expires_at, reload])
  return (
    <AuthFrame title="You knocked" lead={`${view.visit.name}, somebody inside is asked to let you in. Stay on this page.`}>
      <p className={s.wait} role="status">
        <DoorOpen size={16} aria-hidden="true" /> Waiting, for at most <Countdown to={view.visit.expires_at} />
      </p>
      <div>
        <Button onClick={() => void guest.leave().then(reload, reload)}>Go away</Button>
      </div>
    </AuthFrame>
  )
}

function Inside({ view, reload, onCall }: { view: GuestView; reload: () => Promise<void>; onCall: (c: Call) => void }) {
  const { guestCall: Voice } = useSlots()
  const [all, setAll] = useState<Message[]>([])
  const [text, setText] = useState('')
  const [error, setError] = useState('')
  const log = useRef<HTMLDivElement>(null)
  const load = useCallback(async () => {
    await reload()
    try {
      const page = await guest.messages()
      setAll((now) => flat(page.items).reduce(withMessage, now))
    } catch (e) {
      setError(errorText(e))
    }
  }, [reload])
  const lost = useNews(load, (m) => setAll((now) => withMessage(now, m)), onCall)
  const last = all.at(-1)?.id
  useEffect(() => {
    log.current?.scrollTo(0, log.current.scrollHeight)
  }, [last])
  // What was said waits here until it has arrived, over a reload too, and keeps its key: it is said once.
  const [held, setHeld] = useState(heldBefore)
  const [turn, setTurn] = useState(0)
  const hold = (next: Held[]) => {
    sessionStorage.setItem(HELD, JSON.stringify(next))
    setHeld(next)
  }
  useEffect(() => {
    const [first, ...rest] = held
    if (!first || lost) return
    let here = true
    let later: ReturnType<typeof setTimeout> | undefined
    guest.post(first.text, first.key).then(
      (m) => {
        if (!here) return
        setError('')
        hold(rest)
        setAll((now) => withMessage(now, m))
      },
      (x: unknown) => {
        if (!here) return
        setError(errorText(x))
        if (goesLater(x instanceof ApiError ? x.status : 0)) later = setTimeout(() => setTurn(turn + 1), 4000)
        else {
          hold(rest)
          setText((now) => now || first.text)
        }
      },
    )
    return () => {
      here = false
      clearTimeout(later)
    }
  }, [held, lost, turn])
  const send = (e: FormEvent) => {
    e.preventDefault()
    if (!text.trim() || held.length >= 50) return
    hold([...held, { text: text.trim(), key: uuid() }])
    setText('')
  }
  const me = view.visit.id
  return (
    <main className={s.room}>
      <header className={s.head}>
        <div>
          <h1>{view.room}</h1>
          <span>
            {view.office}. You are here as {view.visit.name} <GuestBadge /> until <Time at={view.visit.expires_at} mode="when" />
          </span>
        </div>
        <Button icon={<LogOut size={13} />} onClick={() => void guest.leave().then(reload, reload)}>
          Leave the room
        </Button>
      </header>
      {lost && (
        <div className={s.lost}>
          <Notice tone="amber" title="The connection is lost">
            Muster tries to come back by itself. What is said meanwhile is shown then.
          </Notice>
        </div>
      )}
      {Voice && (
        <div className={s.voice}>
          <Voice view={view} api={guest.call} />
        </div>
      )}
      <ul className={s.people} aria-label="In the room">
        {view.people.map((p) => (
          <Person key={p.id} p={p} me={p.id === me} part={part(view, p.id)} />
        ))}
      </ul>
      <div className={s.log} ref={log} tabIndex={0} role="log" aria-label="What was said since you came in">
        {all.length === 0 ? (
          <p className={s.none}>Nothing was said since you came in. What was said before is not shown to guests.</p>
        ) : (
          all.map((m) => <Said key={m.id} m={m} mine={m.author.id === me} />)
        )}
      </div>
      {held.length > 0 && (
        <ul className={s.held} aria-label="On its way">
          {held.map((h) => (
            <li key={h.key}>{h.text}</li>
          ))}
        </ul>
      )}
      {error && <Notice>{error}</Notice>}
      <form className={s.write} onSubmit={send}>
        <Input value={text} dir="auto" maxLength={4000} onChange={(e) => setText(e.target.value)} placeholder={`Say something in ${view.room}`} aria-label="Message" />
        <Button type="submit" kind="primary" icon={<SendHorizontal size={14} />} disabled={!text.trim()}>
          Send
        </Button>
      </form>
    </main>
  )
}

function Person({ p, me, part: { talk, words } }: { p: GuestPerson; me: boolean; part: ReturnType<typeof part> }) {
  const says = words || (me ? '' : PRESENCE_WORD[p.state])
  return (
    <li>
      <Avatar person={p} size={28} state={talk ? undefined : p.state} talk={talk} you={me} />
      <span>
        <b>
          {p.display}
          {p.kind === 'guest' && <GuestBadge />}
        </b>
        <small>{inWords(me ? 'You' : p.kind === 'guest' ? '' : p.title, says)}</small>
      </span>
    </li>
  )
}

const Said = ({ m, mine }: { m: Message; mine: boolean }) =>
  m.kind === 'system' ? (
    <div className={s.system}>
      <Markdown text={m.text} />
    </div>
  ) : (
    <article className={s.msg} aria-label={m.author.display}>
      <Avatar person={m.author} size={28} />
      <div>
        <p className={s.by}>
          <b>{mine ? 'You' : m.author.display}</b>
          {m.author.kind === 'guest' && !mine && <GuestBadge />} <Time at={m.created_at} />
        </p>
        {m.deleted ? <p className="c-3">This message was taken back.</p> : <Markdown text={m.text} />}
      </div>
    </article>
  )
