// The way into a room: Enter where the door lets me, else a knock, and what came of it so far.
import { DoorClosed } from 'lucide-react'
import { useState, type FormEvent, type ReactNode } from 'react'
import { errorText, type Room } from '@/api'
import { Button, Countdown, Input, Notice, Popover, toastError } from '@/ui'
import { knockAt, useDoor, withdrawKnock } from './doors'
import s from './people.module.css'

/** `children` is the way in through an open door. */
export function WayIn({ room, kind, children }: { room: Room; kind?: 'live' | 'primary'; children: ReactNode }) {
  const { out, inside, knock } = useDoor(room.id)
  const [open, setOpen] = useState(false)
  const [note, setNote] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState('')
  if (!out) return children
  const act = async (fn: () => Promise<void>, failed: (e: unknown) => void) => {
    setBusy(true)
    await fn().catch(failed)
    setBusy(false)
  }
  if (knock)
    return (
      <span className={s.knocking}>
        <span>
          Knocking&hellip; <Countdown to={knock.expires_at} />
        </span>
        <Button busy={busy} onClick={() => void act(() => withdrawKnock(knock.id), (e) => toastError('You still knock', e))} aria-label={`Withdraw your knock at ${room.name}`}>
          Withdraw
        </Button>
      </span>
    )
  if (!inside) return <span className={s.shut}>Locked, and nobody is inside. A member can Get you.</span>
  const send = (e: FormEvent) => {
    e.preventDefault()
    setError('')
    void act(
      async () => {
        await knockAt(room.id, note.trim())
        setOpen(false)
        setNote('')
      },
      (x) => setError(errorText(x)),
    )
  }
  return (
    <Popover
      label={`Knock at ${room.name}`}
      open={open}
      onOpenChange={setOpen}
      width={300}
      trigger={
        <Button kind={kind} icon={<DoorClosed size={13} />} title={`The door is ${room.door}. Whoever is inside can let you in.`} aria-label={`Knock at ${room.name}`}>
          Knock
        </Button>
      }
    >
      <form className={s.knock} onSubmit={send}>
        <Input autoFocus value={note} onChange={(e) => setNote(e.target.value)} placeholder="What for? (optional)" aria-label="What for" maxLength={300} />
        <Button type="submit" kind="live" busy={busy}>
          Knock
        </Button>
        {error && <Notice>{error}</Notice>}
      </form>
    </Popover>
  )
}
