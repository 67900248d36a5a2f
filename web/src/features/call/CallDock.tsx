// Voice while I am anywhere in the app: a small dock, the keys, and the words for who reads with their ears.
import { Link, useRouterState } from '@tanstack/react-router'
import { AudioLines, Headphones, PictureInPicture2, X } from 'lucide-react'
import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import { createPortal } from 'react-dom'
import { useMyId, type Call } from '@/api'
import { cx } from '@/lib/cx'
import { useWindow } from '@/lib/hooks'
import { nameOf, useCall, useOffice } from '@/realtime'
import { Button, IconButton, Spinner } from '@/ui'
import { CameraButton, LeaveButton, MicButton, ShareButton } from './CallControls'
import { Tile } from './CallPeople'
import { Volume } from './CallBar'
import { chime } from './chime'
import { Video } from './CallStage'
import { targetOf, talksBySpace, typesIn } from './keys'
import { session, useCallState } from './live'
import { announce, centred, plural, reactionWord, recordedWords, type Line } from './model'
import { canPip, usePip } from './pip'
import { RecordedChip } from './Recorded'
import { useLine, useSeats } from './useSeats'
import s from './call.module.css'

const AskConsent = lazy(() => import('./AskConsent'))

export default function CallDock({ phone }: { phone: boolean }) {
  const main = useCallState((c) => c.main)
  const also = useCallState((c) => c.also)
  const asked = useCallState((c) => !!c.asking)
  const path = useRouterState({ select: (r) => r.location.pathname })
  useKeys()
  const pip = usePip()
  const inRoom = (l: Line | null) => !!l && path === `/rooms/${l.room}`
  return (
    <>
      <Announcer />
      {asked && (
        <Suspense>
          <AskConsent />
        </Suspense>
      )}
      {main && !inRoom(main) && <Voice line={main} phone={phone} onPip={canPip() && !phone ? pip.open : undefined} />}
      {main && inRoom(main) && !phone && canPip() && pip.window === null && main.phase === 'on' && <PipOffer onPip={pip.open} room={main.room} />}
      {also && !inRoom(also) && <Listening line={also} />}
      <Ended path={path} />
      {main && pip.window && createPortal(<Small line={main} />, pip.window.document.body)}
    </>
  )
}

/** A room in few letters: an incident's by its ticket. */
const useShortName = (id: string): string =>
  useOffice((o) => {
    const room = o.rooms[id]
    return (room?.subject.kind === 'incident' && o.incidents[room.subject.id]?.ticket) || room?.name || 'the room'
  })

function Voice({ line, phone, onPip }: { line: Line; phone: boolean; onPip?: () => void }) {
  const name = useShortName(line.room)
  const all = useSeats(line.room)
  const speakers = all.filter((x) => x.speaking)
  return (
    <section className={cx(s.dock, phone && s.dockPhone)} aria-label={`Voice in ${name}`}>
      <Link to="/rooms/$id" params={{ id: line.room }} className={s.dockWords}>
        {line.phase === 'on' ? <AudioLines size={15} className="c-teal" aria-hidden="true" /> : <Spinner size={12} />}
        <span>
          <b>{line.phase === 'on' ? (line.mode === 'gallery' ? 'Listening' : 'Voice connected') : line.phase === 'connecting' ? 'Joining voice' : 'Voice is reconnecting'}</b>
          <small>
            {name}, {speakers.length ? `${speakers.map((x) => (x.me ? 'you' : nameOf(x.id).split(' ')[0])).join(', ')} ${speakers.length === 1 && !speakers[0]!.me ? 'speaks' : 'speak'}` : plural(all.length, 'person', 'people')}
            <Rtt />
          </small>
        </span>
        {line.recording && <RecordedChip />}
      </Link>
      <div className={s.dockActs}>
        <MicButton />
        {line.mode === 'table' && !phone && (
          <>
            <CameraButton />
            <ShareButton />
          </>
        )}
        {onPip && (
          <IconButton label="In a small window" className={s.control} onClick={onPip}>
            <PictureInPicture2 size={15} />
          </IconButton>
        )}
        <span className="grow" />
        <LeaveButton />
      </div>
    </section>
  )
}
const PipOffer = ({ onPip, room }: { onPip: () => void; room: string }) => {
  const name = useShortName(room)
  return (
    <div className={s.dockLine}>
      <AudioLines size={15} className="c-teal" aria-hidden="true" />
      <span>Voice in {name}</span>
      <IconButton label="In a small window" size="s" onClick={onPip}>
        <PictureInPicture2 size={14} />
      </IconButton>
    </div>
  )
}

/** How long a packet takes, looked at now and then. */
function Rtt() {
  const [rtt, set] = useState<number | null>(null)
  const on = useCallState((c) => c.main?.phase === 'on')
  useEffect(() => {
    if (!on) return
    const look = () => void session.stats().then((x) => set(x.rtt), () => {})
    const t = setInterval(look, 5000)
    look()
    return () => clearInterval(t)
  }, [on])
  return on && rtt !== null ? <span className="tnum">, {rtt} ms</span> : null
}

function Listening({ line }: { line: Line }) {
  const name = useShortName(line.room)
  return (
    <section className={s.dockLine} aria-label={`Listening to ${name}`}>
      {line.phase === 'on' ? <Headphones size={14} className="c-teal" aria-hidden="true" /> : <Spinner size={12} />}
      <Link to="/rooms/$id" params={{ id: line.room }}>
        {name}
      </Link>
      <Volume />
      <IconButton label={`Stop listening to ${name}`} size="s" onClick={session.stopListening}>
        <X size={13} />
      </IconButton>
    </section>
  )
}

/** Voice ended while I was elsewhere; in its room the bar says so. */
function Ended({ path }: { path: string }) {
  const ended = useCallState((c) => c.ended)
  if (!ended || path === `/rooms/${ended.room}`) return null
  return (
    <section className={s.dockEnded} aria-label="Voice ended">
      <p role="alert">{ended.text}</p>
      <span>
        {ended.why === 'moved' && (
          <Button size="s" kind="live" onClick={session.takeBack}>
            Take it back
          </Button>
        )}
        <Button size="s" onClick={session.dismiss}>
          Understood
        </Button>
      </span>
    </section>
  )
}

/** In a window of its own: who speaks, the screen that is shown, my microphone. */
function Small({ line }: { line: Line }) {
  const me = useMyId()
  const all = useSeats(line.room)
  const shown = useLine(line.room)
  const picked = useCallState((c) => c.picked)
  const { main } = centred(shown?.shares ?? [], picked, me)
  return (
    <main className={s.small}>
      {main ? <Video room={line.room} id={main.id} className={s.smallVideo} /> : null}
      <ul className={s.strip} aria-label="People in the call">
        {all.slice(0, 8).map((x) => (
          <Tile key={x.id} seat={x} room={line.room} />
        ))}
      </ul>
      <div className={s.dockActs}>
        <MicButton />
        <span className="grow" />
        <LeaveButton />
      </div>
    </main>
  )
}

/** M mutes and unmutes; Space speaks while it is held. */
function useKeys() {
  const down = useRef(false)
  const release = () => {
    if (!down.current) return
    down.current = false
    void session.hold(false)
  }
  useWindow('keydown', (e) => {
    const { main } = session.use.getState()
    if (!main || e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return
    const t = targetOf(e)
    if (e.key === ' ' && !e.shiftKey) {
      if (down.current) return e.preventDefault()
      if (e.repeat || !talksBySpace(t)) return
      e.preventDefault()
      down.current = true
      void session.hold(true)
    } else if (e.key.toLowerCase() === 'm' && !e.repeat && !typesIn(t)) {
      e.preventDefault()
      void session.toggleMic()
    }
  })
  useWindow('keyup', (e) => {
    if (e.key !== ' ' || !down.current) return
    e.preventDefault() // a button that was clicked before is not pressed again
    release()
  })
  useWindow('blur', release)
}

/** Says who comes, goes, raises a hand or shows something, once. */
function Announcer() {
  const me = useMyId()
  const room = useCallState((c) => c.main?.room)
  const reactions = useCallState((c) => c.reactions)
  const call = useCall(room)
  const before = useRef<Call | undefined>(undefined)
  const last = useRef(0)
  const [text, setText] = useState('')
  const line = useCallState((c) => c.main)
  const was = useRef<Line | null>(null)
  useEffect(() => {
    const said = recordedWords(was.current, line)
    was.current = line
    if (!said) return
    setText(said)
    if (line?.recording) void chime()
  }, [line])
  useEffect(() => {
    const said = announce(before.current, call, me, nameOf)
    before.current = call
    if (said.length) setText(said.join('. '))
  }, [call, me])
  useEffect(() => {
    const r = reactions.at(-1)
    if (!r || r.id === last.current || r.user === me) return
    last.current = r.id
    setText(`${nameOf(r.user)}: ${reactionWord(r.emoji)}`)
  }, [reactions, me])
  // Once read out it is gone, so that nobody finds the words twice.
  useEffect(() => {
    if (!text) return
    const t = setTimeout(() => setText(''), 2500)
    return () => clearTimeout(t)
  }, [text])
  return (
    <div className="sr" role="status" aria-label="Voice">
      {text}
    </div>
  )
}
