// A guest's own way to the API: another cookie and another token than those of people with an account.
import { ApiError, apiUrl, type Call, type CallTicket, type GuestView, type Message, type MessagePage } from '@/api'
import type { GuestCallApi } from '@/ui'

let csrf = ''
async function send<T>(method: string, path: string, body?: unknown): Promise<T> {
  let res: Response
  try {
    res = await fetch(apiUrl('/guest' + path), {
      method,
      credentials: 'same-origin',
      headers: { Accept: 'application/json', ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...(method === 'GET' ? {} : { 'X-CSRF-Token': csrf }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
  } catch {
    throw new ApiError(0)
  }
  const text = await res.text()
  const data: unknown = text ? JSON.parse(text) : undefined
  if (!res.ok) throw new ApiError(res.status, data as object)
  return data as T
}
const held = (v: GuestView) => {
  csrf = v.csrf
  return v
}

export type DoorView = { office: string; room: string; expires_at?: string }
export const look = (token: string) => send<DoorView>('POST', '/look', { token })
export const knock = async (token: string, name: string, note: string) => held(await send<GuestView>('POST', '/knock', { token, name, note }))
export const visit = async () => held(await send<GuestView>('GET', ''))
export const leave = () => send<void>('POST', '/leave', {})
export const messages = () => send<MessagePage>('GET', '/messages?limit=200')
export const post = (text: string, key: string) => send<Message>('POST', '/messages', { text, key })
export const call: GuestCallApi = {
  join: (mode, consent) => send<CallTicket>('POST', '/call/join', { mode, ...(consent && { consent }) }),
  mode: (mode) => send<void>('POST', '/call/mode', { mode }),
  hand: (raised) => send<void>('PUT', '/call/hand', { raised }),
}

export type News = {
  visit: () => void
  message: (m: Message) => void
  call: (c: Call) => void
  /** The socket broke, and comes back by itself; or it is back. */
  lost: (on: boolean) => void
  ended: () => void
}
/** Hears what concerns the visit until it is stopped; every connection asks for what was missed. */
export function follow(news: News): () => void {
  let stop = () => {}
  let over = false
  void import('centrifuge').then(({ Centrifuge }) => {
    if (over) return
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    const hello = { beat: true }
    const c = new Centrifuge(`${scheme}://${location.host}/api/v1/guest/socket`, { minReconnectDelay: 300, maxReconnectDelay: 8000, timeout: 8000, data: hello })
    let was = false
    c.on('connected', () => {
      was = true
      news.lost(false)
      news.visit()
    })
    c.on('connecting', () => was && news.lost(true))
    c.on('message', () => void c.send(hello).catch(() => {}))
    c.on('publication', ({ data }: { data: { type: string; message?: Message; call?: Call } }) => {
      if (data.type === 'message' && data.message) news.message(data.message)
      else if (data.type === 'call' && data.call) news.call(data.call)
      else if (data.type === 'visit') news.visit()
    })
    c.on('disconnected', () => {
      if (!over) news.ended()
    })
    c.connect()
    stop = () => c.disconnect()
  })
  return () => {
    over = true
    stop()
  }
}
