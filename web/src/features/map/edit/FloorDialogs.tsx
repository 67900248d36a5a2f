import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { api, ApiError, errorText, type Floor, type FloorLayout, type FloorPlan } from '@/api'
import { Button, Dialog, DialogActions, Field, Form, Input, Notice, PanelSection, toast } from '@/ui'
import { FileField, TemplateList } from './Dialogs'
import { Mini } from './Mini'
import * as m from './model'
import s from './edit.module.css'

export default function FloorDialog({ what, floor, onClose }: { what: 'add' | 'rename' | 'remove'; floor: Floor; onClose: () => void }) {
  if (what === 'add') return <AddFloor onClose={onClose} />
  if (what === 'rename') return <RenameFloor floor={floor} onClose={onClose} />
  return <RemoveFloor floor={floor} onClose={onClose} />
}

/** Runs what a form does, and keeps what it was told. */
function useSend(onDone: () => void) {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const send = async (fn: () => Promise<unknown>) => {
    setBusy(true)
    setError(null)
    try {
      await fn()
      onDone()
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  }
  const fields = error instanceof ApiError ? error.fields : {}
  return { busy, error, fields, send, setError }
}

function AddFloor({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate()
  const [name, setName] = useState('')
  const [start, setStart] = useState<{ id: string; layout: FloorLayout } | null>(null)
  const [file, setFile] = useState<m.Doc | null>(null)
  const { busy, error, fields, send, setError } = useSend(onClose)
  return (
    <Dialog open onOpenChange={onClose} title="Add a floor" width={720} description="Begin with a template or a file, or with nothing; the plan can be edited at any time.">
      <Form
        onSubmit={(e) => {
          e.preventDefault()
          void send(async () => {
            const layout = file ? m.toLayout(file) : (start?.layout ?? { width: 112, height: 72, rooms: [] })
            const made = await api.post<FloorPlan>('/floors', { name, layout })
            await navigate({ to: '/floors/$id/edit', params: { id: made.id } })
          })
        }}
      >
        <Field label="Name" required error={fields.name}>
          <Input autoFocus value={name} maxLength={40} onChange={(e) => setName(e.target.value)} />
        </Field>
        <PanelSection title="Begin with">
          <TemplateList
            chosen={file ? '' : (start?.id ?? 'empty')}
            onChoose={(t) => {
              setFile(null)
              setStart(t)
            }}
          />
        </PanelSection>
        <FileField
          onText={(text) => {
            try {
              const got = m.fromFile(text)
              setFile(got.doc)
              setError(null)
              if (!name) setName(got.name)
            } catch (e) {
              setFile(null)
              setError(e)
            }
          }}
        />
        {file && (
          <div className={s.preview}>
            <Mini doc={file} label="The plan of the file" />
          </div>
        )}
        {error !== null && !fields.name && <Notice>{errorText(error)}</Notice>}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="primary" busy={busy} disabled={!name.trim()}>
            Add the floor
          </Button>
        </DialogActions>
      </Form>
    </Dialog>
  )
}

function RenameFloor({ floor, onClose }: { floor: Floor; onClose: () => void }) {
  const [name, setName] = useState(floor.name)
  const { busy, error, fields, send } = useSend(onClose)
  return (
    <Dialog open onOpenChange={onClose} title="Rename the floor" width={400}>
      <Form
        onSubmit={(e) => {
          e.preventDefault()
          void send(() => api.patch(`/floors/${floor.id}`, { name }))
        }}
      >
        <Field label="Name" required error={fields.name}>
          <Input autoFocus value={name} maxLength={40} onChange={(e) => setName(e.target.value)} />
        </Field>
        {error !== null && !fields.name && <Notice>{errorText(error)}</Notice>}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="primary" busy={busy} disabled={!name.trim()}>
            Rename
          </Button>
        </DialogActions>
      </Form>
    </Dialog>
  )
}

function RemoveFloor({ floor, onClose }: { floor: Floor; onClose: () => void }) {
  const { busy, error, send } = useSend(() => {
    onClose()
    toast(`${floor.name} is removed`)
  })
  return (
    <Dialog open onOpenChange={onClose} title={`Remove ${floor.name}?`} width={420} description="Only a floor without rooms can be removed. Its archived rooms go to the first floor that is left.">
      {error !== null && <Notice title="The floor stays.">{errorText(error)}</Notice>}
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="stop" busy={busy} onClick={() => void send(() => api.del(`/floors/${floor.id}`))}>
          Remove the floor
        </Button>
      </DialogActions>
    </Dialog>
  )
}
