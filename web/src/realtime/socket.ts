// One socket for the whole app. The library is loaded beside the first paint, not before it.
//
// `office` and my own channel come with the connection; a room, run or incident is subscribed while a
// screen shows it. Whoever listens is told when publications may have been lost, and refetches.
import type { Centrifuge, PublicationContext, Subscription } from 'centrifuge'
import { create } from 'zustand'
import { useEffect, useRef } from 'react'
import { idleSeconds } from './activity'

/** 'crowded': I have more windows, phones and scripts open than the server lets one person have. */
export type Connection = 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'closed' | 'crowded'
/** How the socket is: the shell shows a banner while it is reconnecting. */
export const useConnection = create<{ state: Connection; since: number }>(() => ({ state: 'idle', since: Date.now() }))
const setState = (state: Connection) => {
  if (useConnection.getState().state !== state) useConnection.setState({ state, since: Date.now() })
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each channel has its own union, checked by its listener
type Listener = { event: (e: any) => void; lost: () => void; gone: () => void }
const listeners = new Map<string, Set<Listener>>()
const subscriptions = new Map<string, Subscription>()
/** The server's code for one socket too many of one person. The session still holds. */
const CROWDED = 4501
let client: Centrifuge | null = null
let wanted = false
let base: { event: (channel: string, e: unknown) => void; lost: () => void; ended: () => void } | null = null

const deliver = (channel: string, ctx: PublicationContext) => {
  for (const l of listeners.get(channel) ?? []) l.event(ctx.data)
}

/** What this device says of itself: that it answers, and since when nothing was done on it. */
const hello = () => {
  const idle = idleSeconds()
  return idle === null ? {} : { beat: true, idle }
}

/** Connects after the sign-in. `lost` asks for a new snapshot. */
export async function connect(handlers: NonNullable<typeof base>) {
  base = handlers
  wanted = true
  if (client) return
  setState('connecting')
  const library = await import('centrifuge').catch(() => null)
  if (!wanted || client) return
  if (!library) {
    // The network went away, or changed, while the page was loading.
    setState('reconnecting')
    setTimeout(() => wanted && !client && void connect(handlers), 2000)
    return
  }
  const { Centrifuge } = library
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
  const c = new Centrifuge(`${scheme}://${location.host}/api/v1/socket`, {
    minReconnectDelay: 300,
    maxReconnectDelay: 8000,
    timeout: 8000,
    getData: async () => hello(),
  })
  client = c
  let first = true
  c.on('connecting', (ctx) => {
    setState(first ? 'connecting' : 'reconnecting')
    // The server has us come back because what I may do has changed.
    if (ctx.code === 4000) base?.ended()
  })
  c.on('connected', () => {
    setState('connected')
    first = false
    // What the office told while we were away is not replayed: the snapshot holds it.
    base?.lost()
  })
  // The server asks each second whether this device is still there: a closed laptop does not say so.
  c.on('message', (ctx) => {
    if ((ctx.data as { type?: string }).type === 'beat') void c.send(hello()).catch(() => {})
  })
  c.on('publication', (ctx) => {
    base?.event(ctx.channel, ctx.data)
  })
  c.on('disconnected', (ctx) => {
    if (!wanted) return
    if (ctx.code === CROWDED) return setState('crowded')
    setState('closed')
    // Codes the server won't have us come back with: most likely the session has ended.
    if (ctx.code >= 3500) base?.ended()
  })
  c.connect()
  for (const channel of listeners.keys()) open(channel)
}

export function disconnect() {
  wanted = false
  for (const s of subscriptions.values()) s.unsubscribe()
  subscriptions.clear()
  client?.disconnect()
  client = null
  setState('idle')
}
/** Tries again now, as when the person asks or the network came back. */
export function reconnectNow() {
  if (!client) return
  client.disconnect()
  setState('reconnecting')
  client.connect()
}

function open(channel: string) {
  if (!client || subscriptions.has(channel)) return
  const sub = client.getSubscription(channel) ?? client.newSubscription(channel)
  subscriptions.set(channel, sub)
  sub.on('publication', (ctx) => deliver(channel, ctx))
  // Sequences and snapshots live in the database: what the broker can't replay is fetched.
  sub.on('subscribed', (ctx) => {
    // After `gone` nothing is held that a replay could be put on.
    if (emptied.delete(channel) || !(ctx.wasRecovering && ctx.recovered)) for (const l of listeners.get(channel) ?? []) l.lost()
  })
  // The server ended it, or never let me in: what I may follow has changed. It is asked for again
  // with the next snapshot, for I may have been let in again.
  sub.on('unsubscribed', (ctx) => {
    if (ctx.code === 0 || subscriptions.get(channel) !== sub) return
    barred.add(channel)
    emptied.add(channel)
    for (const l of listeners.get(channel) ?? []) l.gone()
  })
  sub.subscribe()
}
/** Whether some subscription is being asked for. */
export const subscribing = (): boolean => [...subscriptions.values()].some((s) => s.state === 'subscribing')
const barred = new Set<string>()
const emptied = new Set<string>()
/** Asks again for what was refused or taken away: all of it, or one channel. */
export function retryBarred(channel?: string) {
  for (const c of channel === undefined ? [...barred] : [channel]) if (barred.delete(c)) subscriptions.get(c)?.subscribe()
}
function close(channel: string) {
  const sub = subscriptions.get(channel)
  if (!sub) return
  subscriptions.delete(channel)
  barred.delete(channel)
  emptied.delete(channel)
  sub.removeAllListeners()
  sub.unsubscribe()
  client?.removeSubscription(sub)
}

/**
 * Listens to a channel while something shows it. `lost` is called on each (re)subscription that could
 * not be recovered: fetch the current state there. `gone` is called when the server ends or refuses the
 * subscription. Returns the way to stop.
 */
export function listen<E>(channel: string, event: (e: E) => void, lost: () => void = () => {}, gone: () => void = () => {}): () => void {
  const l: Listener = { event, lost, gone }
  const set = listeners.get(channel) ?? new Set()
  listeners.set(channel, set)
  set.add(l)
  if (set.size === 1) open(channel)
  return () => {
    set.delete(l)
    if (!set.size) {
      listeners.delete(channel)
      close(channel)
    }
  }
}

/** The same as a hook; pass null to listen to nothing. */
export function useChannel<E>(channel: string | null, event: (e: E) => void, lost?: () => void, gone?: () => void) {
  const ref = useRef({ event, lost, gone })
  useEffect(() => {
    ref.current = { event, lost, gone }
  })
  useEffect(() => {
    if (!channel) return
    return listen<E>(
      channel,
      (e) => ref.current.event(e),
      () => ref.current.lost?.(),
      () => ref.current.gone?.(),
    )
  }, [channel])
}

/** Asks the server to do something that need not happen, such as telling that I am typing. */
export function tell(method: string, data: unknown) {
  if (client && useConnection.getState().state === 'connected') void client.rpc(method, data).catch(() => {})
}
