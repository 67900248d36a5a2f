import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { api, ApiError, errorText, type Room } from '@/api'
import { Button, Checkbox, Dialog, DialogActions, Field, Form, Input, Notice, Select } from '@/ui'

export default function CreateRoom({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate()
  const [form, setForm] = useState({ name: '', topic: '', kind: 'team', private: false })
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const fields = error instanceof ApiError ? error.fields : {}
  const create = async () => {
    setBusy(true)
    setError(null)
    try {
      const room = await api.post<Room>('/rooms', form)
      onClose()
      await navigate({ to: '/rooms/$id', params: { id: room.id } })
    } catch (x) {
      setError(x)
      setBusy(false)
    }
  }
  return (
    <Dialog open onOpenChange={onClose} title="Create a room" description="It gets a place on the floor map." width={440}>
      <Form
        onSubmit={(e) => {
          e.preventDefault()
          void create()
        }}
      >
        <Field label="Name" required hint="Small letters, digits and dashes, such as payments-ops." error={fields.name}>
          <Input autoFocus value={form.name} maxLength={60} onChange={(e) => setForm({ ...form, name: e.target.value.toLowerCase().replace(/\s+/g, '-') })} />
        </Field>
        <Field label="Topic" error={fields.topic}>
          <Input value={form.topic} maxLength={250} onChange={(e) => setForm({ ...form, topic: e.target.value })} />
        </Field>
        <Field label="Kind" error={fields.kind}>
          <Select value={form.kind} onChange={(e) => setForm({ ...form, kind: e.target.value })}>
            <option value="team">Team room</option>
            <option value="meeting">Meeting room</option>
            <option value="lounge">Lounge</option>
            <option value="focus">Focus booths</option>
            <option value="office">Office</option>
            <option value="lobby">Lobby</option>
            <option value="gallery">Gallery</option>
          </Select>
        </Field>
        <Checkbox label="Private" hint="Only its members see it." checked={form.private} onChange={(e) => setForm({ ...form, private: e.target.checked })} />
        {error !== null && !Object.keys(fields).length && <Notice>{errorText(error)}</Notice>}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="primary" busy={busy} disabled={!form.name}>
            Create the room
          </Button>
        </DialogActions>
      </Form>
    </Dialog>
  )
}
