// Links by which people without an account knock at this room, and who came by them.
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link2, UserRoundPlus } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { api, ApiError, errorText, type GuestLink, type Room, type Visit } from '@/api'
import { nameOf, UserName } from '@/realtime'
import { Button, Chip, ConfirmButton, copy, Dialog, DialogActions, ErrorState, Field, FieldRow, Form, GuideLink, Input, Loading, Notice, Select, Time, toast } from '@/ui'
import s from './room.module.css'

const ENDS: Record<string, [string, number]> = { hour: ['in an hour', 1], day: ['in 8 hours', 8], week: ['in a week', 168], never: ['when it is revoked', 0] }

export default function Guests({ room }: { room: Room }) {
  const key = ['guests', room.id]
  const q = useQuery({ queryKey: key, queryFn: () => api.get<{ links: GuestLink[]; guests: Visit[] }>(`/rooms/${room.id}/guests`) })
  const client = useQueryClient()
  const [making, setMaking] = useState(false)
  const waiting = q.data?.guests.filter((g) => g.state === 'waiting') ?? []
  const marked = q.data?.guests.filter((g) => g.state === 'inside' && g.looks_like) ?? []
  return (
    <section aria-label="Guests" className={s.guests}>
      <h2 className={s.h2}>
        Guests <em>{q.data?.guests.filter((g) => g.state === 'inside').length ?? 0}</em>
        <span className="grow" />
        <Button size="s" icon={<UserRoundPlus size={12} />} onClick={() => setMaking(true)}>
          Make a link
        </Button>
      </h2>
      {q.isPending ? (
        <Loading lines={2} />
      ) : q.error ? (
        <ErrorState compact error={q.error} onRetry={() => void q.refetch()} />
      ) : (
        <>
          {waiting.length > 0 && <p className="c-3">At the door: {waiting.map((w) => w.name).join(', ')}. Whoever is inside is asked.</p>}
          {marked.map((g) => (
            <p key={g.id} className="c-amber">
              {g.name} is a guest, and not {nameOf(g.looks_like)}.
            </p>
          ))}
          {q.data.links.length === 0 ? (
            <p className="c-3">
              No link leads here. Whoever has one can knock, and is let in by somebody inside. <GuideLink to="guests">About guests</GuideLink>
            </p>
          ) : (
            <ul className={s.people}>
              {q.data.links.map((l) => (
                <li key={l.id}>
                  <Link2 size={15} aria-hidden="true" className="c-3" />
                  <span className={s.personText}>
                    <b>{l.label || 'A link for guests'}</b>
                    <small>
                      by <UserName id={l.made_by} />, {l.expires_at ? <>until <Time at={l.expires_at} mode="when" /></> : 'until it is revoked'}
                      {l.most > 0 && `, at most ${l.most} at once`}
                    </small>
                  </span>
                  <span className={s.personWhere}>{l.inside > 0 && <Chip tone="teal">{l.inside} inside</Chip>}</span>
                  <ConfirmButton
                    size="s"
                    kind="danger"
                    title="Revoke this link?"
                    description={l.inside ? `Nobody knocks by it any more, and ${l.inside === 1 ? 'the guest' : `the ${l.inside} guests`} inside by it leave at once.` : 'Nobody knocks by it any more.'}
                    confirm="Revoke"
                    label={`Revoke the link ${l.label}`}
                    onConfirm={async () => {
                      await api.del(`/rooms/${room.id}/guest-links/${l.id}`)
                      await client.invalidateQueries({ queryKey: key })
                    }}
                  >
                    Revoke
                  </ConfirmButton>
                </li>
              ))}
            </ul>
          )}
        </>
      )}
      {making && <Make room={room} onClose={() => setMaking(false)} onMade={() => void client.invalidateQueries({ queryKey: key })} />}
    </section>
  )
}

function Make({ room, onClose, onMade }: { room: Room; onClose: () => void; onMade: () => void }) {
  const [label, setLabel] = useState('')
  const [ends, setEnds] = useState('day')
  const [most, setMost] = useState('1')
  const [url, setUrl] = useState('')
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const fields = error instanceof ApiError ? error.fields : {}
  const submit = async (e: FormEvent) => {
    e.preventDefault()
    setBusy(true)
    setError(null)
    const hours = ENDS[ends]![1]
    try {
      const made = await api.post<{ url: string }>(`/rooms/${room.id}/guest-links`, {
        label,
        most: Number(most),
        ...(hours ? { expires_at: new Date(Date.now() + hours * 3_600_000).toISOString() } : {}),
      })
      setUrl(made.url)
      onMade()
    } catch (x) {
      setError(x)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Dialog open onOpenChange={onClose} title={url ? 'The link is made' : `A link to ${room.name}`} description="Whoever has it can knock. They come in when somebody inside lets them, see this room from then on, and nothing else." width={480}>
      {url ? (
        <Form
          onSubmit={(e) => {
            e.preventDefault()
            onClose()
          }}
        >
          <Field label="Give this to your guest" hint="It is shown this once. A new one can be made at any time.">
            <Input readOnly value={url} onFocus={(e) => e.currentTarget.select()} />
          </Field>
          <DialogActions>
            <Button onClick={() => void copy(url).then(() => toast('The link is copied'))}>Copy the link</Button>
            <Button type="submit" kind="primary">
              Done
            </Button>
          </DialogActions>
        </Form>
      ) : (
        <Form onSubmit={(e) => void submit(e)}>
          <Field label="For whom" error={fields.label}>
            <Input autoFocus value={label} maxLength={80} placeholder="Auditors of the third quarter" onChange={(e) => setLabel(e.target.value)} />
          </Field>
          <FieldRow>
            <Field label="It ends" error={fields.expires_at}>
              <Select value={ends} onChange={(e) => setEnds(e.target.value)}>
                {Object.entries(ENDS).map(([k, [text]]) => (
                  <option key={k} value={k}>
                    {text}
                  </option>
                ))}
              </Select>
            </Field>
            <Field label="Guests at once" error={fields.most}>
              <Select value={most} onChange={(e) => setMost(e.target.value)}>
                <option value="1">1</option>
                <option value="3">3</option>
                <option value="10">10</option>
                <option value="0">no limit</option>
              </Select>
            </Field>
          </FieldRow>
          {error !== null && !fields.label && !fields.expires_at && !fields.most && <Notice>{errorText(error)}</Notice>}
          <DialogActions>
            <Button onClick={onClose}>Cancel</Button>
            <Button type="submit" kind="primary" busy={busy}>
              Make the link
            </Button>
          </DialogActions>
        </Form>
      )}
    </Dialog>
  )
}
