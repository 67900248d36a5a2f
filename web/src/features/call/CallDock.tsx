// Voice while I am anywhere in the app: a small dock, the keys, and the words for who reads with their ears.
import { Link, useRouterState } from '@tanstack/react-router'
import { AudioLines, Headphones, PictureInPicture2, X } from 'lucide-react'
import { lazy, Suspense, useEffect, useState } from 'react'
import { createPortal } from 'react-dom'
import { cx } from '@/lib/cx'
import { useOffice } from '@/realtime'
import { Button, IconButton, Spinner } from '@/ui'
import { Announcer } from './Announcer'
import { useAround, useCallState, usePeople } from './around'
import { CameraButton, LeaveButton, MicButton, ShareButton } from './CallControls'
import { Tile } from './CallPeople'
import { Volume } from './CallBar'
import { Video } from './CallStage'
import { InOffice } from './InOffice'
import { centred, plural, type Line } from './model'
import { canPip, usePip } from './pip'
import { RecordedChip } from './Recorded'
import { useKeys } from './useKeys'
import { useLine, useSeats } from './useSeats'
import s from './call.module.css'

const AskConsent = lazy(() => import('./AskConsent'))

export default function CallDock({ phone }: { phone: boolean }) {
  return (
    <InOffice>
      <Dock phone={phone} />
    </InOffice>
  )
}
function Dock({ phone }: { phone: boolean }) {
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
  const people = usePeople()
  const all = useSeats(line.room)
  const speakers = all.filter((x) => x.speaking)
  return (
    <section className={cx(s.dock, phone && s.dockPhone)} aria-label={`Voice in ${name}`}>
      <Link to="/rooms/$id" params={{ id: line.room }} className={s.dockWords}>
        {line.phase === 'on' ? <AudioLines size={15} className="c-teal" aria-hidden="true" /> : <Spinner size={12} />}
        <span>
          <b>{line.phase === 'on' ? (line.mode === 'gallery' ? 'Listening' : 'Voice connected') : line.phase === 'connecting' ? 'Joining voice' : 'Voice is reconnecting'}</b>
          <small>
            {name}, {speakers.length ? `${speakers.map((x) => (x.me ? 'you' : people.name(x.id).split(' ')[0])).join(', ')} ${speakers.length === 1 && !speakers[0]!.me ? 'speaks' : 'speak'}` : plural(all.length, 'person', 'people')}
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
  const { session } = useAround()
  const [rtt, set] = useState<number | null>(null)
  const on = useCallState((c) => c.main?.phase === 'on')
  useEffect(() => {
    if (!on) return
    const look = () => void session.stats().then((x) => set(x.rtt), () => {})
    const t = setInterval(look, 5000)
    look()
    return () => clearInterval(t)
  }, [session, on])
  return on && rtt !== null ? <span className="tnum">, {rtt} ms</span> : null
}

function Listening({ line }: { line: Line }) {
  const { session } = useAround()
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
  const { session } = useAround()
  const ended = useCallState((c) => c.ended)
  const name = useShortName(ended?.room ?? '')
  if (!ended || path === `/rooms/${ended.room}`) return null
  return (
    <section className={s.dockEnded} aria-label="Voice ended">
      <p role="alert">{ended.why === 'reloaded' ? ended.text.replace(' here ', ` in ${name} `) : ended.text}</p>
      <span>
        {(ended.why === 'moved' || ended.why === 'reloaded') && (
          <Button size="s" kind="live" onClick={session.takeBack}>
            {ended.why === 'moved' ? 'Take it back' : 'Join again'}
          </Button>
        )}
        <Button size="s" onClick={session.dismiss}>
          {ended.why === 'reloaded' ? 'Not now' : 'Understood'}
        </Button>
      </span>
    </section>
  )
}

/** In a window of its own: who speaks, the screen that is shown, my microphone. */
function Small({ line }: { line: Line }) {
  const { me } = usePeople()
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
