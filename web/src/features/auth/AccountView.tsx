import { useQuery, useQueryClient } from '@tanstack/react-query'
import { KeyRound, Monitor } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { api, ApiError, errorText, loadSession, useMe, type Items, type Session, type Token } from '@/api'
import { Box, Button, Checkbox, Chip, ConfirmButton, CopyButton, DataTable, Empty, ErrorState, Field, Form, Input, Loading, Notice, Page, Select, SingleKeys, Time, toast } from '@/ui'
import { deviceOf, passwordHint } from './model'
import { skillsOf } from '@/lib/skills'
import { Password } from './Password'
import { Reach } from './Reach'
import s from './auth.module.css'

export default function AccountView() {
  const me = useMe()
  return (
    <Page title="Your account" subtitle={`${me.user.display}, @${me.user.name}`}>
      <Box title="About you">
        <About />
      </Box>
      <Box title="How you are reached">
        <Reach />
      </Box>
      <Box title="Keyboard">
        <SingleKeys />
      </Box>
      <Box title="Password">
        <ChangePassword />
      </Box>
      <Box title="Where you are signed in">
        <Sessions />
      </Box>
      <Box title="Tokens for scripts and the command line">
        <Tokens />
      </Box>
    </Page>
  )
}

/** What others find me by. None of it gives a right. */
function About() {
  const me = useMe().user
  const [title, setTitle] = useState(me.title)
  const [team, setTeam] = useState(me.team)
  const [skills, setSkills] = useState(me.skills.join(', '))
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const fields = error instanceof ApiError ? error.fields : {}
  const submit = async (e: FormEvent) => {
    e.preventDefault()
    setBusy(true)
    setError(null)
    try {
      await api.patch('/me/profile', { title, team, skills: skillsOf(skills) })
      await loadSession()
      toast('Others see this now')
    } catch (x) {
      setError(x)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Form className={s.narrow} onSubmit={(e) => void submit(e)}>
      <Field label="What you do" error={fields.title}>
        <Input value={title} maxLength={80} onChange={(e) => setTitle(e.target.value)} />
      </Field>
      <Field label="Team" error={fields.team}>
        <Input value={team} maxLength={80} onChange={(e) => setTeam(e.target.value)} />
      </Field>
      <Field label="Skills" hint="Separated by commas. Others find you by them." error={fields.skills}>
        <Input value={skills} maxLength={800} placeholder="Oracle DBA, Kafka, T2" onChange={(e) => setSkills(e.target.value)} />
      </Field>
      {error !== null && !fields.title && !fields.team && !fields.skills && <Notice>{errorText(error)}</Notice>}
      <div>
        <Button type="submit" kind="primary" busy={busy}>
          Save
        </Button>
      </div>
    </Form>
  )
}

function ChangePassword() {
  const [current, setCurrent] = useState('')
  const [next, setNext] = useState('')
  const [keep, setKeep] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const fields = error instanceof ApiError ? error.fields : {}
  const submit = async (e: FormEvent) => {
    e.preventDefault()
    setBusy(true)
    setError(null)
    try {
      await api.post('/me/password', { current, new: next, keep_tokens: keep })
      setCurrent('')
      setNext('')
      toast('Your password is changed')
    } catch (x) {
      setError(x)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Form className={s.narrow} onSubmit={(e) => void submit(e)}>
      <Field label="Current password" error={fields.current}>
        <Password autoComplete="current-password" value={current} onChange={(e) => setCurrent(e.target.value)} />
      </Field>
      <Field label="New password" hint={passwordHint(next)} error={fields.new}>
        <Password autoComplete="new-password" value={next} onChange={(e) => setNext(e.target.value)} />
      </Field>
      <Checkbox label="Keep my tokens" hint="Without this they end, like every other sign-in. Keep them only if nobody else knew the old password." checked={keep} onChange={(e) => setKeep(e.target.checked)} />
      {error !== null && !fields.current && !fields.new && <Notice>{errorText(error)}</Notice>}
      <div>
        <Button type="submit" kind="primary" busy={busy} disabled={!current || !next}>
          Change the password
        </Button>
      </div>
    </Form>
  )
}

function Sessions() {
  const q = useQuery({ queryKey: ['sessions'], queryFn: () => api.get<Items<Session>>('/sessions') })
  const client = useQueryClient()
  if (q.isPending) return <Loading lines={3} />
  if (q.error) return <ErrorState compact error={q.error} onRetry={() => void q.refetch()} />
  return (
    <DataTable
      label="Sign-ins"
      rows={q.data.items}
      rowKey={(r) => r.id}
      empty={<Empty icon={<Monitor size={18} />} title="No sign-in is listed" />}
      columns={[
        { key: 'agent', head: 'Device', fill: true, cell: (r) => <><span title={r.user_agent}>{deviceOf(r.user_agent)}</span> {r.current && <Chip tone="teal">this one</Chip>}</> },
        { key: 'address', head: 'From', wide: true, cell: (r) => <span className="mono">{r.address}</span> },
        { key: 'seen', head: 'Last seen', cell: (r) => <Time at={r.last_used_at ?? r.created_at} mode="ago" /> },
        {
          key: 'act',
          head: <span className="sr">Actions</span>,
          cell: (r) =>
            r.current ? null : (
              <ConfirmButton
                size="s"
                kind="danger"
                title="End this sign-in?"
                description="That device has to sign in again."
                confirm="End it"
                onConfirm={async () => {
                  await api.del(`/sessions/${r.id}`)
                  await client.invalidateQueries({ queryKey: ['sessions'] })
                }}
              >
                End
              </ConfirmButton>
            ),
        },
      ]}
    />
  )
}

function Tokens() {
  const q = useQuery({ queryKey: ['tokens'], queryFn: () => api.get<Items<Token>>('/tokens') })
  const client = useQueryClient()
  const [name, setName] = useState('')
  const [days, setDays] = useState('90')
  const [made, setMade] = useState('')
  const [password, setPassword] = useState('')
  const [error, setError] = useState<unknown>(null)
  const wrong = error instanceof ApiError ? error.fields : {}
  const create = async (e: FormEvent) => {
    e.preventDefault()
    setError(null)
    try {
      const r = await api.post<{ token: string }>('/tokens', { name, expires_in_days: Number(days) || undefined, password: password || undefined })
      setMade(r.token)
      setName('')
      setPassword('')
      await client.invalidateQueries({ queryKey: ['tokens'] })
    } catch (x) {
      setError(x)
    }
  }
  return (
    <>
      <Form className={s.narrow} onSubmit={(e) => void create(e)}>
        <Field label="Name of a new token" hint="What uses it, such as deploy-script." error={wrong.name}>
          <Input value={name} onChange={(e) => setName(e.target.value)} />
        </Field>
        <Field label="Expires">
          <Select value={days} onChange={(e) => setDays(e.target.value)}>
            <option value="30">after 30 days</option>
            <option value="90">after 90 days</option>
            <option value="365">after a year</option>
          </Select>
        </Field>
        <Field label="Your password" hint="Asked when you signed in more than ten minutes ago: a token outlasts this page." error={wrong.password}>
          <Password autoComplete="current-password" value={password} onChange={(e) => setPassword(e.target.value)} />
        </Field>
        {error !== null && !wrong.name && !wrong.password && <Notice>{errorText(error)}</Notice>}
        {made && (
          <Notice tone="green" title="Copy it now: it is not shown again" action={<CopyButton text={made} label="Copy the token" />}>
            <code className="mono">{made}</code>
          </Notice>
        )}
        <div>
          <Button type="submit" disabled={!name.trim()}>
            Create the token
          </Button>
        </div>
      </Form>
      {q.isPending ? (
        <Loading lines={2} />
      ) : q.error ? (
        <ErrorState compact error={q.error} onRetry={() => void q.refetch()} />
      ) : (
        q.data.items.length > 0 && (
          <DataTable
            label="Tokens"
            rows={q.data.items}
            rowKey={(r) => r.id}
            columns={[
              { key: 'name', head: 'Name', fill: true, cell: (r) => <><KeyRound size={12} /> {r.name} {r.made_by && <Chip tone="amber">made by {r.made_by}</Chip>}</> },
              { key: 'used', head: 'Last used', wide: true, cell: (r) => (r.last_used_at ? <Time at={r.last_used_at} mode="ago" /> : 'never') },
              { key: 'exp', head: 'Expires', cell: (r) => (r.expires_at ? <Time at={r.expires_at} mode="date" /> : 'never') },
              {
                key: 'act',
                head: <span className="sr">Actions</span>,
                cell: (r) => (
                  <ConfirmButton
                    size="s"
                    kind="danger"
                    title={`Revoke ${r.name}?`}
                    description="What uses it stops working at once."
                    confirm="Revoke"
                    onConfirm={async () => {
                      await api.del(`/tokens/${r.id}`)
                      await client.invalidateQueries({ queryKey: ['tokens'] })
                    }}
                  >
                    Revoke
                  </ConfirmButton>
                ),
              },
            ]}
          />
        )
      )}
    </>
  )
}
