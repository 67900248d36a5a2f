// The way into a room's voice, and below its header what I do with mine while I am in it.
import { Headphones, Mic, Volume1 } from 'lucide-react'
import { useEffect } from 'react'
import { useMyId, type Room } from '@/api'
import { recordsCalls, useCall, useOffice } from '@/realtime'
import { Button, Chip, focusNext, Spinner } from '@/ui'
import { useAround, useCallState } from './around'
import { SettingsButton } from './CallControls'
import { PeopleButton, Strip } from './CallPeople'
import { InCall } from './InCall'
import { InOffice } from './InOffice'
import { loadEngine } from './load'
import { Over } from './Messages'
import { hasStage, joinWords, plural } from './model'
import s from './call.module.css'

export default function CallBar({ room }: { room: Room }) {
  return (
    <InOffice>
      <Bar room={room} />
    </InOffice>
  )
}
function Bar({ room }: { room: Room }) {
  const me = useMyId()
  const here = useOffice((o) => o.presence[me]?.room_id === room.id)
  const main = useCallState((c) => c.main)
  const also = useCallState((c) => c.also)
  const ended = useCallState((c) => c.ended)
  if (main?.room === room.id) return <InCall room={room} here={here} />
  if (also?.room === room.id) return <Also room={room} />
  return ended?.room === room.id ? <Over here={here} /> : null
}

/** Voice is offered where I am; elsewhere one may listen. */
export const Offer = ({ room }: { room: Room }) => (
  <InOffice>
    <Offered room={room} />
  </InOffice>
)
function Offered({ room }: { room: Room }) {
  const { session } = useAround()
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
  const go = (into: () => Promise<void>) => {
    focusNext('[data-voice] button[aria-label="Microphone"]', '[data-voice][data-phase="on"] button')
    void into()
  }
  if (inside || media === 'off' || room.archived || (!here && !talk.length)) return null
  return (
    <section className={s.offer} aria-label="Voice" data-offer>
      {(media === 'starting' || !here) && <span className={s.say}>{media === 'starting' ? 'Voice is starting' : `${plural(talk.length, 'person talks', 'people talk')} here`}</span>}
      {records && <Chip title="Who speaks here is asked first">Calls are recorded</Chip>}
      {here && (
        <Button kind={talk.length ? 'live' : 'soft'} icon={<Mic size={13} />} disabled={media !== 'ready'} onClick={() => go(() => session.join(room.id, 'table'))}>
          {joinWords(call, me)}
        </Button>
      )}
      {talk.length > 0 && (
        <Button icon={<Headphones size={13} />} disabled={media !== 'ready'} onClick={() => go(() => session.listen(room.id))}>
          {elsewhere ? 'Listen here as well' : 'Only listen'}
        </Button>
      )}
      {here && <SettingsButton />}
    </section>
  )
}

/** A second room that I hear. */
function Also({ room }: { room: Room }) {
  const { session } = useAround()
  const line = useCallState((c) => c.also)
  return (
    <>
      <section className={s.bar} aria-label="Voice" data-voice data-phase={line?.phase}>
        {line?.phase === 'on' ? <Headphones size={15} className="c-teal" aria-hidden="true" /> : <Spinner size={12} />}
        <span className={s.say} role="status">
          {line?.phase === 'on' ? 'You listen here as well' : 'Voice is reconnecting'}
        </span>
        <Volume />
        <span className="grow" />
        <PeopleButton room={room} />
        <Button onClick={session.stopListening}>Stop listening</Button>
      </section>
      {line?.phase === 'on' && !hasStage(line) && (
        <div className={s.voices}>
          <Strip room={room} />
        </div>
      )}
    </>
  )
}
export function Volume() {
  const { session } = useAround()
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
