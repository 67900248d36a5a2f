// What the header of a room opens: bringing people in, and changing the room.
import { useState } from 'react'
import { api, ApiError, errorText, useMyId, type Room, type User } from '@/api'
import { rank } from '@/lib/fuzzy'
import { getPerson, recordsCalls, useOffice, UserAvatar } from '@/realtime'
import { Button, Dialog, DialogActions, Field, Form, Input, Notice } from '@/ui'
import s from './room.module.css'

/** Asks people to come here, one click each. */
export function BringIn({ room, inside }: { room: Room; inside: User[] }) {
  const users = useOffice((o) => o.users)
  const presence = useOffice((o) => o.presence)
  const me = useMyId()
  const [query, setQuery] = useState('')
  const [asked, setAsked] = useState<Record<string, string>>({})
  const there = new Set(inside.map((u) => u.id))
  const list = rank(
    query,
    Object.values(users)
      .filter((u) => u.kind === 'person' && !u.disabled && u.id !== me && !there.has(u.id))
      .sort((a, b) => Number(presence[a.id]?.state === 'offline') - Number(presence[b.id]?.state === 'offline') || a.display.localeCompare(b.display)),
    (u) => [u.display, u.name, u.team, u.title],
    40,
  )
  return (
    <div className={s.bring}>
      <Input autoFocus value={query} onChange={(e) => setQuery(e.target.value)} placeholder="Find a person" aria-label="Find a person" />
      <ul>
        {list.map((u) => (
          <li key={u.id}>
            <UserAvatar id={u.id} size={24} dot />
            <span>
              <b>{u.display}</b>
              <small>{asked[u.id] || u.title || u.team}</small>
            </span>
            <Button
              size="s"
              kind="soft"
              disabled={asked[u.id] === 'Asked'}
              onClick={() => {
                setAsked((a) => ({ ...a, [u.id]: 'Asked' }))
                getPerson(u.id, room.id).catch((e) => setAsked((a) => ({ ...a, [u.id]: errorText(e) })))
              }}
            >
              {asked[u.id] === 'Asked' ? 'Asked' : 'Get'}
            </Button>
          </li>
        ))}
        {!list.length && <li className="c-3">Nobody by that name is outside this room.</li>}
      </ul>
    </div>
  )
}

export function EditRoom({ room, onClose }: { room: Room; onClose: () => void }) {
  const [name, setName] = useState(room.name)
  const [topic, setTopic] = useState(room.topic)
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const fields = error instanceof ApiError ? error.fields : {}
  return (
    <Dialog open onOpenChange={onClose} title={`Room ${room.name}`} width={420}>
      <Form
        onSubmit={(e) => {
          e.preventDefault()
          setBusy(true)
          api.patch(`/rooms/${room.id}`, { name, topic }).then(onClose, (x) => {
            setError(x)
            setBusy(false)
          })
        }}
      >
        <Field label="Name" error={fields.name}>
          <Input value={name} onChange={(e) => setName(e.target.value)} />
        </Field>
        <Field label="Topic" error={fields.topic}>
          <Input value={topic} onChange={(e) => setTopic(e.target.value)} maxLength={250} />
        </Field>
        {error !== null && !Object.keys(fields).length && <Notice>{errorText(error)}</Notice>}
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

/** Has the room's calls recorded, or no longer. */
export function RecordRoom({ room, onClose }: { room: Room; onClose: () => void }) {
  const media = useOffice((o) => o.media)
  const [error, setError] = useState('')
  const [busy, setBusy] = useState(false)
  const on = room.recording !== 'required'
  const anyway = !on && recordsCalls({ ...room, recording: 'none' }, media)
  return (
    <Dialog open onOpenChange={onClose} title={on ? `Record calls in ${room.name}` : `No longer record calls in ${room.name}`} width={440}>
      <Form
        onSubmit={(e) => {
          e.preventDefault()
          setBusy(true)
          api.patch(`/rooms/${room.id}`, { recording: on ? 'required' : 'none' }).then(onClose, (x) => {
            setError(errorText(x))
            setBusy(false)
          })
        }}
      >
        {on ? (
          <>
            <p>What each person says at the table of a call here is kept, one track a person. Everybody is asked before they speak; whoever does not agree listens from the gallery, of which nothing is kept.</p>
            <p>Who talks here now is moved to the gallery and asked. {media.keep_days > 0 ? `Recordings are deleted after ${media.keep_days} ${media.keep_days === 1 ? 'day' : 'days'}.` : 'Recordings are kept for good.'} Who took part may hear them again.</p>
          </>
        ) : (
          <p>{anyway ? 'Calls here are recorded all the same: the settings of this office say so of all rooms like it.' : 'A call that goes on is not recorded from that moment on. What was recorded before stays until its time is over.'}</p>
        )}
        {error && <Notice>{error}</Notice>}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="primary" busy={busy}>
            {on ? 'Record calls' : 'Stop recording'}
          </Button>
        </DialogActions>
      </Form>
    </Dialog>
  )
}
