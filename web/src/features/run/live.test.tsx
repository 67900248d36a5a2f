// @vitest-environment jsdom
import { cleanup, render } from '@testing-library/react'
import { afterEach, expect, it } from 'vitest'
import type { Run } from '@/api'
import { Sayer } from '@/ui/say'
import { run as summary } from '@/realtime/fixtures'
import { useOutcome } from './live'

afterEach(cleanup)
const run = (o: Partial<Run>): Run => ({ ...summary('r' + o.number, {}), nodes: [], ...o }) as unknown as Run
function Screen({ run }: { run: Run }) {
  useOutcome(run)
  return <Sayer />
}
/** What is said on the page of a run that goes through these. */
function told(number: number, ...states: Partial<Run>[]) {
  const page = render(<Screen run={run({ number, ...states[0] })} />)
  for (const s of states.slice(1)) page.rerender(<Screen run={run({ number, ...s })} />)
  return [...page.container.querySelectorAll('[data-say] p')].map((p) => p.textContent).filter((t) => t.startsWith(`Run ${number} `))
}

it('the page of a run says what became of it, and nothing of how it came', () => {
  expect(told(1, { state: 'failed' })).toEqual([])
  expect(told(2, { state: 'waiting' }, { state: 'queued' }, { state: 'running' })).toEqual(['Run 2 was approved and starts'])
  expect(told(3, { state: 'running' }, { state: 'running', progress: { done: 1, total: 2, failed: 0 } }, { state: 'succeeded', progress: { done: 2, total: 2, failed: 0 } })).toEqual(['Run 3 succeeded on 2 nodes'])
  expect(told(4, { state: 'running' }, { state: 'failed', reason: 'The key ops/root is gone', progress: { done: 0, total: 2, failed: 0 } })).toEqual(['Run 4 failed: The key ops/root is gone'])
  expect(told(5, { state: 'waiting' }, { state: 'stopped', reason: 'declined by Priya: not now' })).toEqual(['Run 5 was not approved: declined by Priya: not now'])
  expect(told(6, { state: 'running' }, { state: 'unknown' })).toEqual(['Run 6 has an unknown outcome: look at it'])
})
