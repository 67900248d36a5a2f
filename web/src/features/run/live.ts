// A run on the screen: fetched once, then kept current by its channel; its log shared by everything that shows it.
import { useQuery, useQueryClient, type QueryClient } from '@tanstack/react-query'
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react'
import { api, type LogPage, type Run, type RunEvent } from '@/api'
import { became } from '@/lib/outcome'
import { listen, useChannel } from '@/realtime'
import { say } from '@/ui/say'
import { LogStore, type Fetch, type LogFilter } from './logstore'
import { isOver, newer } from './model'

/** A run by id or number. A snapshot to begin with (a card's) spares the fetch while nothing can change any more. */
export function useRun(id: string, snapshot?: Run | null) {
  const queries = useQueryClient()
  const settled = !!snapshot && isOver(snapshot.state) && snapshot.state !== 'unknown'
  const query = useQuery({
    queryKey: ['run', id],
    queryFn: () => api.get<Run>(`/runs/${id}`),
    enabled: !settled,
    ...(snapshot ? { placeholderData: snapshot } : {}),
  })
  const fetched = query.data
  const run = settled && (!fetched || !newer(fetched, snapshot)) ? snapshot : (fetched ?? snapshot ?? undefined)
  const live = !!run && !isOver(run.state)
  useChannel<RunEvent>(
    live ? `run:${run.id}` : null,
    (e) => onRun(queries, id, e),
    () => void queries.invalidateQueries({ queryKey: ['run', id] }),
    () => void queries.resetQueries({ queryKey: ['run', id] }),
  )
  return { run, error: query.error, loading: query.isPending && !run, refetch: () => void query.refetch() }
}

/** Has it read out when the run on the screen is approved, ends, fails or is stopped. How it was when it came is no news. */
export function useOutcome(run: Run) {
  const was = useRef(run.state)
  useEffect(() => {
    const before = was.current
    was.current = run.state
    if (before !== run.state) for (const o of became(run, before)) say(o.text, o)
  }, [run])
}

/** Brings the run that is held under an id or number up to date. */
export function onRun(queries: QueryClient, id: string, e: RunEvent) {
  if (e.type !== 'run') return
  const before = queries.getQueryData<Run>(['run', id])
  // The publication is everybody's: what I may do with the run came with my own fetch.
  queries.setQueryData<Run>(['run', id], (old) => {
    if (old && !newer(e.run, old)) return old
    const own = old ? { room_id: old.room_id, incident_id: old.incident_id, message_id: old.message_id, abilities: e.run.abilities && Object.keys(e.run.abilities).length > 0 && e.run.state === old.state ? old.abilities : (e.run.abilities ?? old.abilities), ...(old.denied_approve ? { denied_approve: old.denied_approve } : {}) } : {}
    return { ...e.run, ...own }
  })
  if (!before || e.run.state !== before.state) void queries.invalidateQueries({ queryKey: ['run', id] })
}

export const logFetcher =
  (id: string, filter?: LogFilter): Fetch =>
  (after, limit, signal) =>
    api.get<LogPage>(`/runs/${id}/log`, { after, limit, node: filter?.node, step: filter?.step || undefined, stream: filter?.stream }, { signal })

type Held = { store: LogStore; users: number; stop: () => void; timer?: ReturnType<typeof setTimeout> }
const held = new Map<string, Held>()
const KEEP_MS = 60_000

/** Feeds a log from its run's channel until the returned function is called. */
export const followLog = (id: string, store: LogStore): (() => void) =>
  listen<RunEvent>(
    `run:${id}`,
    (e) => {
      if (e.type === 'log') store.push(e.lines)
      else {
        store.setTotal(e.run.log_lines)
        if (isOver(e.run.state)) store.finish()
      }
    },
    // What was missed is fetched when looked at; the total says that there is more.
    () => void store.open(),
  )

function hold(id: string): Held {
  let h = held.get(id)
  if (!h) {
    const store = new LogStore(logFetcher(id))
    const stop = followLog(id, store)
    void store.open()
    h = { store, users: 0, stop }
    held.set(id, h)
  }
  clearTimeout(h.timer)
  h.users++
  return h
}
function release(id: string) {
  const h = held.get(id)
  if (!h || --h.users > 0) return
  h.timer = setTimeout(() => {
    h.stop()
    h.store.close()
    held.delete(id)
  }, KEEP_MS)
}

const nothing = { total: 0, version: 0, loading: 0, error: '', done: false, started: false }
/** The log of a run; null until something shows it. */
export function useRunLog(id: string | null): { store: LogStore | null; snap: typeof nothing } {
  const [store, setStore] = useState<LogStore | null>(null)
  useEffect(() => {
    if (!id) return
    const h = hold(id)
    setStore(h.store)
    return () => {
      setStore(null)
      release(id)
    }
  }, [id])
  const idle = useMemo(() => ({ subscribe: () => () => {}, get: () => nothing }), [])
  const source = store ?? idle
  const snap = useSyncExternalStore(source.subscribe, source.get)
  return { store, snap }
}
