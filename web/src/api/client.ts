// The one door to the HTTP API: adds the CSRF header, turns RFC 9457 answers into ApiError,
// and tells the app when the session has ended.
import type { Problem } from './types'

export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly title: string
  /** Says what went wrong and what to do next; safe to show. */
  readonly detail: string
  /** Message per field, by the field's name. */
  readonly fields: Record<string, string>

  constructor(status: number, problem: Problem = {}) {
    const fields: Record<string, string> = {}
    for (const e of problem.errors ?? []) if (e.location) fields[fieldName(e.location)] ??= e.message
    const loose = (problem.errors ?? []).filter((e) => !e.location).map((e) => e.message)
    const detail = problem.detail || loose.join(' ') || problem.title || fallback(status)
    super(detail)
    this.name = 'ApiError'
    this.status = status
    this.code = problem.code ?? ''
    this.title = problem.title ?? ''
    this.detail = detail
    this.fields = fields
  }
}

/** "body.options.env" names the field "env"; so does "env". */
const fieldName = (location: string) => location.slice(location.lastIndexOf('.') + 1)

function fallback(status: number): string {
  if (status === 0) return 'The server could not be reached. Check your connection and try again.'
  if (status === 403) return 'You may not do this. Ask an administrator who can grant it.'
  if (status === 404) return 'There is nothing here, or you may not see it.'
  if (status === 413) return 'That is too large to send.'
  if (status === 429) return 'Too many requests. Wait a moment and try again.'
  if (status >= 500) return 'Something went wrong on the server. Try again; if it stays, tell an administrator.'
  return `The server answered ${status}.`
}

/** The text to show for whatever was thrown. */
export const errorText = (e: unknown): string =>
  e instanceof ApiError ? e.detail : e instanceof Error && e.message ? e.message : 'Something went wrong. Try again.'

let csrf = ''
export const setCsrf = (token: string) => {
  csrf = token
}

let onSignedOut = () => {}
/** Called when an answer says that the session has ended. */
export const whenSignedOut = (fn: () => void) => {
  onSignedOut = fn
}

export type Query = Record<string, string | number | boolean | undefined | null>
type Options = { signal?: AbortSignal; headers?: Record<string, string> }

export const apiUrl = (path: string, query?: Query): string => {
  const params = new URLSearchParams()
  for (const [k, v] of Object.entries(query ?? {})) if (v !== undefined && v !== null && v !== '') params.set(k, String(v))
  const qs = params.toString()
  return '/api/v1' + path + (qs ? '?' + qs : '')
}

async function send<T>(method: string, url: string, body: unknown, o: Options = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json', ...o.headers }
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  if (method !== 'GET') headers['X-CSRF-Token'] = csrf
  let res: Response
  try {
    res = await fetch(url, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: o.signal,
      credentials: 'same-origin',
    })
  } catch (e) {
    if (e instanceof DOMException && e.name === 'AbortError') throw e
    throw new ApiError(0)
  }
  const text = await res.text()
  let data: unknown
  try {
    data = text ? JSON.parse(text) : undefined
  } catch {
    data = undefined
  }
  if (!res.ok) {
    // A wrong password is a 401 too: it belongs to the form, not to the session.
    if (res.status === 401 && !(method === 'POST' && url.endsWith('/session'))) onSignedOut()
    throw new ApiError(res.status, (data ?? {}) as Problem)
  }
  return data as T
}

export const api = {
  get: <T>(path: string, query?: Query, o?: Options) => send<T>('GET', apiUrl(path, query), undefined, o),
  post: <T = void>(path: string, body?: unknown, o?: Options) => send<T>('POST', apiUrl(path), body ?? {}, o),
  put: <T = void>(path: string, body?: unknown, o?: Options) => send<T>('PUT', apiUrl(path), body ?? {}, o),
  patch: <T = void>(path: string, body?: unknown, o?: Options) => send<T>('PATCH', apiUrl(path), body ?? {}, o),
  del: <T = void>(path: string, o?: Options) => send<T>('DELETE', apiUrl(path), undefined, o),
}
