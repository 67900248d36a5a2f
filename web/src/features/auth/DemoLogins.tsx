// In a demo office on one's own machine nobody types passwords: a card for each login.
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ApiError, NO_COOKIE, signedIn, signedInStays, type Me } from '@/api'
import { Notice } from '@/ui'
import s from './auth.module.css'

type Demo = { demo: boolean; logins: { name: string; display: string; role: string; does: string }[] }

export function DemoLogins() {
  const { data } = useQuery({ queryKey: ['demo', 'logins'], queryFn: () => api.get<Demo>('/demo'), retry: false, staleTime: Infinity })
  const [busy, setBusy] = useState('')
  const [error, setError] = useState('')
  if (!data?.demo || !data.logins.length) return null
  const enter = async (name: string) => {
    setBusy(name)
    setError('')
    try {
      const me = await api.post<Me>('/demo/session', { name })
      if (!(await signedInStays())) throw new ApiError(401, { detail: NO_COOKIE })
      signedIn(me)
    } catch (x) {
      setError(x instanceof ApiError ? x.detail : 'Signing in failed. Try again.')
      setBusy('')
    }
  }
  return (
    <section className={s.logins} aria-labelledby="demo-logins">
      <h2 id="demo-logins">Look around as</h2>
      <ul>
        {data.logins.map((l) => (
          <li key={l.name}>
            <button type="button" disabled={busy !== ''} aria-busy={busy === l.name} onClick={() => void enter(l.name)}>
              <b>{l.display}</b>
              <span className={s.role}>{l.role}</span>
              <small>{l.does}</small>
            </button>
          </li>
        ))}
      </ul>
      {error && <Notice tone="red">{error}</Notice>}
      <p className={s.or}>
        <span>or with a name and password</span>
      </p>
    </section>
  )
}
