import { describe, expect, it } from 'vitest'
import type { Alert } from '@/api/types'
import * as m from './model'

const alert = (over: Partial<Alert> = {}): Alert => ({ id: 'a', source_id: '', source: 'am', fingerprint: '', group_key: '', state: 'open', title: 'QueueHigh', summary: 'deep', service: 'pay', environment: 'prod', production: true, severity: 2, labels: {}, annotations: {}, starts_at: '2026-11-22T14:00:00Z', last_at: '2026-11-22T14:10:00Z', count: 1, generator_url: '', abilities: {}, ...over })

describe('alerts', () => {
  it('knows which of two tellings is the newer', () => {
    const later = '2026-11-22T14:11:00Z'
    expect(m.asNew(alert(), alert())).toBe(true)
    expect(m.asNew(alert(), alert({ state: 'acknowledged' }))).toBe(false)
    expect(m.asNew(alert({ last_at: later }), alert({ state: 'resolved' }))).toBe(true)
    expect(m.asNew(alert({ state: 'resolved' }), alert({ last_at: later }))).toBe(false)
  })
  it('says how long it fires, then how long it lasted', () => {
    const now = Date.parse('2026-11-22T14:12:00Z')
    expect(m.durationWords(alert(), now)).toBe('Firing for 12 min')
    expect(m.durationWords(alert({ state: 'resolved', ends_at: '2026-11-22T14:04:02Z' }), now)).toBe('Resolved after 4 min 2 s')
  })
  it.each(['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', '/relative', 'not a link', ''])('does not follow %s', (url) => {
    expect(m.safeLink(url)).toBeNull()
  })
  it('collects each safe link once', () => {
    expect(m.links(alert({ generator_url: 'https://prom/g', annotations: { runbook_url: 'https://wiki/r', dashboard_url: 'https://wiki/r', dashboard: 'javascript:x' } })).map((l) => l.label)).toEqual(['Runbook', 'Source'])
  })
  it('puts telling labels first and the name nowhere', () => {
    expect(m.labels(alert({ labels: { zebra: '1', alertname: 'QueueHigh', severity: 'critical', env: 'prod' } })).map((l) => l.name)).toEqual(['severity', 'env', 'zebra'])
  })
  it('asks the server for what a tab shows', () => {
    expect(m.query({ ...m.listQuery('firing'), service: '', q: 'a b', cursor: '' })).toBe('?state=live&sort=worst&q=a+b')
    expect(m.query(m.listQuery('all'))).toBe('?sort=newest')
    expect(m.query({})).toBe('')
  })
  it('counts what a tab shows', () => {
    const c = { open: 2, acknowledged: 3, resolved: 4 }
    expect(['firing', 'open', 'acknowledged', 'resolved', 'all'].map((x) => m.countOf(c, x))).toEqual([5, 2, 3, 4, 9])
  })
  it('says how an alert ended', () => {
    expect(m.endWords(alert({ state: 'resolved', ended_by: 'silence' }))).toBe('not heard of any more')
    expect(m.endWords(alert({ state: 'resolved' }))).toBe('')
    expect(m.endWords(alert())).toBe('')
  })
  it('completes a card and refuses nonsense', () => {
    expect(m.alertFromCard({ id: 'a', title: 'x' })?.labels).toEqual({})
    expect(m.alertFromCard('x')).toBeNull()
  })
})
