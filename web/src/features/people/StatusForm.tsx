import { useState } from 'react'
import { errorText, useMyId, type Availability } from '@/api'
import { setAvailability, usePresence } from '@/realtime'
import { Button, Dialog, DialogActions, Field, FieldRow, Form, Input, Notice, Select } from '@/ui'
import { untilOf, type Until } from './model'
import s from './people.module.css'

/** My availability, what I am doing, and until when. */
export default function StatusForm({ onClose }: { onClose: () => void }) {
  const presence = usePresence(useMyId())
  const [state, setState] = useState<Availability>(presence?.said ?? 'available')
  const [text, setText] = useState(presence?.status_text ?? '')
  const [until, setUntil] = useState<Until>('open')
  const [error, setError] = useState('')
  const [busy, setBusy] = useState(false)
  return (
    <Dialog open onOpenChange={onClose} title="What you are doing" description="Shown beside your name and on the floor map." width={440}>
      <Form
        onSubmit={(e) => {
          e.preventDefault()
          setBusy(true)
          setAvailability(state, text.trim(), untilOf(until, Date.now())).then(onClose, (x) => {
            setError(errorText(x))
            setBusy(false)
          })
        }}
      >
        <Field label="In a few words">
          <Input autoFocus value={text} maxLength={100} placeholder="Key ceremony in room 4" onChange={(e) => setText(e.target.value)} />
        </Field>
        <FieldRow>
          <Field label="I am">
            <Select value={state} onChange={(e) => setState(e.target.value as Availability)}>
              <option value="available">Available</option>
              <option value="busy">Busy</option>
              <option value="away">Away</option>
              <option value="dnd">Do not disturb</option>
            </Select>
          </Field>
          <Field label="Until">
            <Select value={until} onChange={(e) => setUntil(e.target.value as Until)}>
              <option value="open">I change it</option>
              <option value="30m">in 30 minutes</option>
              <option value="1h">in an hour</option>
              <option value="4h">in 4 hours</option>
              <option value="day">the end of the day</option>
            </Select>
          </Field>
        </FieldRow>
        {state === 'dnd' && <p className={s.hint}>Requests to come and knocks arrive without a sound or a pop-up. Pages still reach you, and so does whoever commands an incident.</p>}
        {error && <Notice>{error}</Notice>}
        <DialogActions>
          {presence?.status_text && <Button onClick={() => setText('')}>Clear</Button>}
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="primary" busy={busy}>
            Save
          </Button>
        </DialogActions>
      </Form>
    </Dialog>
  )
}
