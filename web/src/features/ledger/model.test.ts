import { describe, expect, it } from 'vitest'
import type { LedgerRecord } from '@/api/types'
import * as m from './model'

const record = (over: Partial<LedgerRecord> = {}): LedgerRecord => ({ n: 1, id: 'x', at: '2026-11-22T14:00:00Z', kind: 'incident.declared', actor_name: 'Amara Okafor', resource: '', room: '', incident: 'i', project: '', door: 'web', outcome: 'done', fields: {}, hash: 'h', ...over })

describe('ledger', () => {
  it('filters by kind and outcome', () => {
    expect(m.matchRecord(record(), { ...m.NO_FILTER, kind: 'incident.' })).toBe(true)
    expect(m.matchRecord(record(), { ...m.NO_FILTER, kind: 'run.' })).toBe(false)
    expect(m.matchRecord(record(), { ...m.NO_FILTER, outcome: 'denied' })).toBe(false)
    expect(m.isFiltered(m.NO_FILTER)).toBe(false)
    const says = (text: string) => m.matchRecord(record({ fields: { ticket: 'INC-7' }, resource: 'incident:x' }), { ...m.NO_FILTER, text }, () => 'Amara O.')
    expect(['inc-7 DECLARED', 'amara o.', 'incident:x', ' '].map(says)).toEqual([true, true, true, true])
    expect(says('inc-8')).toBe(false)
  })
  it('takes days as moments, the last one included', () => {
    expect(m.span({ from: '2026-11-30', to: '2026-11-30' })).toEqual({ from: new Date(2026, 10, 30).toISOString(), to: new Date(2026, 11, 1).toISOString() })
    expect(m.span({ from: '0002-11-30', to: '' })).toEqual({})
  })
  it('says in words what it was about', () => {
    expect(m.kindWords('incident.Declared')).toBe('Incident declared')
    expect(m.kindWords('access.PolicyChanged')).toBe('Access policy changed')
    expect(m.about(record({ fields: { ticket: 'INC-1', title: 'Queue', extra: {} } }))).toBe('INC-1 · Queue')
    expect(m.about(record({ resource: 'run/41' }))).toBe('run/41')
    // No row shows an id where there is a name, and none in full where there is none.
    const id = '01a22e09-700c-7000-8000-00000012ab34'
    expect(m.about(record({ resource: 'run:' + id }), (kind, x) => (kind === 'run' && x === id ? 'Run 1 payments/restart' : undefined))).toBe('Run 1 payments/restart')
    expect(m.about(record({ resource: 'run:' + id }))).toBe('Run …12ab34')
    expect(m.about(record({ resource: 'job:payments/restart' }))).toBe('job:payments/restart')
  })
  it('names who did it, and the server for what it does by itself', () => {
    const known = (login: string) => (login === 'amara' ? 'Amara Okafor' : undefined)
    const by = (actor_name: string, door: string) => m.actorWords(record({ actor_name, door }), known)
    expect([by('amara', 'web'), by('run', 'task'), by('', 'task'), by('console', 'cli'), by('call', 'media'), by('alertmanager', 'hook'), by('somebody-gone', 'api')]).toEqual(['Amara Okafor', 'Muster', 'Muster', 'Console', 'Muster', 'alertmanager', 'somebody-gone'])
  })
  it('shows a secret as its commitment', () => {
    expect(m.fieldText({ commitment: 'sha256:1' })).toEqual({ text: 'sha256:1', sealed: true })
    expect(m.fieldText({ a: 1 })).toEqual({ text: '{\n  "a": 1\n}', sealed: false })
    expect(m.fieldText('')).toEqual({ text: '–', sealed: false })
    expect(m.fieldText(false).text).toBe('false')
  })
  it('exports rows that no spreadsheet takes for a formula', () => {
    const csv = m.toCSV([record({ actor_name: '=HYPERLINK("x")', fields: { a: 'b,c' } })])
    const [head, row] = csv.split('\r\n')
    expect(head).toMatch(/^n,id,at_utc/)
    expect(row).toContain(`"'=HYPERLINK(""x"")"`)
    expect(row).toContain('"{""a"":""b,c""}"')
  })
})
