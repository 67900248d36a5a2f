// What a run says about itself, in words and counts. Pure: views and tests read the same functions.
import type { Approval, Run, RunSummary, User } from '@/api/types'
import { length } from '@/lib/time'

export type RunState = RunSummary['state']
export type Tone = 'mute' | 'violet' | 'green' | 'red' | 'amber' | 'blue'

export function stateWord(state: RunState): { text: string; tone: Tone; live: boolean } {
  switch (state) {
    case 'waiting':
      return { text: 'Waiting for approval', tone: 'amber', live: false }
    case 'queued':
      return { text: 'Queued', tone: 'mute', live: true }
    case 'running':
      return { text: 'Running', tone: 'violet', live: true }
    case 'succeeded':
      return { text: 'Succeeded', tone: 'green', live: false }
    case 'failed':
      return { text: 'Failed', tone: 'red', live: false }
    case 'stopped':
      return { text: 'Stopped', tone: 'amber', live: false }
    case 'timed-out':
      return { text: 'Timed out', tone: 'red', live: false }
    default:
      return { text: 'Outcome unknown', tone: 'amber', live: false }
  }
}
const OVER: ReadonlySet<string> = new Set(['succeeded', 'failed', 'stopped', 'timed-out', 'unknown'])
export function isOver(state: RunState): boolean {
  return OVER.has(state)
}
export function isActive(state: RunState): boolean {
  return state === 'running' || state === 'queued'
}

export type NodeState = Run['nodes'][number]['state']
const ORDER: NodeState[] = ['failed', 'stopped', 'running', 'succeeded', 'handled', 'skipped', 'pending']
const NODE_WORDS: Record<NodeState, string> = { pending: 'waiting', running: 'running', succeeded: 'done', failed: 'failed', stopped: 'stopped', skipped: 'skipped', handled: 'failed, handled' }
export function nodeWord(state: NodeState): string {
  return NODE_WORDS[state]
}

/** Counts that add up to the number of nodes, worst first: "1 failed, 3 running, 8 done". */
export function nodeCounts(nodes: readonly { state: NodeState }[]): { state: NodeState; n: number; text: string }[] {
  const count = new Map<NodeState, number>()
  for (const n of nodes) count.set(n.state, (count.get(n.state) ?? 0) + 1)
  return ORDER.flatMap((state) => {
    const n = count.get(state) ?? 0
    return n > 0 ? [{ state, n, text: `${n} ${nodeWord(state)}` }] : []
  })
}
export function nodeSummary(nodes: readonly { state: NodeState }[]): string {
  const counts = nodeCounts(nodes)
  return counts.length === 0 ? 'no nodes' : `${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'}: ${counts.map((c) => c.text).join(', ')}`
}

/** Short names for the squares of the matrix: what is left when the common beginning is taken away. */
export function shortNodeNames(names: readonly string[]): string[] {
  if (names.length < 2) return names.map((n) => n.slice(0, 12))
  let prefix = names[0] ?? ''
  for (const n of names) while (prefix && !n.startsWith(prefix)) prefix = prefix.slice(0, -1)
  // Cut at a separator, so that "web-10" next to "web-1" does not become "0".
  const cut = Math.max(prefix.lastIndexOf('-'), prefix.lastIndexOf('.'), prefix.lastIndexOf('_')) + 1
  return names.map((n) => n.slice(cut) || n)
}

/** How many characters a node's name gets beside a log line; none where there is only one node. */
export function nodeWidth(nodes: readonly { name: string }[]): number {
  return nodes.length < 2 ? 0 : Math.min(20, Math.max(...nodes.map((n) => n.name.length)))
}

/** More nodes than this become bars of counts: squares nobody can tell apart tell nothing. */
export const MATRIX_MAX = 60

export function percentDone(p: { done: number; total: number }): number {
  return p.total > 0 ? Math.min(100, Math.floor((p.done / p.total) * 100)) : 0
}

/** "8 of 12 steps done, 1 failed": the numbers next to the percentage add up. */
export function progressWords(run: Pick<RunSummary, 'progress' | 'state'>): string {
  const { done, total, failed } = run.progress
  if (total <= 0) return isOver(run.state) ? 'nothing ran' : 'not started'
  const head = `${done} of ${total} done`
  return failed > 0 ? `${head}, ${failed} failed` : head
}

/** Errors to pin above the log: failed nodes and why, first the ones with words. */
export function pinnedErrors(run: Pick<Run, 'nodes' | 'state' | 'reason'>, limit = 4): { items: { node: string; text: string }[]; more: number } {
  const failed = run.nodes.filter((n) => n.state === 'failed').map((n) => ({ node: n.name, text: n.error || (n.exit !== undefined && n.exit !== null ? `Exit code ${n.exit}` : 'Failed') }))
  const items = failed.slice(0, limit)
  return { items, more: failed.length - items.length }
}

export type Rail = { n: number; label: string; state: 'done' | 'failed' | 'stopped' | 'running' | 'waiting' | 'skipped'; share: number; time: string }
/** The step rail. A step that runs on several nodes is as full as its nodes are done. */
export function rail(run: Pick<Run, 'steps' | 'nodes' | 'state'>, now: number): Rail[] {
  return run.steps.map((s) => {
    const per = run.nodes.flatMap((n) => (n.steps ?? []).filter((x) => x.n === s.n))
    const over = per.filter((x) => x.state !== 'pending' && x.state !== 'running').length
    const state: Rail['state'] = s.state === 'succeeded' || s.state === 'handled' ? 'done' : s.state === 'failed' ? 'failed' : s.state === 'running' || s.state === 'stopped' || s.state === 'skipped' ? s.state : 'waiting'
    const share = state === 'done' || state === 'failed' ? 1 : per.length > 0 ? over / per.length : state === 'running' ? 0.5 : 0
    const spans = (per.some((x) => x.started_at) ? per : [s]).flatMap((x): [number, number][] => {
      const end = x.finished_at ? Date.parse(x.finished_at) : x.state === 'running' && isActive(run.state) ? now : 0
      return x.started_at && end ? [[Date.parse(x.started_at), end]] : []
    })
    const time = spans.length ? length(busy(spans)) : ''
    return { n: s.n, label: s.label || s.kind, state, share, time }
  })
}

/** How long at least one of the spans lasted: node after node, what lies between is another step's. */
function busy(spans: [number, number][]): number {
  let sum = 0
  let until = -Infinity
  for (const [from, to] of [...spans].sort((a, b) => a[0] - b[0])) {
    sum += Math.max(0, to - Math.max(from, until))
    until = Math.max(until, to)
  }
  return sum
}

export function elapsed(run: Pick<RunSummary, 'started_at' | 'finished_at' | 'state'>, now: number): number | null {
  if (!run.started_at) return null
  const end = run.finished_at ? Date.parse(run.finished_at) : now
  return Math.max(0, end - Date.parse(run.started_at))
}

/** One line for a collapsed card: what became of it, in how long, and what failed. */
export function outcome(run: Pick<Run, 'state' | 'started_at' | 'finished_at' | 'progress' | 'reason' | 'nodes'>, now: number): string {
  const took = elapsed(run, now)
  const time = took === null ? '' : ` in ${length(took)}`
  const failed = run.nodes.filter((n) => n.state === 'failed').length
  const on = run.nodes.length === 1 ? 'on 1 node' : `on ${run.nodes.length} nodes`
  switch (run.state) {
    case 'succeeded':
      return `Succeeded${time} ${on}`
    case 'failed':
      return `Failed${time}: ${failed > 0 ? `${failed} of ${run.nodes.length} ${run.nodes.length === 1 ? 'node' : 'nodes'} failed` : run.reason || 'see the log'}`
    case 'stopped':
      return `Stopped${took === null ? '' : ` after ${length(took)}`}${run.reason ? `: ${run.reason}` : ''}`
    case 'timed-out':
      return `Timed out${took === null ? '' : ` after ${length(took)}`}`
    case 'unknown':
      return 'Outcome unknown: the worker vanished in the middle of a step. Somebody has to decide how to go on.'
    case 'waiting':
      return 'Waiting for approval'
    case 'queued':
      return 'Queued'
    default:
      return `Running${took === null ? '' : ` for ${length(took)}`}, ${progressWords(run)}`
  }
}

export function shortDigest(digest: string): string {
  const d = digest.replace(/^sha256:/, '')
  return d.length > 12 ? `${d.slice(0, 4)}…${d.slice(-4)}` : d
}

export function yesVotes(a: Approval): Approval['votes'] {
  return a.votes.filter((v) => v.decision === 'approved' || v.decision === 'approve' || v.decision === 'yes')
}
/** "1 of 2 approved": who said yes is named beside it. */
export function approvalWords(a: Approval): string {
  switch (a.state) {
    case 'approved':
      return `${yesVotes(a).length} of ${a.need} approved`
    case 'declined':
      return 'Declined'
    case 'expired':
      return 'Approval expired'
    case 'voided':
      return 'Approval void: what would run has changed'
    default:
      return `${yesVotes(a).length} of ${a.need} approved`
  }
}
/** "expires in 12 min", one minute and less in seconds so that the end is not a surprise. */
export function expiryWords(expires: string, now: number): { text: string; soon: boolean; over: boolean } {
  const left = Date.parse(expires) - now
  if (left <= 0) return { text: 'expired', soon: true, over: true }
  if (left < 120_000) return { text: `expires in ${Math.ceil(left / 1000)} s`, soon: true, over: false }
  const m = Math.floor(left / 60_000)
  if (m < 60) return { text: `expires in ${m} min`, soon: m < 5, over: false }
  const h = Math.floor(m / 60)
  return { text: `expires in ${h} h${m % 60 ? ` ${m % 60} min` : ''}`, soon: false, over: false }
}

export function nodesWord(n: number): string {
  return n === 1 ? '1 node' : `${n.toLocaleString('en')} nodes`
}
/** On how many of the nodes production is changed, and why where it is not plain to see. */
export function productionWords(nodes: readonly { production: boolean; environment_known: boolean }[]): string {
  const hit = nodes.filter((n) => n.production)
  const unknown = hit.filter((n) => !n.environment_known).length
  const on = hit.length < nodes.length ? `on ${hit.length} of ${nodesWord(nodes.length)}.` : `on ${nodesWord(nodes.length)}.`
  if (unknown === 0) return on
  const why = 'nobody knows the environment, and unknown counts as production.'
  return unknown === nodes.length && unknown === 1 ? `${on} Of it ${why}` : `${on} Of ${unknown === nodes.length ? 'them' : unknown} ${why}`
}
export function linesWord(n: number): string {
  return n === 1 ? '1 line' : `${n.toLocaleString('en')} lines`
}
export function names(ids: readonly string[], people: ReadonlyMap<string, User>): string {
  return ids.map((id) => people.get(id)?.display ?? 'Somebody').join(', ')
}

/** A card's snapshot may be shorter than a run: every list is there, so that views need no guards. */
export function runFromCard(data: unknown): Run | null {
  if (!data || typeof data !== 'object') return null
  const d = data as Partial<Run>
  if (!d.id || !d.state) return null
  return {
    ...(d as Run),
    number: d.number ?? 0,
    title: d.title ?? '',
    reason: d.reason ?? '',
    environment: d.environment ?? '',
    production: d.production ?? false,
    progress: d.progress ?? { done: 0, total: 0, failed: 0 },
    nodes: (d.nodes ?? []).map((n) => ({ ...n, steps: n.steps ?? [] })),
    steps: d.steps ?? [],
    options: d.options ?? [],
    log_lines: d.log_lines ?? 0,
    approval: d.approval ?? null,
    abilities: d.abilities ?? {},
    digest: d.digest ?? '',
  }
}

/** Which of two snapshots of a run is newer: more progress, a later state, more lines. */
const RANK: Record<string, number> = { waiting: 0, queued: 1, running: 2, unknown: 3, 'timed-out': 4, stopped: 4, failed: 4, succeeded: 4 }
export function newer(a: Pick<RunSummary, 'state' | 'progress' | 'log_lines'>, b: Pick<RunSummary, 'state' | 'progress' | 'log_lines'>): boolean {
  const r = (RANK[a.state] ?? 0) - (RANK[b.state] ?? 0)
  if (r !== 0) return r > 0
  if (a.progress.done !== b.progress.done) return a.progress.done > b.progress.done
  return a.log_lines >= b.log_lines
}

/** A line permalink: "#L120" or "#L120-140". */
export function parseLines(hash: string): { from: number; to: number } | null {
  const m = /^#?L(\d{1,9})(?:-L?(\d{1,9}))?$/.exec(hash)
  if (!m) return null
  const a = Number(m[1])
  const b = m[2] ? Number(m[2]) : a
  return a > 0 && b > 0 ? { from: Math.min(a, b), to: Math.max(a, b) } : null
}
export function formatLines(from: number, to: number): string {
  return from === to ? `L${from}` : `L${Math.min(from, to)}-${Math.max(from, to)}`
}

export const RUN_FILTERS: { id: string; label: string; states: RunState[] }[] = [
  { id: 'all', label: 'All', states: [] },
  { id: 'active', label: 'Active', states: ['waiting', 'queued', 'running', 'unknown'] },
  { id: 'failed', label: 'Failed', states: ['failed', 'timed-out', 'stopped'] },
  { id: 'succeeded', label: 'Succeeded', states: ['succeeded'] },
]
export function matchRun(r: RunSummary, filter: string, text: string): boolean {
  const f = RUN_FILTERS.find((x) => x.id === filter)
  if (f && f.states.length > 0 && !f.states.includes(r.state)) return false
  const terms = text.toLowerCase().split(/\s+/).filter(Boolean)
  const hay = `${r.title} ${r.number} ${r.environment} ${r.project} ${r.job?.name ?? ''}`.toLowerCase()
  return terms.every((t) => hay.includes(t.replace(/^#/, '')))
}
