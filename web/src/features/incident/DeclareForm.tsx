import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { Siren } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { ApiError, api, errorText, type Incident, type Items, type Service } from '@/api'
import { environmentWord } from '@/lib/environment'
import { enterRoom, useGroupNames } from '@/realtime'
import { Button, Checkbox, Dialog, DialogActions, Field, FieldRow, Form, GroupInput, Input, Notice, Select, SeverityChip, Textarea, toast, WhyDenied } from '@/ui'
import { canGather, declaration, SEVERITIES, titleProblem } from './model'
import s from './incident.module.css'

/** Declares an incident: the title becomes the name of its room. */
export default function DeclareForm({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title="Declare an incident" description="Opens its room, starts its clock and pages who is on call." width={560}>
      {open && <Fields onClose={() => onOpenChange(false)} />}
    </Dialog>
  )
}

function Fields({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate()
  const queries = useQueryClient()
  const services = useQuery({ queryKey: ['services'], queryFn: () => api.get<Items<Service>>('/services') })
  const [title, setTitle] = useState('')
  const [severity, setSeverity] = useState(2)
  const [service, setService] = useState('')
  const [environment, setEnvironment] = useState('')
  const [summary, setSummary] = useState('')
  const [mode, setMode] = useState<Incident['mode']>('real')
  const [restricted, setRestricted] = useState(false)
  const [groups, setGroups] = useState<string[]>([])
  const [gathers, setGathers] = useState(false)
  const known = useGroupNames()
  const [tried, setTried] = useState(false)
  const [busy, setBusy] = useState(false)
  const [failed, setFailed] = useState<unknown>(null)
  const fields = failed instanceof ApiError ? failed.fields : {}
  const envs = services.data?.items.find((x) => x.name === service)?.environments ?? ['dev', 'qa', 'prod']
  const submit = async (e: FormEvent) => {
    e.preventDefault()
    setTried(true)
    setFailed(null)
    if (titleProblem(title)) return
    setBusy(true)
    try {
      const i = await api.post<Incident>('/incidents', declaration({ title, severity, service, environment, summary, mode, restricted, groups, gathers }))
      void queries.invalidateQueries({ queryKey: ['incidents'] })
      toast(`${i.ticket} is declared`)
      onClose()
      if (i.room?.id) {
        void enterRoom(i.room.id).catch(() => {})
        void navigate({ to: '/rooms/$id', params: { id: i.room.id } })
      } else void navigate({ to: '/incidents/$id', params: { id: i.ticket } })
    } catch (x) {
      setFailed(x)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Form onSubmit={(e) => void submit(e)}>
      <Field label="What is wrong" required hint="In a few words, as it will be read on the map and on the pager" error={(tried && titleProblem(title)) || fields['title']}>
        <Input value={title} maxLength={200} placeholder="pacs.008 outbound to T2 is backing up" onChange={(e) => setTitle(e.target.value)} autoFocus />
      </Field>
      <fieldset>
        <legend className={s.legend}>Severity</legend>
        <div className={s.sevs}>
          {SEVERITIES.map((v) => (
            <label key={v.value} className={s.sev}>
              <input type="radio" name="severity" value={v.value} checked={severity === v.value} onChange={() => setSeverity(v.value)} />
              <SeverityChip severity={v.value} />
              <span>{v.hint}</span>
            </label>
          ))}
        </div>
      </fieldset>
      <FieldRow>
        <Field label="Service" hint={mode === 'test' ? 'A test pages nobody' : service ? 'Pages who is on call for it' : restricted ? 'Without one, nobody is paged' : 'Without one, the catch-all rotation is paged'} error={fields['service']}>
          <Select
            value={service}
            onChange={(e) => {
              setService(e.target.value)
              const next = services.data?.items.find((x) => x.name === e.target.value)
              if (next && environment && !next.environments.includes(environment)) setEnvironment('')
            }}
          >
            <option value="">Not known yet</option>
            {(services.data?.items ?? []).map((x) => (
              <option key={x.id} value={x.name}>
                {x.title ? `${x.name}, ${x.title}` : x.name}
              </option>
            ))}
          </Select>
        </Field>
        <Field label="Environment" error={fields['environment']}>
          <Select value={environment} onChange={(e) => setEnvironment(e.target.value)}>
            <option value="">Not known yet</option>
            {envs.map((x) => (
              <option key={x} value={x}>
                {environmentWord(x)}
              </option>
            ))}
          </Select>
        </Field>
      </FieldRow>
      <Field label="Summary" hint="What is affected and since when, as far as known" error={fields['summary']}>
        <Textarea rows={3} value={summary} onChange={(e) => setSummary(e.target.value)} />
      </Field>
      <Field label="Is it real?" error={fields['mode']}>
        <Select value={mode} onChange={(e) => setMode(e.target.value as Incident['mode'])}>
          <option value="real">Real</option>
          <option value="drill">A drill: pages, and says DRILL everywhere</option>
          <option value="test">A test: pages nobody</option>
        </Select>
      </Field>
      {canGather({ service, mode, restricted }) && (
        <Checkbox
          label="Alerts of this service join this incident"
          hint={`Those of ${service}${environment ? ` in ${environment}` : ''} that fire while it is open. Otherwise they have an incident of their own.`}
          checked={gathers}
          onChange={(e) => setGathers(e.target.checked)}
        />
      )}
      {fields['gathers'] && <Notice tone="amber">{fields['gathers']}</Notice>}
      <Checkbox label="Restricted" hint="Only its members know of it: no list, map or count shows it to others" checked={restricted} onChange={(e) => setRestricted(e.target.checked)} />
      {restricted && (
        <Field label="Groups that may know of it" hint="Roles or groups as they are written; you are a member yourself" error={Object.entries(fields).find(([k]) => k.startsWith('groups'))?.[1]}>
          <GroupInput value={groups} onChange={setGroups} known={known} />
        </Field>
      )}
      {failed !== null && Object.keys(fields).length === 0 && <Notice title={failed instanceof ApiError && failed.status === 403 ? 'You may not declare incidents' : 'The incident was not declared'}>{errorText(failed)}{failed instanceof ApiError && failed.status === 403 && <><br /><WhyDenied /></>}</Notice>}
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind={severity === 1 ? 'stop' : 'primary'} busy={busy} icon={<Siren size={13} />}>
          Declare SEV-{severity}
        </Button>
      </DialogActions>
    </Form>
  )
}
