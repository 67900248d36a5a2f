// The requests to come, one below the other: loaded when the first is there.
import { useNavigate } from '@tanstack/react-router'
import { Hand } from 'lucide-react'
import { useState } from 'react'
import { errorText, type Get } from '@/api'
import { acceptGet, declineGet, forgetGet, nameOf, useRoomInfo, UserAvatar, UserName } from '@/realtime'
import { Button, Countdown, Input, Notice, toast } from '@/ui'
import s from './people.module.css'

export default function Requests({ gets, quiet }: { gets: Get[]; quiet?: boolean }) {
  return (
    <>
      {!quiet && gets.length > 1 && <DeclineAll gets={gets} />}
      {gets.map((g) => (
        <Popup key={g.id} get={g} />
      ))}
    </>
  )
}

/** Several ask at once: who is busy answers all of them in one go. */
function DeclineAll({ gets }: { gets: Get[] }) {
  const [busy, setBusy] = useState(false)
  const all = async () => {
    setBusy(true)
    const done = await Promise.allSettled(gets.map((g) => declineGet(g.id)))
    setBusy(false)
    const failed = done.filter((d) => d.status === 'rejected').length
    toast(failed ? `${failed} of ${gets.length} could not be declined` : `${gets.length} requests declined`, { tone: failed ? 'bad' : 'info' })
  }
  return (
    <div className={s.all}>
      <b>{gets.length} people ask you to come</b>
      <Button size="s" busy={busy} onClick={() => void all()}>
        Decline all
      </Button>
    </div>
  )
}

function Popup({ get: g }: { get: Get }) {
  const room = useRoomInfo(g.room_id)
  const navigate = useNavigate()
  const [declining, setDeclining] = useState(false)
  const [note, setNote] = useState('')
  const [busy, setBusy] = useState<'' | 'yes' | 'no'>('')
  const [error, setError] = useState('')
  const answer = async (yes: boolean) => {
    setBusy(yes ? 'yes' : 'no')
    setError('')
    try {
      if (yes) {
        await acceptGet(g.id)
        await navigate({ to: '/rooms/$id', params: { id: g.room_id } })
      } else {
        await declineGet(g.id, note.trim())
        toast('Declined', { tone: 'info' })
      }
    } catch (e) {
      setError(errorText(e))
      setBusy('')
    }
  }
  return (
    <section className={s.popup} aria-label="You are asked to come">
      <div className={s.popupHead}>
        <UserAvatar id={g.from} size={40} dot />
        <div>
          <p>
            <b>
              <UserName id={g.from} />
            </b>{' '}
            asks you to come to <b>{room?.name ?? 'a room'}</b>
          </p>
          {g.note && <q>{g.note}</q>}
        </div>
        <span className={s.left}>
          <span className="sr">expires in </span>
          <Countdown to={g.expires_at} of={`to answer ${nameOf(g.from)}`} />
        </span>
      </div>
      {error && (
        <Notice action={<Button size="s" onClick={() => forgetGet(g.id)}>Dismiss</Button>}>{error}</Notice>
      )}
      {declining ? (
        <form
          className={s.popupActs}
          onSubmit={(e) => {
            e.preventDefault()
            void answer(false)
          }}
        >
          <Input autoFocus value={note} onChange={(e) => setNote(e.target.value)} placeholder="Say why (optional)" aria-label="Say why" maxLength={200} />
          <Button onClick={() => setDeclining(false)}>Back</Button>
          <Button type="submit" kind="soft" busy={busy === 'no'}>
            Decline
          </Button>
        </form>
      ) : (
        <div className={s.popupActs}>
          <Button onClick={() => setDeclining(true)} disabled={!!busy}>
            Not now
          </Button>
          <Button kind="live" icon={<Hand size={13} />} busy={busy === 'yes'} onClick={() => void answer(true)}>
            Let&rsquo;s go
          </Button>
        </div>
      )}
    </section>
  )
}
