// A new SEV-1 or SEV-2 is told to everybody who may see it, once: what is open now beside what was open before.
import type { Incident } from '@/api/types'

const GRAVE = 2
/** How long after its declaration an incident that comes into view is still news: a room one was let into is not. */
const NEWS = 10 * 60_000

export type Grave = { incident: Incident; raised: boolean }
export function graveNews(before: Record<string, Incident>, now: Record<string, Incident>, at: number): Grave[] {
  if (before === now) return []
  const out: Grave[] = []
  for (const i of Object.values(now)) {
    const was = before[i.id]
    if (was === i || i.severity > GRAVE) continue
    if (!was) {
      if (at - Date.parse(i.times.declared) < NEWS && i.mode !== 'retrospective') out.push({ incident: i, raised: false })
    } else if (was.severity > GRAVE) out.push({ incident: i, raised: true })
  }
  return out
}
