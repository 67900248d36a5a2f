import { useQuery } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { api, errorText, type FloorLayout, type FloorPlan, type FloorTemplate, type Items } from '@/api'
import { nameOf, useOffice } from '@/realtime'
import { Button, Dialog, DialogActions, ErrorState, Field, Form, Loading, Notice, Textarea, Time } from '@/ui'
import { Mini, MiniLayout } from './Mini'
import * as m from './model'
import s from './edit.module.css'

export const useTemplates = () => useQuery({ queryKey: ['floor-templates'], queryFn: () => api.get<Items<FloorTemplate>>('/floor-templates'), staleTime: Infinity })

/** Floors to begin with. */
export function TemplateList({ chosen, onChoose }: { chosen?: string; onChoose: (t: FloorTemplate) => void }) {
  const q = useTemplates()
  if (q.isPending) return <Loading lines={4} />
  if (!q.data) return <ErrorState compact error={q.error} onRetry={() => void q.refetch()} />
  return (
    <ul className={s.templates}>
      {q.data.items.map((t) => (
        <li key={t.id}>
          <button type="button" aria-pressed={chosen === undefined ? undefined : chosen === t.id} onClick={() => onChoose(t)}>
            <MiniLayout layout={t.layout} />
            <b>{t.name}</b>
            <small>{t.description}</small>
          </button>
        </li>
      ))}
    </ul>
  )
}

export function TemplateDialog({ filled, onUse, onClose }: { filled: boolean; onUse: (name: string, layout: FloorLayout) => void; onClose: () => void }) {
  return (
    <Dialog open onOpenChange={onClose} title="Begin with a template" width={720} description={filled ? 'It takes the place of what is on the plan. Rooms that stand there now stay on the floor and can be placed again; undo brings all back.' : 'Rooms are made when you save.'}>
      <TemplateList onChoose={(t) => onUse(t.name, t.layout)} />
    </Dialog>
  )
}

export function ArrangeDialog({ onUse, onClose }: { onUse: (layout: FloorLayout) => void; onClose: () => void }) {
  const users = useOffice((x) => x.users)
  const [text, setText] = useState(() => m.teamsOf(Object.values(users)))
  const [error, setError] = useState('')
  const [busy, setBusy] = useState(false)
  const arrange = async () => {
    setError('')
    setBusy(true)
    try {
      onUse(await api.post<FloorLayout>('/floors/arrange', { teams: m.parseTeams(text) }))
    } catch (e) {
      setError(errorText(e))
    } finally {
      setBusy(false)
    }
  }
  return (
    <Dialog open onOpenChange={onClose} title="Arrange a floor by itself" description="Each team gets a room with a seat for each of its people, in the order of the list, with places for two war rooms above them.">
      <Form
        onSubmit={(e) => {
          e.preventDefault()
          void arrange()
        }}
      >
        <Field label="Teams" hint="One in each line: a name and how many people, such as “Payments 8”. A room that has that name already is used." error={error}>
          <Textarea rows={9} mono value={text} onChange={(e) => setText(e.target.value)} />
        </Field>
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="primary" busy={busy}>
            Arrange
          </Button>
        </DialogActions>
      </Form>
    </Dialog>
  )
}

/** A file chooser that looks like a field. Gives the text of the file. */
export function FileField({ onText }: { onText: (text: string, name: string) => void }) {
  const input = useRef<HTMLInputElement>(null)
  const [name, setName] = useState('')
  return (
    <Field label="File" hint="One that was exported from a floor, here or from another Muster.">
      <input
        ref={input}
        type="file"
        accept="application/json,.json"
        className={s.file}
        aria-label="File"
        onChange={(e) => {
          const file = e.target.files?.[0]
          if (!file) return
          setName(file.name)
          void file.slice(0, 600_000).text().then((text) => onText(text, file.name))
        }}
      />
      {name && <span className="sr">{name}</span>}
    </Field>
  )
}

export function ImportDialog({ onUse, onClose }: { onUse: (doc: m.Doc, name: string) => void; onClose: () => void }) {
  const [error, setError] = useState('')
  const [read, setRead] = useState<{ name: string; doc: m.Doc } | null>(null)
  return (
    <Dialog open onOpenChange={onClose} title="Import a plan" description="It takes the place of what is on the plan; undo brings that back. Rooms of this floor are known by their names, others are made when you save.">
      <Form
        onSubmit={(e) => {
          e.preventDefault()
          if (read) onUse(read.doc, read.name)
        }}
      >
        <FileField
          onText={(text) => {
            try {
              setRead(m.fromFile(text))
              setError('')
            } catch (e) {
              setRead(null)
              setError(errorText(e))
            }
          }}
        />
        {error && <Notice title="This plan cannot be used.">{error}</Notice>}
        {read && (
          <div className={s.preview}>
            <Mini doc={read.doc} label={`The plan of ${read.name || 'the file'}`} />
            <p className={s.hint}>
              {read.doc.items.filter((i) => i.type === 'room').length} rooms, {read.doc.width} × {read.doc.height}
            </p>
          </div>
        )}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="primary" disabled={!read}>
            Use this plan
          </Button>
        </DialogActions>
      </Form>
    </Dialog>
  )
}

/** Somebody else saved first: both plans, and whose shall hold. */
export function ConflictDialog({ theirs, mine, busy, onMine, onTheirs, onClose }: { theirs: FloorPlan; mine: m.Doc; busy: boolean; onMine: () => void; onTheirs: () => void; onClose: () => void }) {
  return (
    <Dialog open onOpenChange={onClose} title={`${nameOf(theirs.changed_by)} changed this floor`} width={640} description={<>It was saved {theirs.changed_at && <Time at={theirs.changed_at} mode="ago" />} while you were editing it. Nothing of yours is lost: choose which plan shall hold.</>}>
      <div className={s.both}>
        <figure>
          <Mini doc={m.fromPlan(theirs)} label={`The plan ${nameOf(theirs.changed_by)} saved`} />
          <figcaption>{nameOf(theirs.changed_by)}’s, version {theirs.version}</figcaption>
        </figure>
        <figure>
          <Mini doc={mine} label="Your plan" />
          <figcaption>Yours, not saved</figcaption>
        </figure>
      </div>
      <DialogActions>
        <Button onClick={onClose}>Keep editing</Button>
        <Button onClick={onTheirs}>Take theirs</Button>
        <Button kind="primary" busy={busy} onClick={onMine}>
          Save mine over it
        </Button>
      </DialogActions>
    </Dialog>
  )
}

export function LeaveDialog({ onStay, onLeave }: { onStay: () => void; onLeave: () => void }) {
  return (
    <Dialog open onOpenChange={(o) => !o && onStay()} title="Leave without saving?" description="What you changed on this plan would be lost." width={420}>
      <DialogActions>
        <Button kind="primary" onClick={onStay}>
          Stay here
        </Button>
        <Button kind="stop" onClick={onLeave}>
          Leave
        </Button>
      </DialogActions>
    </Dialog>
  )
}
