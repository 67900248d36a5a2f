// The web app without its screens: the stores, fed by the real socket and API, for the test that holds
// what a client became through events against what a new client is told (e2e/live).
import { QueryObserver } from '@tanstack/react-query'
import { api, loadSession, useSession } from '@/api'
import type { Incident, Items, Run, RunEvent, IncidentEvent, TimelineEntry } from '@/api'
import { onIncident, shownIncident } from '@/features/incident/live'
import { followLog, logFetcher, onRun } from '@/features/run/live'
import { LogStore } from '@/features/run/logstore'
import { queries, watchOffice } from '@/app/queries'
import { startOffice, stopOffice, tapEvents, useOffice } from '@/realtime/office'
import { followRoom, loadBefore, roomState, typingIn } from '@/realtime/room'
import { listen, reconnectNow, subscribing, tell, useConnection } from '@/realtime/socket'

const stops: (() => void)[] = []
const logs = new Map<string, LogStore>()

/** Resolves when what `use` shows satisfies `ok`. */
function until<T>(use: { getState: () => T; subscribe: (fn: (s: T) => void) => () => void }, ok: (s: T) => boolean): Promise<void> {
  return new Promise((done) => {
    if (ok(use.getState())) return done()
    const stop = use.subscribe((s) => {
      if (!ok(s)) return
      stop()
      done()
    })
  })
}

export async function start() {
  await loadSession()
  if (useSession.getState().status !== 'in') throw new Error('not signed in: ' + String(useSession.getState().error))
  queries.mount()
  stops.push(watchOffice())
  startOffice()
  await until(useConnection, (c) => c.state === 'connected')
  await until(useOffice, (o) => o.status === 'ready')
}
export function stop() {
  for (const s of stops) s()
  stopOffice()
  queries.unmount()
  queries.clear()
}
export const reconnect = () => reconnectNow()
export const type = (room: string) => tell('typing', { room_id: room })
export { tapEvents, typingIn, useOffice }

function held<T>(key: string[], path: string) {
  const o = new QueryObserver<T>(queries, { queryKey: key, queryFn: () => api.get<T>(path), retry: false })
  stops.push(o.subscribe(() => {}))
}
function openRun(id: string) {
  held<Run>(['run', id], `/runs/${id}`)
  stops.push(listen<RunEvent>(`run:${id}`, (e) => onRun(queries, id, e), () => void queries.invalidateQueries({ queryKey: ['run', id] }), () => void queries.resetQueries({ queryKey: ['run', id] })))
  const store = new LogStore(logFetcher(id), (f) => f())
  logs.set(id, store)
  stops.push(followLog(id, store))
  void store.open()
}
function openIncident(id: string) {
  held<Incident>(['incident', id], `/incidents/${id}`)
  held<Items<TimelineEntry>>(['incident', id, 'timeline'], `/incidents/${id}/timeline`)
  stops.push(listen<IncidentEvent>(`incident:${id}`, (e) => onIncident(queries, id, e), () => void queries.invalidateQueries({ queryKey: ['incident', id] }), () => void queries.resetQueries({ queryKey: ['incident', id] })))
}

/** Loads a room's history to its beginning. */
export async function wholeRoom(id: string) {
  while (roomState(id).hasBefore) await loadBefore(id)
}

/** Everything this client would show now. */
export function shown() {
  const { status, floors, rooms: known, users, presence, incidents: open, runs: active, oncall, gets, desk, knocks, calls, media, unseen } = useOffice.getState()
  const office = { status, floors, rooms: known, users, presence, incidents: open, runs: active, oncall, gets, desk, knocks, calls, media, unseen }
  const rooms: Record<string, unknown> = {}
  const runs: Record<string, unknown> = {}
  const incidents: Record<string, unknown> = {}
  const log: Record<string, unknown> = {}
  for (const id of followed.rooms) {
    const { status, messages, seq, hasBefore, hasAfter, ahead } = roomState(id)
    rooms[id] = { status, messages, seq, hasBefore, hasAfter, ahead }
  }
  for (const id of followed.runs) {
    runs[id] = queries.getQueryData(['run', id])
    const store = logs.get(id)!
    log[id] = { total: store.get().total, done: store.get().done, lines: Array.from({ length: store.get().total }, (_, n) => store.line(n + 1)) }
  }
  for (const id of followed.incidents)
    incidents[id] = {
      incident: shownIncident(office.incidents[id], queries.getQueryData(['incident', id])),
      timeline: queries.getQueryData(['incident', id, 'timeline']),
    }
  return { office, rooms, runs, incidents, log }
}

const followed = { rooms: new Set<string>(), runs: new Set<string>(), incidents: new Set<string>() }
/** Opens what is not open yet. */
export function follow(what: { rooms: string[]; runs: string[]; incidents: string[] }) {
  const once = (kind: keyof typeof followed, open: (id: string) => void) => {
    for (const id of what[kind]) {
      if (followed[kind].has(id)) continue
      followed[kind].add(id)
      open(id)
    }
  }
  once('rooms', (id) => stops.push(followRoom(id)))
  once('runs', openRun)
  once('incidents', openIncident)
}
/** Whether nothing is being fetched and nothing waits for its answer. */
export const loading = () => queries.isFetching() + Number(subscribing())
