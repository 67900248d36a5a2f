// A card under the room's header for those who cannot come in: where they meet, and who is there.
import { useQuery } from '@tanstack/react-query'
import { ExternalLink, PenLine, Phone, UserPlus, X } from 'lucide-react'
import { useState } from 'react'
import { api, ApiError, errorText, type Bridge as BridgeData, type Room } from '@/api'
import { nameOf, useBridgeTurn } from '@/realtime'
import { Button, buttonClass, Chip, CopyButton, Dialog, DialogActions, Field, FieldRow, Form, IconButton, Input, Notice, toastError } from '@/ui'
import s from './bridge.module.css'

export default function Bridge({ room, bridge }: { room: Room; bridge: BridgeData }) {
  const [editing, setEditing] = useState(false)
  const may = room.abilities.invite !== false && !room.archived
  return (
    <section className={s.bridge} aria-label="Bridge for people who cannot come in">
      <Phone size={14} className="c-3" aria-hidden="true" />
      <b>{bridge.kind}</b>
      {bridge.url && (
        <a href={bridge.url} target="_blank" rel="noopener noreferrer" className={buttonClass('soft', 's')}>
          <ExternalLink size={12} aria-hidden="true" /> Open the meeting
        </a>
      )}
      {bridge.phone && (
        <span className={s.dial}>
          <a href={`tel:${bridge.phone.replace(/[^\d+]/g, '')}`}>{bridge.phone}</a>
          {bridge.code && <span className="c-3">code {bridge.code}</span>}
          <CopyButton text={[bridge.phone, bridge.code].filter(Boolean).join(', ')} label="Copy the number" />
        </span>
      )}
      {!bridge.phone && bridge.code && <span className="c-3">code {bridge.code}</span>}
      <People room={room} bridge={bridge} />
      <span className="grow" />
      {may && (
        <IconButton size="s" label="Change the bridge" onClick={() => setEditing(true)} title={`Put up by ${nameOf(bridge.set_by)}`}>
          <PenLine size={13} />
        </IconButton>
      )}
      {editing && <EditBridge room={room} bridge={bridge} onClose={() => setEditing(false)} />}
    </section>
  )
}

function People({ room, bridge }: { room: Room; bridge: BridgeData }) {
  const [name, setName] = useState<string | null>(null)
  const may = room.abilities.post !== false && !room.archived
  const note = (people: string[]) => api.put(`/rooms/${room.id}/bridge/people`, { people }).then(() => setName(null)).catch((e) => toastError('It was not noted', e))
  return (
    <span className={s.people}>
      <span className="c-3">{bridge.people.length ? 'There:' : 'Nobody noted there'}</span>
      {bridge.people.map((p) => (
        <Chip key={p}>
          {p}
          {may && (
            <button type="button" className={s.gone} aria-label={`${p} has gone`} title="Has gone" onClick={() => void note(bridge.people.filter((x) => x !== p))}>
              <X size={11} aria-hidden="true" />
            </button>
          )}
        </Chip>
      ))}
      {may &&
        (name === null ? (
          <IconButton size="s" label="Note who is there" onClick={() => setName('')}>
            <UserPlus size={13} />
          </IconButton>
        ) : (
          <form
            className={s.note}
            onSubmit={(e) => {
              e.preventDefault()
              if (name.trim()) void note([...bridge.people, name.trim()])
              else setName(null)
            }}
          >
            <Input autoFocus value={name} onChange={(e) => setName(e.target.value)} onKeyDown={(e) => e.key === 'Escape' && setName(null)} placeholder="Name" aria-label="Who is there" maxLength={80} />
          </form>
        ))}
    </span>
  )
}

/** From the room's menu: the bridge there is, or a new one. */
export function PutBridge({ room, onClose }: { room: Room; onClose: () => void }) {
  const turn = useBridgeTurn(room.id)
  const q = useQuery({ queryKey: ['bridge', room.id, turn], queryFn: () => api.get<{ bridge?: BridgeData }>(`/rooms/${room.id}/bridge`), staleTime: 60_000 })
  return q.data ? <EditBridge room={room} bridge={q.data.bridge} onClose={onClose} /> : null
}

function EditBridge({ room, bridge, onClose }: { room: Room; bridge?: BridgeData; onClose: () => void }) {
  const [url, setURL] = useState(bridge?.url ?? '')
  const [phone, setPhone] = useState(bridge?.phone ?? '')
  const [code, setCode] = useState(bridge?.code ?? '')
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const fields = error instanceof ApiError ? error.fields : {}
  const send = (p: Promise<unknown>) => {
    setBusy(true)
    p.then(onClose, (x) => {
      setError(x)
      setBusy(false)
    })
  }
  return (
    <Dialog open onOpenChange={onClose} title="Bridge" description="For people who cannot come into the room: where they meet instead. Everybody in the room sees it." width={440}>
      <Form
        onSubmit={(e) => {
          e.preventDefault()
          send(api.put(`/rooms/${room.id}/bridge`, { url, phone, code }))
        }}
      >
        <Field label="Link of the meeting" hint="Teams, Zoom, Webex, Meet or another" error={fields.url}>
          <Input value={url} onChange={(e) => setURL(e.target.value)} placeholder="https://" maxLength={2000} inputMode="url" />
        </Field>
        <FieldRow>
          <Field label="Number to dial" error={fields.phone}>
            <Input value={phone} onChange={(e) => setPhone(e.target.value)} placeholder="+44 20 7946 0000" maxLength={40} inputMode="tel" />
          </Field>
          <Field label="Conference id or PIN" error={fields.code}>
            <Input value={code} onChange={(e) => setCode(e.target.value)} maxLength={40} />
          </Field>
        </FieldRow>
        {error !== null && !Object.keys(fields).length && <Notice>{errorText(error)}</Notice>}
        <DialogActions>
          {bridge && (
            <Button kind="danger" disabled={busy} onClick={() => send(api.del(`/rooms/${room.id}/bridge`))}>
              Take it down
            </Button>
          )}
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="primary" busy={busy}>
            {bridge ? 'Save' : 'Put it up'}
          </Button>
        </DialogActions>
      </Form>
    </Dialog>
  )
}
