import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useEffect, useState, type FormEvent } from 'react'
import { api, ApiError, NO_COOKIE, signedIn, signedInStays, useSession, type Me } from '@/api'
import { Button, Field, Form, Input, Notice } from '@/ui'
import { AuthFrame } from '@/ui/AuthFrame'
import { DemoLogins } from './DemoLogins'
import { safeNext } from './model'
import { Password } from './Password'

export default function LoginView() {
  const search = useSearch({ strict: false }) as { next?: string }
  const navigate = useNavigate()
  const status = useSession((s) => s.status)
  const setup = useQuery({ queryKey: ['setup'], queryFn: () => api.get<{ needed: boolean }>('/setup'), retry: false })
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const next = safeNext(search.next)
  useEffect(() => {
    if (status === 'in') void navigate({ to: next, replace: true })
  }, [status, next, navigate])

  const submit = async (e: FormEvent) => {
    e.preventDefault()
    if (!name.trim() || !password) return setError(new ApiError(422, { detail: 'Enter your name and your password.' }))
    setBusy(true)
    setError(null)
    try {
      const me = await api.post<Me>('/session', { name: name.trim(), password })
      if (!(await signedInStays())) throw new ApiError(401, { detail: NO_COOKIE })
      signedIn(me)
    } catch (x) {
      setError(x)
      setPassword('')
      setBusy(false)
    }
  }
  const locked = error instanceof ApiError && (error.status === 429 || /lock/.test(error.code))
  const fields = error instanceof ApiError ? error.fields : {}
  return (
    <AuthFrame
      title="Sign in to Muster"
      lead="Rooms, runbooks and incidents in one place."
      foot={
        <>
          No account, or no way in? An administrator of this office can create one or set a new password. <Link to="/guide">Read the guide</Link>
        </>
      }
    >
      {setup.data?.needed && (
        <Notice tone="blue" title="This office has no administrator yet">
          Open the one-time set-up link that the server printed when it started. If it is lost, <Link to="/setup">enter its code here</Link>.
        </Notice>
      )}
      <DemoLogins />
      <Form onSubmit={(e) => void submit(e)}>
        <Field label="Name" error={fields.name}>
          <Input name="username" autoComplete="username" autoFocus autoCapitalize="off" spellCheck={false} value={name} onChange={(e) => setName(e.target.value)} />
        </Field>
        <Field label="Password" error={fields.password}>
          <Password name="password" autoComplete="current-password" value={password} onChange={(e) => setPassword(e.target.value)} />
        </Field>
        {error !== null && (
          <Notice tone={locked ? 'amber' : 'red'} title={locked ? 'Too many tries' : undefined}>
            {error instanceof ApiError ? error.detail : 'Signing in failed. Try again.'}
          </Notice>
        )}
        <Button type="submit" kind="primary" size="l" busy={busy}>
          Sign in
        </Button>
      </Form>
    </AuthFrame>
  )
}
