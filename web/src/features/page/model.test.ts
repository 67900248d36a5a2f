import { expect, test } from 'vitest'
import type { OpenPage } from '@/api/types'
import { barTone, more, news, pageText, pageTitle } from './model'

const page = (id: string, over: Partial<OpenPage> = {}): OpenPage => ({ id, kind: 'page', title: 'Payments down', severity: 1, drill: false, ticket: 'INC-1', incident_id: 'i1', link: '/rooms/r1', at: '2026-11-30T20:00:00Z', may_acknowledge: true, ...over })

test('what is read out names severity, ticket and title, and a drill once', () => {
  expect(pageTitle(page('a'))).toBe('SEV-1 INC-1 Payments down')
  expect(pageTitle(page('a', { drill: true }))).toBe('DRILL SEV-1 INC-1 Payments down')
  expect(pageTitle(page('a', { kind: 'approval', drill: true, ticket: undefined, severity: 0, title: 'DRILL Run #2 waits' }))).toBe('DRILL Run #2 waits')
  expect(pageText(page('a', { title: 'DRILL Run #2 waits' }))).toBe('Run #2 waits')
})

test('the bar is red while a page is among what waits', () => {
  expect(barTone([page('a', { kind: 'approval' }), page('b')])).toBe('red')
  expect(barTone([page('a', { kind: 'approval' })])).toBe('amber')
})

test('each is told once, and what is over is taken away', () => {
  const { fresh, over } = news(new Set(['a', 'c']), [page('a'), page('b')])
  expect(fresh.map((p) => p.id)).toEqual(['b'])
  expect(over).toEqual(['c'])
})

test('the rest is counted by kind', () => {
  expect(more([page('a')])).toBe('')
  expect(more([page('a'), page('b'), page('c')])).toBe('2 more')
  expect(more([page('a'), page('b'), page('c', { kind: 'approval' })])).toBe('1 more and 1 approval')
  expect(more([page('a'), page('b', { kind: 'approval' }), page('c', { kind: 'approval' })])).toBe('2 approvals')
})
