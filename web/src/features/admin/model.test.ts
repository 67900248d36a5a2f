import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { AlertRule } from '@/api/types'
import * as m from './model'

const rule = (over: Partial<AlertRule> = {}): AlertRule => ({ id: 'x', position: 1, name: 'n', when: 'true', service: '', environment: '', severity: 3, action: 'declare', ...over })

describe('rotations', () => {
  it('checks an override', () => {
    expect(m.overrideProblem('', '')).not.toBe('')
    expect(m.overrideProblem('2026-11-22T10:00', '2026-11-22T09:00')).toContain('before')
    expect(m.overrideProblem('2026-11-22T09:00', '2026-11-22T10:00')).toBe('')
  })
})

describe('rules', () => {
  it('names what is missing or not closed', () => {
    expect(m.ruleProblem(rule({ name: '' }))).toMatchObject({ field: 'name' })
    expect(m.ruleProblem(rule({ when: '' }))).toBeNull()
    expect(m.ruleProblem(rule({ severity: 'critical' }))).toBeNull()
    expect(m.ruleProblem(rule({ when: 'labels.x == "y' }))?.text).toContain('quoted')
    expect(m.ruleProblem(rule({ when: '(a && b' }))?.text).toContain('bracket')
    expect(m.ruleProblem(rule({ when: 'a)' }))?.text).toContain('too many')
    expect(m.ruleProblem(rule({ severity: 9 }))).toMatchObject({ field: 'severity' })
    expect(m.ruleProblem(rule({ severity: 'labels.sev == "x" ? 1 : 3', when: 'labels.a == "(\\")"' }))).toBeNull()
  })
  it('lets a restricted incident be known to somebody', () => {
    expect(m.ruleProblem(rule({ action: 'declare', restricted: true }))).toMatchObject({ field: 'groups' })
    expect(m.ruleProblem(rule({ action: 'declare', restricted: true, groups: ['Risk, Level 2'] }))).toBeNull()
    expect(m.numbered([rule({ action: 'declare', restricted: true, groups: ['Risk'] }), rule({ action: 'attach', restricted: true, groups: ['Risk'] })]).map((r) => [r.restricted, r.groups])).toEqual([
      [true, ['Risk']],
      [false, []],
    ])
  })
  it('tells groups from roles', () => {
    expect(m.groupsOf(['operator', 'Payments, Level 2', 'SRE'])).toEqual(['Payments, Level 2', 'SRE'])
  })
  it('sees rules that are never reached', () => {
    expect(m.shadowedFrom([rule({ when: 'a' }), rule(), rule({ when: 'b' })])).toBe(2)
    expect(m.shadowedFrom([rule({ when: 'a' }), rule()])).toBe(-1)
  })
  it('moves and numbers', () => {
    expect(m.move(['a', 'b', 'c'], 2, 0)).toEqual(['c', 'a', 'b'])
    expect(m.move(['a'], 0, 5)).toEqual(['a'])
    expect(m.numbered([rule({ position: 9 }), rule({ position: 9 })]).map((r) => [r.position, r.severity])).toEqual([
      [1, '3'],
      [2, '3'],
    ])
  })
})

describe('fields', () => {
  it('checks names', () => {
    expect(m.loginProblem('amara')).toBe('')
    expect(m.loginProblem('Amara O')).not.toBe('')
    expect(m.loginFrom('Zoë Martín')).toBe('zoe')
    expect(m.slugProblem('payments-api', 'service')).toBe('')
    expect(m.slugProblem('Payments API', 'service')).not.toBe('')
    expect(m.emailProblem('a@b')).not.toBe('')
    expect(m.emailProblem('')).toBe('')
  })
  it('checks keys without reading them', () => {
    expect(m.keyPathProblem('keys/demo/deploy')).toBe('')
    expect(m.keyPathProblem('../etc')).not.toBe('')
    expect(m.keyPathProblem('/abs')).not.toBe('')
    expect(m.keyContentProblem('private-key', 'ssh-ed25519 AAAA')).toContain('BEGIN')
    expect(m.keyContentProblem('public-key', '-----BEGIN OPENSSH PRIVATE KEY-----')).toContain('private key')
    expect(m.keyContentProblem('password', 'x')).toBe('')
  })
  it('says when duties lie in one hand', () => {
    expect(m.roleConflict(['operator', 'approver'])).toContain('own runs')
    expect(m.roleConflict(['responder'])).toBe('')
  })
  it('writes a configuration Alertmanager reads', () => {
    const y = m.alertmanagerConfig('https://m/hooks/alertmanager/s', 'alert manager')
    expect(y).toContain("url: 'https://m/hooks/alertmanager/s'")
    expect(y).toContain('receiver: alert-manager')
    expect(y).toContain('send_resolved: true')
  })
  it('sums an import up', () => {
    const item = (result: 'created' | 'dropped') => ({ name: '', result, message: '' })
    expect(m.importSummary([item('created'), item('created'), item('dropped')])).toEqual({ text: '2 created, 1 dropped', dropped: 1 })
    expect(m.importSummary([]).text).toContain('nothing')
  })
  it('asks why with what is known', () => {
    expect(m.whyQuery({ user: 'a', type: 'job', action: 'run', name: 'n', group: '', env: '' })).toEqual({ user: 'a', type: 'job', action: 'run', name: 'n' })
  })
})

it('what is given to Alertmanager is the same here and in the guide', () => {
  const block = /^( *)```yaml\n([^]*?)^\1```/m.exec(readFileSync('../docs/guide/alertmanager.md', 'utf8'))!
  const guide = block[2]!.split('\n').map((l) => l.replace(block[1]!, '')).filter((l) => l.trim() && !l.trim().startsWith('#'))
  const url = /url: (\S+)/.exec(block[2]!)![1]!
  expect(m.alertmanagerConfig(url, 'muster').split('\n').filter(Boolean).map((l) => l.replace(`'${url}'`, url))).toEqual(guide)
})
