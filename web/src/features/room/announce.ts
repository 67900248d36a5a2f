// What is read out while one is in a room. Pure: what was heard before, what is there now, and the
// sentences between the two.
import type { Message, Run, RunState } from '@/api'
import { became, nodes, type Outcome } from '@/lib/outcome'

/** The newest number heard, and how each run stood then. */
export type Heard = { seq: number; runs: Record<string, RunState> }

const everything = (messages: readonly Message[]): Message[] => messages.flatMap((m) => [m, ...(m.replies ?? [])])
const runOf = (m: Message): Run | null => (m.card?.type === 'run' && m.card.data && typeof m.card.data === 'object' ? (m.card.data as Run) : null)

/** `upTo` is the room's number: what is loaded later with a smaller one is history. */
export function heard(before: Heard | null, messages: readonly Message[], me: string, upTo = 0): { now: Heard; talk: string[]; outcomes: Outcome[] } {
  const all = everything(messages)
  const now: Heard = { seq: before?.seq ?? 0, runs: { ...before?.runs } }
  const talk: string[] = []
  const outcomes: Outcome[] = []
  for (const m of all.toSorted((a, b) => a.seq - b.seq)) {
    const run = runOf(m)
    const fresh = m.seq > (before?.seq ?? 0)
    if (run) {
      const was = now.runs[run.id]
      now.runs[run.id] = run.state
      // A card that was not there before, of a run that is over, is history.
      if (before && was && was !== run.state) outcomes.push(...became(run, was))
    }
    if (!fresh) continue
    now.seq = Math.max(now.seq, m.seq)
    if (!before || m.deleted) continue
    if (run) {
      // Whoever asked hears it too: the answer of their command does not say where it goes.
      if (run.state === 'waiting' || m.author.id !== me) talk.push(`${m.author.id === me ? 'You' : m.author.display} asked to run ${titled(run)}`)
    } else if (m.author.id !== me) {
      const words = m.card && !m.text ? cardWords(m) : plain(m.text)
      if (words) talk.push(m.kind === 'system' ? words : `${m.author.display}: ${words}`)
    }
  }
  now.seq = Math.max(now.seq, upTo)
  return { now, talk, outcomes }
}

/** "payments/restart-service, production, 3 nodes" */
const titled = (r: Run): string => [r.title, r.environment, nodes(r.progress.total)].filter(Boolean).join(', ')

function cardWords(m: Message): string {
  const d = m.card?.data as { title?: unknown; ticket?: unknown } | null
  const title = d && typeof d.title === 'string' ? d.title : ''
  return [m.card?.type === 'alert' ? 'alert' : typeof d?.ticket === 'string' ? d.ticket : '', title].filter(Boolean).join(' ') || (m.card?.type ?? '')
}

/** Markdown without its signs, as one says it. */
export function plain(text: string): string {
  return text
    .replace(/(^|\n) {0,3}(`{3,}|~{3,})[^\n]*\n([^]*?)(\n {0,3}\2[^\n]*(?=\n|$)|$)/g, (_, __, ___, code: string) => ` code, ${code.split('\n').length} lines `)
    .replace(/!?\[([^\]]*)\]\([^)\s]*\)/g, '$1')
    .replace(/^ {0,3}(#{1,6}|>|[-*+]|\d+[.)])\s+/gm, '')
    .replace(/(\*\*|__|~~)(?=\S)(.+?)\1/g, '$2')
    .replace(/(^|[^\w*])[*_](?=\S)([^*_\n]+)[*_](?!\w)/g, '$1$2')
    .replace(/`+([^`]+)`+/g, '$1')
    .replace(/\|/g, ' ')
    .replace(/\\([^\w\s])/g, '$1')
    .replace(/\s+/g, ' ')
    .trim()
}

/** Up to two are read; more are counted. */
export function spoken(talk: readonly string[]): string {
  if (talk.length > 2) return `${talk.length} new messages`
  return talk.map((t) => (t.length > 300 ? t.slice(0, 300) + '…' : t)).join('. ')
}
