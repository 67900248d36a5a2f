// What is read out wherever in the app I am: how the runs ended that I asked for, and who comes into the room I am in.
import { api, type Presence, type Run, type RunSummary } from '@/api'
import { became } from '@/lib/outcome'
import { nameOf, useOffice } from '@/realtime'
import { say } from '@/ui/say'

/** The whole run says more than its line in the office does, and is there after the line was down, too. */
export async function sayRun(was: Pick<RunSummary, 'id' | 'state'>) {
  const run = await api.get<Run>(`/runs/${was.id}`).catch(() => null) // One I may not see any more ends unheard.
  if (run) for (const o of became(run, was.state)) say(o.text, o)
}

/** Those who came within a moment are one sentence. */
const MOMENT = 1500
let came: string[] = []
let waits = false
/** Told when the room is mine. */
export function sayArrival(before: Presence | undefined, p: Presence, me: string) {
  if (!here(p, me) || !moved(before, p, Date.now())) return
  if (!came.includes(p.user_id)) came.push(p.user_id)
  if (waits) return
  waits = true
  setTimeout(() => {
    const { presence } = useOffice.getState()
    // Who only passed through, and a room I left meanwhile, are no news.
    const names = came.filter((id) => here(presence[id], me)).map(nameOf)
    came = []
    waits = false
    say(arrivals(names))
  }, MOMENT)
}
const here = (p: Presence | undefined, me: string): boolean => !!p?.room_id && p.room_id === useOffice.getState().presence[me]?.room_id

/** Who is offline is shown nowhere: who comes back on the line has sat there all the time. */
export const moved = (before: Presence | undefined, p: Presence, at: number): boolean =>
  p.state !== 'offline' && p.room_id !== before?.room_id && ((!!before && before.state !== 'offline') || (!!p.since && Math.abs(at - Date.parse(p.since)) < 60_000))

/** Up to three are named. */
export function arrivals(names: readonly string[]): string {
  if (!names.length) return ''
  const [named, rest] = names.length > 3 ? [names.slice(0, 2), names.length - 2] : [names, 0]
  const all = rest ? [...named, `${rest} more`] : named
  return `${all.length > 1 ? `${all.slice(0, -1).join(', ')} and ${all.at(-1)!}` : all[0]!} came in`
}
