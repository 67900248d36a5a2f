// What the demo's card shows of a drill, from what the server says of it.

export type Step = { id: 'alert' | 'page' | 'acknowledge' | 'repair' | 'approve' | 'run' | 'resolve'; title: string; yours: boolean; done: boolean }
export type Drill = {
  state: 'running' | 'over' | 'failed'
  reason?: string
  started_at: string
  started_by: string
  incident_id?: string
  ticket?: string
  room_id?: string
  run_id?: string
  repair: string
  steps: Step[]
}
export type Demo = { drills: boolean; drill?: Drill }

/** The step a drill is at: the first that is not done. */
export const current = (d: Drill): Step | undefined => (d.state === 'running' ? d.steps.find((s) => !s.done) : undefined)

/** How often to ask how it stands, in ms. */
export const every = (d: Demo | undefined): number => (d?.drill?.state === 'running' ? 1000 : 10_000)

/** What one can do at a step, in one word; nothing while others act. */
export const ACTS: Partial<Record<Step['id'], string>> = { acknowledge: 'Acknowledge', repair: 'Run the repair', approve: 'Review', resolve: 'Resolve' }

export const act = (d: Drill): string | undefined => {
  const s = current(d)
  return s?.yours ? ACTS[s.id] : undefined
}

/** The request that carries out a step of one's own; approving is done in the room, where one sees what. */
export function request(d: Drill, key: string): { path: string; body?: Record<string, unknown> } | undefined {
  switch (current(d)?.id) {
    case 'acknowledge':
      return d.incident_id ? { path: `/incidents/${d.incident_id}/acknowledge` } : undefined
    case 'repair':
      return d.room_id ? { path: `/rooms/${d.room_id}/messages`, body: { text: d.repair, key } } : undefined
    case 'resolve':
      return d.incident_id ? { path: `/incidents/${d.incident_id}/stage`, body: { stage: 'resolved', note: 'The service was restarted; payments flow again.' } } : undefined
    default:
      return undefined
  }
}

/** One line for those who do not see the card. */
export const spoken = (d: Drill): string => {
  const s = current(d)
  if (d.state === 'failed') return `The drill broke off: ${d.reason ?? 'nobody knows why'}`
  if (!s) return 'The drill is over.'
  return `Drill, step ${d.steps.indexOf(s) + 1} of ${d.steps.length}: ${s.title}${s.yours ? '. Your turn' : ''}`
}
