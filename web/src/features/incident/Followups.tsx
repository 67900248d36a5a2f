// What is left to do and to find out after an incident, and its postmortem's draft.
import { Download, FileText, Plus, UserPlus, X } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { apiUrl, errorText, type Followup, type Incident } from '@/api'
import { cx } from '@/lib/cx'
import { UserAvatar, UserName } from '@/realtime'
import { Box, Button, Chip, Dialog, DialogActions, ErrorState, Field, Form, IconButton, Input, Loading, Menu, MenuItem, Notice, Textarea, toastError } from '@/ui'
import { useFollowups, type Acts } from './live'
import { dueWord } from './model'
import { PickPerson } from './parts'
import s from './incident.module.css'

/** The draft of the postmortem, as a file. */
export function PostmortemMenu({ i }: { i: Incident }) {
  const fetchFile = (ext: string) => {
    const link = document.createElement('a')
    link.href = apiUrl(`/incidents/${i.id}/postmortem.${ext}`)
    link.download = `${i.ticket}-postmortem.${ext}`
    link.click()
  }
  return (
    <Menu align="end" trigger={<Button icon={<FileText size={13} />}>Postmortem</Button>}>
      <MenuItem icon={<Download size={13} />} detail="for reading and sending" onSelect={() => fetchFile('pdf')}>
        Draft as PDF
      </MenuItem>
      <MenuItem icon={<Download size={13} />} detail="for your wiki" onSelect={() => fetchFile('md')}>
        Draft as Markdown
      </MenuItem>
    </Menu>
  )
}

type Editing = { kind: Followup['kind'] } | Followup

export function Followups({ i, acts }: { i: Incident; acts: Acts }) {
  const { data, error, isPending, refetch } = useFollowups(i.id)
  const [edit, setEdit] = useState<Editing | null>(null)
  const may = !!i.abilities?.update
  const items = data?.items ?? []
  const toggle = (f: Followup) => {
    if (f.kind === 'question' && f.state === 'open') return setEdit(f)
    void acts.changeFollowup(f.id, { state: f.state === 'open' ? 'done' : 'open' }).catch((e) => toastError('The list did not change', e))
  }
  return (
    <Box
      title="Actions and questions"
      actions={
        may && (
          <>
            <Button size="s" icon={<Plus size={12} />} onClick={() => setEdit({ kind: 'action' })}>
              Action
            </Button>
            <Button size="s" icon={<Plus size={12} />} onClick={() => setEdit({ kind: 'question' })}>
              Question
            </Button>
          </>
        )
      }
    >
      <div className={s.pad}>
        {isPending && <Loading label="Loading actions and questions" lines={2} />}
        {error && !data && <ErrorState error={error} onRetry={() => void refetch()} compact />}
        {data && items.length === 0 && <p className={s.none}>Nothing yet. What would have made this shorter, or kept it from happening? In the room: /action and /question.</p>}
        <ul className={s.followups}>
          {items.map((f) => (
            <li key={f.id} className={cx(f.state !== 'open' && s.followupDone)}>
              <input type="checkbox" checked={f.state !== 'open'} disabled={!may} onChange={() => toggle(f)} aria-label={f.state === 'open' ? `Finish: ${f.text}` : `Open again: ${f.text}`} />
              <button type="button" className={s.followup} disabled={!may} onClick={() => setEdit(f)} aria-label={`Edit: ${f.text}`}>
                <span>{f.text}</span>
                {f.answer && <em>{f.answer}</em>}
                <small>
                  {f.kind === 'question' ? 'Question' : 'Action'}
                  {f.owner ? <> · <UserName id={f.owner} you /></> : f.kind === 'action' && f.state === 'open' && ' · nobody yet'}
                  {f.due && <> · <DueText f={f} /></>}
                  {f.state === 'dropped' && ' · dropped'}
                </small>
              </button>
              {f.owner && <UserAvatar id={f.owner} size={20} />}
            </li>
          ))}
        </ul>
      </div>
      {edit && <Edit i={i} it={edit} acts={acts} onClose={() => setEdit(null)} />}
    </Box>
  )
}
const DueText = ({ f }: { f: Followup }) => {
  const due = dueWord(f.due, new Date())
  return due.late && f.state === 'open' ? <Chip tone="red">{due.text}</Chip> : <>{due.text}</>
}

function Edit({ i, it, acts, onClose }: { i: Incident; it: Editing; acts: Acts; onClose: () => void }) {
  const old = 'id' in it ? it : null
  const [text, setText] = useState(old?.text ?? '')
  const [owner, setOwner] = useState(old?.owner ?? '')
  const [due, setDue] = useState(old?.due ?? '')
  const [answer, setAnswer] = useState(old?.answer ?? '')
  const [error, setError] = useState('')
  const [busy, setBusy] = useState(false)
  const send = async (state?: Followup['state']) => {
    setBusy(true)
    try {
      if (old) await acts.changeFollowup(old.id, { text: text.trim(), owner, due, answer: answer.trim(), ...(state ? { state } : {}) })
      else await acts.addFollowup({ kind: it.kind, text: text.trim(), owner: owner || undefined, due: due || undefined })
      onClose()
    } catch (x) {
      setError(errorText(x))
    } finally {
      setBusy(false)
    }
  }
  const what = it.kind === 'action' ? 'action' : 'question'
  return (
    <Dialog open onOpenChange={(o) => !o && onClose()} title={old ? `Edit the ${what}` : it.kind === 'action' ? 'Add an action' : 'Add an open question'} width={480}>
      <Form
        onSubmit={(e: FormEvent) => {
          e.preventDefault()
          if (text.trim()) void send()
        }}
      >
        <Field label={it.kind === 'action' ? 'What has to be done' : 'What has to be found out'} required>
          <Textarea rows={2} value={text} onChange={(e) => setText(e.target.value)} autoFocus={!old} maxLength={1000} />
        </Field>
        <Field label="By when" hint="Optional">
          <Input type="date" value={due} onChange={(e) => setDue(e.target.value)} />
        </Field>
        <div className={s.ownerRow}>
          <span>{owner ? <UserName id={owner} you /> : 'Nobody has it yet.'}</span>
          <PickPerson
            label="Who has it"
            first={i.room.id}
            onPick={(u) => setOwner(u.id)}
            trigger={
              <Button size="s" icon={<UserPlus size={12} />}>
                {owner ? 'Give it to somebody else' : 'Give it to somebody'}
              </Button>
            }
          />
          {owner && (
            <IconButton size="s" label="Nobody has it" onClick={() => setOwner('')}>
              <X size={13} />
            </IconButton>
          )}
        </div>
        {old && (
          <Field label={it.kind === 'question' ? 'The answer' : 'What came of it'} hint="It stands in the postmortem.">
            <Textarea rows={2} value={answer} onChange={(e) => setAnswer(e.target.value)} autoFocus maxLength={2000} />
          </Field>
        )}
        {error && <Notice>{error}</Notice>}
        <DialogActions>
          {old?.state === 'open' && (
            <Button onClick={() => void send('dropped')} disabled={busy}>
              Drop
            </Button>
          )}
          {old && old.state !== 'open' && (
            <Button onClick={() => void send('open')} disabled={busy}>
              Open again
            </Button>
          )}
          <Button onClick={onClose}>Cancel</Button>
          {old?.state === 'open' && (
            <Button onClick={() => void send('done')} disabled={busy}>
              {it.kind === 'question' ? 'Answered' : 'Done'}
            </Button>
          )}
          <Button type="submit" kind="primary" busy={busy} disabled={!text.trim()}>
            {old ? 'Save' : 'Add'}
          </Button>
        </DialogActions>
      </Form>
    </Dialog>
  )
}
