// How I am reached: my channels in order, as the form has them.
import type { Delivery, ReachChannel } from '@/api/types'

export const DELAYS: [number, string][] = [
  [0, 'at once'],
  [60, 'after 1 minute'],
  [120, 'after 2 minutes'],
  [300, 'after 5 minutes'],
  [600, 'after 10 minutes'],
  [1800, 'after 30 minutes'],
]
export const SEVERITIES: [number, string][] = [
  [4, 'for every page'],
  [3, 'for SEV-1 to 3'],
  [2, 'for SEV-1 and 2'],
  [1, 'for SEV-1 only'],
]

/** The delays to choose from, with one that was set otherwise. */
export const delaysWith = (seconds: number): [number, string][] => (DELAYS.some(([s]) => s === seconds) ? DELAYS : [...DELAYS, [seconds, `after ${seconds} seconds`] as [number, string]].sort((a, b) => a[0] - b[0]))

/** The list with one taken up or down by one. */
export function moved<T>(list: readonly T[], at: number, by: -1 | 1): T[] {
  const to = at + by
  const it = list[at]
  if (it === undefined || to < 0 || to >= list.length) return [...list]
  const out = list.toSpliced(at, 1)
  out.splice(to, 0, it)
  return out
}

/** What the server is sent: all of them, in order. */
export const chosen = (list: readonly ReachChannel[]) => list.map((c) => ({ channel: c.channel, used: c.used, address: c.address, delay_s: c.delay_s, severity: c.severity }))
export const changed = (a: readonly ReachChannel[], b: readonly ReachChannel[]): boolean => JSON.stringify(chosen(a)) !== JSON.stringify(chosen(b))

/** What is missing before it can be saved; "" where nothing is. */
export const missing = (c: ReachChannel): string => (c.used && c.channel !== 'email' && !c.address.trim() ? `${c.address_name} is missing.` : '')

/** What became of a test or a page on a channel, in one line. */
export function outcome(d: Delivery | undefined): { text: string; tone: 'good' | 'bad' | 'wait' } {
  if (!d) return { text: '', tone: 'wait' }
  const answer = d.tries?.findLast((t) => t.answer)?.answer
  switch (d.state) {
    case 'sent':
      return { text: answer ? `Sent. It answered: ${answer}` : 'Sent', tone: 'good' }
    case 'failed':
    case 'off':
      return { text: [d.error, answer && `It answered: ${answer}`].filter(Boolean).join(' '), tone: 'bad' }
    case 'skipped':
      return { text: d.error || 'Not sent', tone: 'wait' }
    default:
      return { text: d.error || 'On its way', tone: 'wait' }
  }
}
