// The way into a room's voice, and below its header what I do with mine while I am in it.
import { Headphones, Mic, Volume1, X } from 'lucide-react'
import { useEffect } from 'react'
import { useMyId, type Room } from '@/api'
import { usePhone } from '@/lib/hooks'
import { recordsCalls, useCall, useOffice } from '@/realtime'
import { Button, Chip, IconButton, Notice, Spinner } from '@/ui'
import { CameraButton, HandButton, LeaveButton, MicButton, PlaceButton, ReactButton, SettingsButton, ShareButton } from './CallControls'
import { PeopleButton } from './CallPeople'
import { loadEngine, session, useCallState } from './live'
import { joinWords, plural } from './model'
import { RecordedChip } from './Recorded'
import s from './call.module.css'

export default function CallBar({ room }: { room: Room }) {
  const main = useCallState((c) => c.main)
  const also = useCallState((c) => c.also)
  const ended = useCallState((c) => c.ended)
  if (main?.room === room.id) return <Inside room={room} />
  if (also?.room === room.id) return <Also room={room} />
  return ended?.room === room.id ? <Over room={room} /> : null
}

/** Voice is offered where I am; elsewhere one may listen. */
export function Offer({ room }: { room: Room }) {
  const me = useMyId()
  const call = useCall(room.id)
  const here = useOffice((o) => o.presence[me]?.room_id === room.id)
  const media = useOffice((o) => o.media.state)
  const elsewhere = useCallState((c) => c.main)
  const inside = useCallState((c) => c.main?.room === room.id || c.also?.room === room.id || c.ended?.room === room.id)
  const records = useOffice((o) => recordsCalls(o.rooms[room.id], o.media))
  const talk = call?.people.filter((p) => p.user_id !== me) ?? []
  // Who sits here most likely joins: the engine's code is there when they do.
  useEffect(() => {
    if (!here || media !== 'ready') return
    const t = setTimeout(() => void loadEngine().catch(() => {}), 1500)
    return () => clearTimeout(t)
  }, [here, media])
  if (inside || media === 'off' || room.archived || (!here && !talk.length)) return null
  return (
    <section className={s.offer} aria-label="Voice">
      {(media === 'starting' || !here) && <span className={s.say}>{media === 'starting' ? 'Voice is starting' : `${plural(talk.length, 'person talks', 'people talk')} here`}</span>}
      {records && <Chip title="Who speaks here is asked first">Calls are recorded</Chip>}
      {here && (
        <Button kind={talk.length ? 'live' : 'soft'} icon={<Mic size={13} />} disabled={media !== 'ready'} onClick={() => void session.join(room.id, 'table')}>
          {joinWords(call, me)}
        </Button>
      )}
      {talk.length > 0 && (
        <Button icon={<Headphones size={13} />} disabled={media !== 'ready'} onClick={() => void session.listen(room.id)}>
          {elsewhere ? 'Listen here as well' : 'Only listen'}
        </Button>
      )}
      {here && <SettingsButton />}
    </section>
  )
}

function Inside({ room }: { room: Room }) {
  const me = useMyId()
  const phase = useCallState((c) => c.main?.phase)
  const mode = useCallState((c) => c.main?.mode)
  const recording = useCallState((c) => c.main?.recording)
  const trouble = useCallState((c) => c.trouble)
  const held = useCallState((c) => c.held)
  const here = useOffice((o) => o.presence[me]?.room_id === room.id)
  const phone = usePhone()
  return (
    <section className={s.bar} aria-label="Voice" data-phase={phase}>
      {phase === 'on' ? (
        <>
          <MicButton />
          {mode === 'table' && (
            <>
              <CameraButton />
              <ShareButton />
            </>
          )}
          <HandButton />
          <ReactButton />
          <PlaceButton here={here} />
          {held && <Chip tone="teal">You speak while you hold Space</Chip>}
          {!phone && mode === 'gallery' && <span className={s.say}>You listen from the gallery</span>}
        </>
      ) : (
        <span className={s.say} role="status">
          <Spinner size={12} />
          {phase === 'connecting' ? 'Joining voice' : 'Voice is reconnecting'}
          {trouble && <small>{trouble}</small>}
        </span>
      )}
      {recording && <RecordedChip />}
      <span className="grow" />
      <PeopleButton room={room} />
      <SettingsButton />
      <LeaveButton word={!phone} />
      <Messages />
    </section>
  )
}

/** What went wrong or changed, with a way on. */
export function Messages() {
  const notice = useCallState((c) => c.notice)
  const blocked = useCallState((c) => c.blocked)
  const whisper = useCallState((c) => c.whisper)
  const name = useOffice((o) => o.users[whisper]?.display ?? '')
  return (
    <>
      {blocked && (
        <div className={s.message}>
          <Notice tone="amber" title="Your browser holds the sound back" action={<Button onClick={() => void session.unblock()}>Hear them</Button>} />
        </div>
      )}
      {whisper && (
        <div className={s.message}>
          <Notice tone="violet" title={`Only ${name} hears you. Everybody sees that you whisper.`} action={<Button onClick={() => void session.whisper('')}>Speak to everybody</Button>} />
        </div>
      )}
      {notice && (
        <div className={s.message}>
          <Notice
            tone={notice.tone === 'amber' ? 'amber' : 'blue'}
            title={notice.title}
            action={
              <IconButton label="Dismiss" size="s" onClick={session.dismiss}>
                <X size={13} />
              </IconButton>
            }
          >
            {notice.text}
          </Notice>
        </div>
      )}
    </>
  )
}

/** A second room that I hear. */
function Also({ room }: { room: Room }) {
  const line = useCallState((c) => c.also)
  return (
    <section className={s.bar} aria-label="Voice">
      {line?.phase === 'on' ? <Headphones size={15} className="c-teal" aria-hidden="true" /> : <Spinner size={12} />}
      <span className={s.say} role="status">
        {line?.phase === 'on' ? 'You listen here as well' : 'Voice is reconnecting'}
      </span>
      <Volume />
      <span className="grow" />
      <PeopleButton room={room} />
      <Button onClick={session.stopListening}>Stop listening</Button>
    </section>
  )
}
export function Volume() {
  const volume = useCallState((c) => c.volume)
  return (
    <label className={s.volume}>
      <Volume1 size={14} aria-hidden="true" />
      <span className="sr">How loud the other room is</span>
      <input
        type="range"
        min={0}
        max={100}
        value={Math.round(volume * 100)}
        onChange={(e) => session.volume(Number(e.target.value) / 100)}
      />
    </label>
  )
}

/** Voice ended without my doing: why, and the way back where there is one. */
function Over({ room }: { room: Room }) {
  const me = useMyId()
  const ended = useCallState((c) => c.ended)!
  const here = useOffice((o) => o.presence[me]?.room_id === room.id)
  const back = ended.why === 'moved' ? 'Take it back' : ended.why === 'refused' ? 'Try again' : (ended.why === 'removed' || ended.why === 'over') && here ? 'Join again' : ''
  return (
    <section className={s.bar} aria-label="Voice">
      <span className={s.say} role="alert">
        {ended.text}
      </span>
      <span className="grow" />
      {back && (
        <Button kind="live" onClick={session.takeBack}>
          {back}
        </Button>
      )}
      <IconButton label="Dismiss" onClick={session.dismiss}>
        <X size={14} />
      </IconButton>
    </section>
  )
}
