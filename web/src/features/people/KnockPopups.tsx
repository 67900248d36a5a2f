// Who knocks at the door of the room I am in, and that I was sent home: for those whom it concerns at once.
import { DoorOpen } from 'lucide-react'
import { useState } from 'react'
import { errorText, type Knock } from '@/api'
import { forgetKnock, letIn, nameOf, turnAway, useKnocks, useRoomInfo, UserAvatar, UserName } from '@/realtime'
import { Button, Countdown, Input, Notice } from '@/ui'
import s from './people.module.css'

/** Where somebody was sent home from, by whom and why, and where they are now. */
export type Sent = { room: string; by: string; reason: string; home: string }

export default function KnockPopups({ sent, onUnderstood }: { sent: Sent | null; onUnderstood: () => void }) {
  const knocks = useKnocks()
  return (
    <>
      {sent && (
        <section className={s.popup} aria-label="You were sent home">
          <div className={s.popupHead}>
            <UserAvatar id={sent.by} size={40} />
            <div>
              <p>
                <b>{nameOf(sent.by)}</b> sent you home from <b>{sent.room}</b>
                {sent.home && `. You are in ${sent.home} now.`}
              </p>
              {sent.reason && <q>{sent.reason}</q>}
            </div>
          </div>
          <div className={s.popupActs}>
            <Button onClick={onUnderstood}>Understood</Button>
          </div>
        </section>
      )}
      {knocks.map((k) => (
        <Popup key={k.id} knock={k} />
      ))}
    </>
  )
}

function Popup({ knock: k }: { knock: Knock }) {
  const room = useRoomInfo(k.room_id)
  const [declining, setDeclining] = useState(false)
  const [note, setNote] = useState('')
  const [busy, setBusy] = useState<'' | 'yes' | 'no'>('')
  const [error, setError] = useState('')
  const answer = async (yes: boolean) => {
    setBusy(yes ? 'yes' : 'no')
    setError('')
    try {
      await (yes ? letIn(k.id) : turnAway(k.id, note.trim()))
    } catch (e) {
      setError(errorText(e))
      setBusy('')
    }
  }
  return (
    <section className={s.popup} aria-label={`${k.guest || nameOf(k.user_id)} knocks`}>
      <div className={s.popupHead}>
        <UserAvatar id={k.user_id} size={40} dot={!k.guest} fallback={k.guest ? { id: k.user_id, display: k.guest, kind: 'guest' } : undefined} />
        <div>
          <p>
            <b>
              <UserName id={k.user_id} fallback={k.guest} guest={!!k.guest} />
            </b>{' '}
            knocks at <b>{room?.name ?? 'your room'}</b>
          </p>
          {k.note && <q>{k.note}</q>}
          {k.looks_like && <p className={s.alike}>The name could be taken for {nameOf(k.looks_like)}, who has an account here. Make sure who it is.</p>}
        </div>
        <span className={s.left}>
          <span className="sr">expires in </span>
          <Countdown to={k.expires_at} of={`to answer ${k.guest || nameOf(k.user_id)}`} />
        </span>
      </div>
      {error && (
        <Notice action={<Button size="s" onClick={() => forgetKnock(k)}>Dismiss</Button>}>{error}</Notice>
      )}
      {declining ? (
        <form
          className={s.popupActs}
          onSubmit={(e) => {
            e.preventDefault()
            void answer(false)
          }}
        >
          <Input autoFocus value={note} onChange={(e) => setNote(e.target.value)} placeholder="Say why (optional)" aria-label="Say why" maxLength={300} />
          <Button onClick={() => setDeclining(false)}>Back</Button>
          <Button type="submit" kind="soft" busy={busy === 'no'}>
            Turn away
          </Button>
        </form>
      ) : (
        <div className={s.popupActs}>
          <Button onClick={() => setDeclining(true)} disabled={!!busy}>
            Not now
          </Button>
          <Button kind="live" icon={<DoorOpen size={13} />} busy={busy === 'yes'} onClick={() => void answer(true)}>
            Let in
          </Button>
        </div>
      )}
    </section>
  )
}
