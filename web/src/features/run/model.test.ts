import { describe, expect, it } from 'vitest'
import type { Approval, Run, RunNode, RunSummary } from '@/api/types'
import * as m from './model'

const node = (name: string, state: RunNode['state'], over: Partial<RunNode> = {}): RunNode => ({ name, state, step: 1, error: '', steps: [], ...over })
const T0 = Date.parse('2026-11-22T14:00:00Z')

describe('nodes', () => {
  it('counts add up and put failures first', () => {
    const nodes = [node('a', 'succeeded'), node('b', 'failed'), node('c', 'running'), node('d', 'succeeded')]
    expect(m.nodeCounts(nodes).map((c) => c.text)).toEqual(['1 failed', '1 running', '2 done'])
    expect(m.nodeSummary(nodes)).toBe('4 nodes: 1 failed, 1 running, 2 done')
    expect(m.nodeCounts([node('a', 'stopped'), node('b', 'failed')]).map((c) => c.text)).toEqual(['1 failed', '1 stopped'])
    expect(m.nodeSummary([])).toBe('no nodes')
  })
  it('shortens names at a separator and keeps them apart', () => {
    expect(m.shortNodeNames(['eu-w-01', 'eu-w-02', 'eu-w-10'])).toEqual(['01', '02', '10'])
    expect(m.shortNodeNames(['web1', 'web10'])).toEqual(['web1', 'web10'])
    expect(m.shortNodeNames(['db', 'web'])).toEqual(['db', 'web'])
  })
  it('pins errors with the reason, and says how many more', () => {
    const nodes = [node('a', 'failed', { error: 'Connection refused' }), node('b', 'failed', { exit: 3 }), node('c', 'failed')]
    expect(m.pinnedErrors({ nodes, state: 'failed', reason: '' }, 2)).toEqual({
      items: [
        { node: 'a', text: 'Connection refused' },
        { node: 'b', text: 'Exit code 3' },
      ],
      more: 1,
    })
  })
})

describe('progress', () => {
  it('says failures beside the number', () => {
    expect(m.progressWords({ progress: { done: 8, total: 12, failed: 1 }, state: 'running' })).toBe('8 of 12 done, 1 failed')
    expect(m.progressWords({ progress: { done: 0, total: 0, failed: 0 }, state: 'queued' })).toBe('not started')
    expect(m.percentDone({ done: 1, total: 3 })).toBe(33)
    expect(m.percentDone({ done: 0, total: 0 })).toBe(0)
  })
  it('fills a step by its nodes', () => {
    const run = {
      state: 'running' as const,
      steps: [
        { n: 1, kind: 'exec', label: 'Drain', state: 'running' as const, started_at: '2026-11-22T14:00:00Z' },
        { n: 2, kind: 'exec', label: '', state: 'pending' as const },
      ],
      nodes: [node('a', 'running', { steps: [{ n: 1, state: 'succeeded', error: '' }] }), node('b', 'running', { steps: [{ n: 1, state: 'running', error: '' }] })],
    }
    expect(m.rail(run, T0 + 4000)).toMatchObject([
      { state: 'running', share: 0.5, time: '4 s' },
      { state: 'waiting', label: 'exec', share: 0, time: '' },
    ])
  })
  it('counts the time of a step without what ran between its nodes', () => {
    const step = (n: number, from: string, to: string) => ({ n, state: 'succeeded' as const, error: '', started_at: `2026-11-22T14:00:${from}Z`, finished_at: `2026-11-22T14:00:${to}Z` })
    const steps = [1, 2].map((n) => ({ n, kind: 'exec', label: '', state: 'succeeded' as const, started_at: '2026-11-22T14:00:00Z', finished_at: '2026-11-22T14:00:20Z' }))
    const after = [node('a', 'succeeded', { steps: [step(1, '00', '02'), step(2, '02', '09')] }), node('b', 'succeeded', { steps: [step(1, '09', '12'), step(2, '12', '20')] })]
    expect(m.rail({ state: 'succeeded', steps, nodes: after }, T0).map((x) => x.time)).toEqual(['5 s', '15 s'])
    const beside = [node('a', 'succeeded', { steps: [step(1, '00', '02')] }), node('b', 'succeeded', { steps: [step(1, '01', '04')] })]
    expect(m.rail({ state: 'succeeded', steps: steps.slice(0, 1), nodes: beside }, T0)[0]?.time).toBe('4 s')
  })
  it('says the outcome in one line', () => {
    const base = { started_at: '2026-11-22T14:00:00Z', finished_at: '2026-11-22T14:00:12Z', progress: { done: 2, total: 2, failed: 0 }, reason: '', nodes: [node('a', 'succeeded')] }
    expect(m.outcome({ ...base, state: 'succeeded' }, T0)).toBe('Succeeded in 12 s on 1 node')
    expect(m.outcome({ ...base, state: 'failed', nodes: [node('a', 'failed'), node('b', 'succeeded')] }, T0)).toBe('Failed in 12 s: 1 of 2 nodes failed')
    expect(m.outcome({ ...base, state: 'unknown' }, T0)).toContain('has to decide')
  })
})

describe('approval', () => {
  const a: Approval = { id: 'a', state: 'asked', need: 2, groups: ['approver'], requested_by: 'u', expires_at: '2026-11-22T14:10:00Z', votes: [{ user_id: 'x', decision: 'approved', note: '', at: '' }], digest: 'sha256:9f3caaaaaaaaa17e', summary: '' }
  it('counts who said yes', () => {
    expect(m.approvalWords(a)).toBe('1 of 2 approved')
    expect(m.approvalWords({ ...a, state: 'voided' })).toContain('changed')
  })
  it('counts down, in seconds at the end', () => {
    expect(m.expiryWords(a.expires_at, T0)).toEqual({ text: 'expires in 10 min', soon: false, over: false })
    expect(m.expiryWords(a.expires_at, T0 + 9 * 60_000)).toEqual({ text: 'expires in 60 s', soon: true, over: false })
    expect(m.expiryWords(a.expires_at, T0 + 11 * 60_000).over).toBe(true)
  })
  it('shortens a digest', () => {
    expect(m.shortDigest(a.digest)).toBe('9f3c…a17e')
    expect(m.shortDigest('')).toBe('')
  })
})

describe('snapshots and links', () => {
  it('completes a card and refuses nonsense', () => {
    expect(m.runFromCard(null)).toBeNull()
    expect(m.runFromCard({ title: 'x' })).toBeNull()
    const r = m.runFromCard({ id: '1', state: 'running', nodes: [{ name: 'a', state: 'running', error: '' }] }) as Run
    expect(r.nodes[0]!.steps).toEqual([])
    expect(r.progress.total).toBe(0)
  })
  it('never goes back to an older snapshot', () => {
    const s = (state: RunSummary['state'], done = 0) => ({ state, progress: { done, total: 3, failed: 0 }, log_lines: 0 })
    expect(m.newer(s('failed'), s('running'))).toBe(true)
    expect(m.newer(s('running', 1), s('running', 2))).toBe(false)
    expect(m.newer(s('waiting'), s('queued'))).toBe(false)
  })
  it('says on how many nodes production is changed, and when that is only assumed', () => {
    const node = (production: boolean, environment_known = true) => ({ production, environment_known })
    expect(m.productionWords([node(true)])).toBe('on 1 node.')
    expect(m.productionWords([node(true), node(false)])).toBe('on 1 of 2 nodes.')
    expect(m.productionWords([node(true, false), node(true)])).toBe('on 2 nodes. Of 1 nobody knows the environment, and unknown counts as production.')
  })
  it('reads and writes line links', () => {
    expect(m.parseLines('#L12')).toEqual({ from: 12, to: 12 })
    expect(m.parseLines('#L20-12')).toEqual({ from: 12, to: 20 })
    expect(m.parseLines('#x')).toBeNull()
    expect(m.parseLines('#L0')).toBeNull()
    expect(m.formatLines(3, 3)).toBe('L3')
    expect(m.formatLines(9, 3)).toBe('L3-9')
  })
})
