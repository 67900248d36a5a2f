import { useQuery } from '@tanstack/react-query'
import { ShieldCheck, ShieldX } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { api, type Decision, type Project } from '@/api'
import { cx } from '@/lib/cx'
import { useOffice } from '@/realtime'
import { Button, Empty, ErrorState, Field, FieldRow, Input, Loading, Select } from '@/ui'
import { OFFICE_TYPES, WHY_TYPES, whyQuery } from './model'
import { Head, useItems } from './parts'
import { Documents } from './ProjectParts'
import s from './admin.module.css'

/** Who may do what, and the rule that says so: in the office as a whole, or in a project. */
export default function AccessRules() {
  const { items, state } = useItems<Project>(['projects'], '/projects')
  const [scope, setScope] = useState('')
  const project = items.find((p) => p.name === scope)
  const path = project ? `/projects/${project.name}` : ''
  return (
    <>
      <Head title="Who may do what">Asks the same rules that decide for real. A denial names who could grant it.</Head>
      {state ?? (
        <>
          <Field label="Where">
            <Select value={project?.name ?? ''} onChange={(e) => setScope(e.target.value)}>
              <option value="">The office: rooms, incidents, people, keys</option>
              {items.map((p) => (
                <option key={p.id} value={p.name}>
                  Project {p.title || p.name}: jobs, nodes, commands
                </option>
              ))}
            </Select>
          </Field>
          <Why key={path} path={path} types={project ? WHY_TYPES : OFFICE_TYPES} />
          <Head title={project ? `Policies of ${project.title || project.name}` : 'Policies of the office'} />
          <Documents key={`docs ${path}`} path={`${path}/policies`} editable empty={<Empty title="No policies yet">Without one, nobody but administrators may do anything here.</Empty>} />
        </>
      )}
    </>
  )
}

function Why({ path, types }: { path: string; types: typeof WHY_TYPES }) {
  const users = useOffice((x) => x.users)
  const people = Object.values(users).filter((u) => u.kind === 'person').sort((a, b) => a.display.localeCompare(b.display))
  const [form, setForm] = useState({ user: people[0]?.name ?? '', type: types[0]!.id, action: types[0]!.actions[0]!, name: '', group: '', env: '' })
  const [asked, setAsked] = useState<typeof form | null>(null)
  const type = types.find((t) => t.id === form.type) ?? types[0]!
  const { data, error, isFetching, refetch } = useQuery({ queryKey: ['why', path, asked], queryFn: () => api.get<Decision>(`${path}/why`, whyQuery(asked!)), enabled: !!asked, retry: false })
  const set = (patch: Partial<typeof form>) => setForm({ ...form, ...patch })
  const ask = (e: FormEvent) => {
    e.preventDefault()
    setAsked({ ...form })
    if (asked && JSON.stringify(asked) === JSON.stringify(form)) void refetch()
  }
  const who = people.find((u) => u.name === asked?.user)?.display ?? asked?.user
  return (
    <form className={s.stack} onSubmit={ask}>
      <FieldRow>
        <Field label="May">
          <Select value={form.user} onChange={(e) => set({ user: e.target.value })}>
            {people.map((u) => (
              <option key={u.id} value={u.name}>
                {u.display} ({u.roles.join(', ') || 'no role'})
              </option>
            ))}
          </Select>
        </Field>
        <Field label="do">
          <Select value={form.action} onChange={(e) => set({ action: e.target.value })}>
            {type.actions.map((a) => (
              <option key={a}>{a}</option>
            ))}
          </Select>
        </Field>
        <Field label="to a">
          <Select value={form.type} onChange={(e) => set({ type: e.target.value, action: types.find((t) => t.id === e.target.value)?.actions.find((a) => a === form.action) ?? types.find((t) => t.id === e.target.value)?.actions[0] ?? 'read' })}>
            {types.map((t) => (
              <option key={t.id} value={t.id}>
                {t.label}
              </option>
            ))}
          </Select>
        </Field>
      </FieldRow>
      {(form.type === 'job' || form.type === 'node' || form.type === 'approval') && (
        <FieldRow>
          <Field label={form.type === 'node' ? 'Node name' : 'Job name'}>
            <Input value={form.name} placeholder={form.type === 'node' ? 'web-1' : 'restart-service'} onChange={(e) => set({ name: e.target.value })} />
          </Field>
          {form.type === 'job' && (
            <Field label="Group">
              <Input value={form.group} placeholder="payments" onChange={(e) => set({ group: e.target.value })} />
            </Field>
          )}
          <Field label="Environment">
            <Input value={form.env} placeholder="prod" onChange={(e) => set({ env: e.target.value })} />
          </Field>
        </FieldRow>
      )}
      <div className={s.actions}>
        <Button type="submit" kind="primary" busy={isFetching}>
          Ask
        </Button>
      </div>
      {asked && (
        <div aria-live="polite">
          {isFetching && !data ? (
            <Loading lines={2} />
          ) : error ? (
            <ErrorState error={error} compact />
          ) : (
            data && (
              <div className={cx(s.answer, data.allowed ? s.yes : s.no)}>
                <h3>
                  {data.allowed ? <ShieldCheck size={16} className="c-green" aria-hidden="true" /> : <ShieldX size={16} className="c-red" aria-hidden="true" />}
                  {data.allowed ? `Yes, ${who} may` : `No, ${who} may not`}
                </h3>
                <p>{data.text}</p>
                {data.rule && (
                  <p className="c-2">
                    Rule: <b>{data.rule.description || data.rule.policy}</b>, {data.rule.policy} line {data.rule.line}
                  </p>
                )}
                {!data.allowed && data.who_could_grant.length > 0 && <p className="c-2">Could grant it: {data.who_could_grant.join(', ')}</p>}
              </div>
            )
          )}
        </div>
      )}
    </form>
  )
}
