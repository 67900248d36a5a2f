// What became of a run, in the words in which it is read out wherever somebody waits for it.

/** The part of a run that is told. */
type Ran = {
  id: string
  number: number
  state: string
  reason?: string
  progress: { total: number; failed: number }
  nodes?: readonly { name: string; state: string; exit?: number | null }[]
}
/** `key`: the newest word on a run takes the place of an older one. */
export type Outcome = { text: string; urgent: boolean; key: string }

export const nodes = (n: number) => `${n} ${n === 1 ? 'node' : 'nodes'}`

/** What is said of a run that was in another state before. */
export function became(r: Ran, was: string): Outcome[] {
  const key = 'run ' + r.id
  const why = r.reason ? `: ${r.reason}` : ''
  const said = (text: string, urgent = false): Outcome[] => [{ text: `Run ${r.number} ${text}`, urgent, key }]
  switch (r.state) {
    case 'queued':
    case 'running':
      return was === 'waiting' ? said('was approved and starts') : []
    case 'succeeded':
      return said(`succeeded on ${nodes(r.progress.total)}`)
    case 'failed':
    case 'timed-out': {
      if (!r.progress.failed) return said(`${r.state === 'failed' ? 'failed' : 'timed out'}${why}`, true)
      const bad = (r.nodes ?? []).filter((n) => n.state === 'failed')
      const named = bad.slice(0, 3).map((n) => (n.exit === null || n.exit === undefined ? n.name : `${n.name}, exit code ${n.exit}`))
      const more = r.progress.failed - named.length
      const where = named.length ? `: ${named.join('; ')}${more > 0 ? ` and ${more} more` : ''}` : ''
      return said(`${r.state === 'failed' ? 'failed' : 'timed out'} on ${r.progress.failed} of ${nodes(r.progress.total)}${where}`, true)
    }
    case 'stopped':
      return said(`${was === 'waiting' ? 'was not approved' : 'was stopped'}${why}`, true)
    case 'unknown':
      return said('has an unknown outcome: look at it', true)
    default:
      return was === 'waiting' ? said(`was ${r.state}`, true) : []
  }
}
