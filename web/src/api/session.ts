// Who is signed in. Everything else about people comes from the office snapshot.
import { create } from 'zustand'
import { ApiError, api, setCsrf, whenSignedOut } from './client'
import type { Me } from './types'

type SessionState = {
  status: 'unknown' | 'in' | 'out' | 'failed'
  me: Me | null
  error: unknown
}
export const useSession = create<SessionState>(() => ({ status: 'unknown', me: null, error: null }))

export function signedIn(me: Me) {
  setCsrf(me.csrf)
  useSession.setState({ status: 'in', me, error: null })
}
export function signedOut() {
  setCsrf('')
  useSession.setState({ status: 'out', me: null, error: null })
}
whenSignedOut(() => {
  if (useSession.getState().status !== 'out') signedOut()
})

export async function loadSession(): Promise<void> {
  try {
    signedIn(await api.get<Me>('/me'))
  } catch (e) {
    if (e instanceof ApiError && e.status === 401) signedOut()
    // Whoever is in stays in: a server that can't be reached for a moment ends nothing.
    else if (useSession.getState().status !== 'in') useSession.setState({ status: 'failed', me: null, error: e })
  }
}
/**
 * Did the browser keep the cookie that this sign-in gave it? Some refuse a secure cookie over plain
 * HTTP even on the machine itself, and would come back here without a word.
 */
export async function signedInStays(): Promise<boolean> {
  if (location.protocol !== 'http:') return true
  try {
    await api.get<Me>('/me')
    return true
  } catch (e) {
    return !(e instanceof ApiError && e.status === 401)
  }
}
export const NO_COOKIE = 'Your password is right, but this browser did not keep the sign-in: it refuses secure cookies over plain HTTP, as Safari does. Open Muster over https, or with another browser such as Firefox or Chrome.'

export async function signOut(): Promise<void> {
  try {
    await api.del('/session')
  } finally {
    signedOut()
  }
}

/** The signed-in person. Only for screens behind the sign-in. */
export function useMe(): Me {
  const me = useSession((s) => s.me)
  if (!me) throw new Error('not signed in')
  return me
}
export const useMyId = (): string => useSession((s) => s.me?.user.id ?? '')
/** May I do this at all? Things carry their own `abilities` for the rest. */
export const useCan = (ability: string): boolean => useSession((s) => !!s.me?.abilities[ability])
