import { useNavigate, useSearch } from '@tanstack/react-router'
import { useState, type FormEvent } from 'react'
import { api, ApiError, errorText, signedIn, type Me, type Rotation } from '@/api'
import { Button, Checkbox, Field, Form, Input, Notice, toastError } from '@/ui'
import { AuthFrame } from '@/ui/AuthFrame'
import { Password } from './Password'
import { firstRotation, passwordHint } from './model'

export default function SetupView() {
  const search = useSearch({ strict: false }) as { token?: string }
  const navigate = useNavigate()
  const [form, setForm] = useState({ token: search.token ?? '', office_name: '', display: '', name: '', password: '' })
  const [catchAll, setCatchAll] = useState(true)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const fields = error instanceof ApiError ? error.fields : {}
  const set = (k: keyof typeof form) => (e: { target: { value: string } }) => setForm({ ...form, [k]: e.target.value })
  const submit = async (e: FormEvent) => {
    e.preventDefault()
    setBusy(true)
    setError(null)
    try {
      const me = await api.post<Me>('/setup', { ...form, name: form.name.trim(), display: form.display.trim(), office_name: form.office_name.trim() || undefined })
      signedIn(me)
      // The office is there by now: what went wrong here is said, and stands in the set-up list.
      if (catchAll) await api.post<Rotation>('/rotations', firstRotation(me.user.id)).catch((x: unknown) => toastError('You are not on the catch-all rotation', x))
      await navigate({ to: '/', replace: true })
    } catch (x) {
      setError(x)
      setBusy(false)
    }
  }
  const unknown = error !== null && !Object.keys(fields).some((k) => k in form)
  return (
    <AuthFrame title="Set up this office" lead="You become its first administrator. Everyone else is invited from inside.">
      <Form onSubmit={(e) => void submit(e)}>
        {!search.token && (
          <Field label="Set-up code" required hint="From the link the server printed when it started." error={fields.token}>
            <Input mono value={form.token} onChange={set('token')} />
          </Field>
        )}
        <Field label="Name of the office" hint="Shown at the top, such as your bank's name." error={fields.office_name}>
          <Input value={form.office_name} onChange={set('office_name')} maxLength={60} autoFocus />
        </Field>
        <Field label="Your full name" required error={fields.display}>
          <Input autoComplete="name" value={form.display} onChange={set('display')} />
        </Field>
        <Field label="Sign-in name" required hint="Small letters, as in @amara." error={fields.name}>
          <Input autoComplete="username" autoCapitalize="off" spellCheck={false} value={form.name} onChange={set('name')} />
        </Field>
        <Field label="Password" required hint={passwordHint(form.password)} error={fields.password}>
          <Password autoComplete="new-password" value={form.password} onChange={set('password')} />
        </Field>
        <Checkbox
          label="Page me where nobody else is on call"
          hint="Makes the catch-all rotation, with you in it: alerts that nobody has a rotation for are paged there. Admin, Services and on call changes it."
          checked={catchAll}
          onChange={(e) => setCatchAll(e.target.checked)}
        />
        {unknown && <Notice>{errorText(error)}</Notice>}
        <Button type="submit" kind="primary" size="l" busy={busy} disabled={!form.name || !form.display || !form.password}>
          Create the office
        </Button>
      </Form>
    </AuthFrame>
  )
}
