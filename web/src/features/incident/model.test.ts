import { describe, expect, it } from 'vitest'
import type { Incident, Metric, Page, Presence, TimelineEntry } from '@/api/types'
import { declaredBy } from '@/lib/awaits'
import { clock } from '@/lib/time'
import * as m from './model'

const T = (min: number) => new Date(Date.parse('2026-11-22T14:00:00Z') + min * 60_000).toISOString()
const page = (user: string, state: Page['state'], over: Partial<Page> = {}): Page => ({ id: user, user_id: user, level: 0, state, paged_at: T(0), channel_states: [], ...over })
const here = (user: string, room: string | null = 'room'): Presence => ({ user_id: user, state: 'available', said: 'available', status_text: '', room_id: room, seat: null, since: T(1) })
const incident = (over: Partial<Incident> = {}): Incident => ({ id: 'i', ticket: 'INC-1', title: 'x', room: { id: 'room', name: 'room' }, severity: 2, stage: 'triage', mode: 'real', restricted: false, gathers: false, service: 'pay', environment: 'prod', production: true, summary: '', declared_by: '', roles: [], pages: [], alerts: [], times: { declared: T(0) }, ticket_url: '', abilities: {}, ...over })
const entry = (kind: string, at: number, data: unknown = {}): TimelineEntry => ({ id: kind + at, at: T(at), kind, actor: { id: '', name: '' }, text: kind, data })

describe('responders', () => {
  it('puts everyone on one line with the most telling state', () => {
    const i = incident({
      pages: [page('joined', 'acknowledged', { joined_at: T(2) }), page('coming', 'acknowledged', { acknowledged_at: T(1) }), page('seen', 'seen'), page('paged', 'paged'), page('left', 'acknowledged', { joined_at: T(3) }), page('no', 'declined')],
      roles: [{ role: 'commander', user_id: 'boss' }],
    })
    const list = m.responders(i, [here('joined'), here('walkin'), here('boss', null), here('left', 'other')])
    expect(list.map((r) => [r.userId, r.response])).toEqual([
      ['walkin', 'here'],
      ['joined', 'here'],
      ['coming', 'coming'],
      ['seen', 'seen'],
      ['paged', 'paged'],
      ['boss', 'away'],
      ['no', 'away'],
      ['left', 'away'],
    ])
    expect(list.find((r) => r.userId === 'left')?.detail).toBe('Was here and left')
    expect(m.responseSummary(list)).toBe('2 here, 1 on the way, 1 seen, 1 paged, 3 not here')
    expect(m.responseSummary([])).toBe('nobody called yet')
  })
  it('takes the latest page of a person', () => {
    const i = incident({ pages: [page('a', 'escalated', { paged_at: T(0) }), page('a', 'seen', { id: 'a2', paged_at: T(5), level: 2 })] })
    expect(m.responders(i, [])[0]).toMatchObject({ response: 'seen', detail: 'Saw the page, level 2' })
  })
})

describe('stages and clocks', () => {
  it('goes on step by step and can be reopened', () => {
    expect(m.nextStage('declared').to).toBe('triage')
    expect(m.nextStage('monitoring')).toEqual({ to: 'resolved', label: 'Resolve' })
    expect(m.nextStage('closed').label).toBe('Reopen')
    expect(m.stageIndex('closed')).toBe(5)
  })
  it('knows the stages that were skipped', () => {
    expect([...m.stagesSeen([])]).toEqual(['declared'])
    const moves = [entry('incident.stage', 1, { from: 'declared', to: 'mitigating' }), entry('note', 2, { to: 'triage' }), entry('incident.stage', 3, { from: 'mitigating', to: 'resolved' })]
    expect([...m.stagesSeen(moves)]).toEqual(['declared', 'mitigating', 'resolved'])
  })
  it('stops the clock when resolved', () => {
    expect(m.openFor(incident(), Date.parse(T(42)))).toBe(42 * 60_000)
    expect(m.openFor(incident({ stage: 'closed', times: { declared: T(0), resolved: T(10), closed: T(90) } }), Date.parse(T(999)))).toBe(600_000)
  })
  it('orders by severity, and of one severity the newest first', () => {
    const list = [incident({ id: 'b', times: { declared: T(5) } }), incident({ id: 'a', severity: 1, times: { declared: T(9) } }), incident({ id: 'c' })]
    expect(list.sort(m.bySeverity).map((i) => i.id)).toEqual(['a', 'b', 'c'])
  })
})

describe('what is not over', () => {
  it('awaits an acknowledgement until there is one that holds', () => {
    expect(m.awaitsAck(incident({}))).toBe(true)
    expect(m.awaitsAck(incident({ mode: 'test' }))).toBe(false)
    expect(m.awaitsAck(incident({ stage: 'resolved' }))).toBe(false)
    const acked = { times: { declared: T(1), acknowledged: T(2) } }
    expect(m.awaitsAck(incident(acked))).toBe(false)
    expect(m.awaitsAck(incident({ ...acked, next_page: { user_id: 'u', at: T(40) } }))).toBe(true)
  })
  it('says what goes on, and what came of many', () => {
    expect(m.openWord({ kind: 'run', title: 'x', state: 'waiting' })).toBe('waits for approval')
    expect(m.openWord({ kind: 'alert', title: 'x', state: 'open' })).toBe('still fires')
    expect(m.outcomes([{ ticket: 'INC-1', error: '' }, { ticket: 'INC-2', error: 'It is closed.' }], 'acknowledged')).toEqual({ text: '1 of 2 acknowledged', failed: ['INC-2: It is closed.'] })
  })
})

describe('metrics', () => {
  const metric = (over: Partial<Metric>): Metric => ({ name: 'MTTR', title: '', seconds: null, formula: '', from: { name: 'impact_started' }, to: { name: 'resolved' }, missing: [], ...over })
  it('says a number, or which stamp is missing', () => {
    expect(m.metricText(metric({ seconds: 95 }))).toEqual({ value: '1 min 35 s', why: '' })
    expect(m.metricText(metric({ missing: ['first_responder'] }))).toEqual({ value: '–', why: 'Missing: first responder in the room' })
    expect(m.metricText(metric({ seconds: 0 })).value).toBe('0 s')
  })
  it('always has its formula', () => {
    expect(m.formula(metric({}))).toBe('resolved − impact started')
    expect(m.formula(metric({ formula: 'as sent' }))).toBe('as sent')
    expect(m.metricName(metric({ name: 'time_to_muster' }))).toBe('Time to muster')
  })
})

describe('timeline', () => {
  it('shows the newest first and keeps the order of equals', () => {
    expect(m.newestFirst([entry('a', 1), entry('b', 3), entry('c', 3)]).map((e) => e.kind)).toEqual(['c', 'b', 'a'])
    expect(m.lastChange([entry('run.finished', 1), entry('note', 2)])?.kind).toBe('run.finished')
    expect(m.lastChange([])).toBeNull()
  })
  it('leads only inside the app', () => {
    expect(m.insideLink('/rooms/r1#m=7')).toEqual({ to: '/rooms/r1', hash: 'm=7' })
    expect(m.insideLink('//evil')).toBeNull()
    expect(m.insideLink('https://evil')).toBeNull()
  })
  it('marks by kind, and knows what it has never seen', () => {
    expect(m.mark(entry('alert.fired', 0))).toEqual({ icon: 'alert', tone: 'red' })
    expect(m.mark(entry('alert.resolved', 0)).tone).toBe('green')
    expect(m.mark(entry('run.finished', 0, { state: 'failed' })).tone).toBe('red')
    expect(m.mark(entry('moon.phase', 0)).icon).toBe('dot')
  })
})

describe('forms', () => {
  it('asks for a title that fits', () => {
    expect(m.titleProblem(' ')).toContain('few words')
    expect(m.titleProblem('x'.repeat(121))).toContain('121')
    expect(m.titleProblem('Queue backs up')).toBe('')
  })
  it('turns local times there and back', () => {
    expect(m.fromLocalInput(m.toLocalInput('2026-11-22T14:00:05Z'))).toBe('2026-11-22T14:00:05.000Z')
    expect(m.toLocalInput(null)).toBe('')
    expect(m.fromLocalInput('x')).toBe('')
  })
  it('follows a ticket link only over http', () => {
    expect(m.safeTicket('https://jira/INC-1')).toBe('https://jira/INC-1')
    expect(m.safeTicket('javascript:alert(1)')).toBeNull()
    expect(m.safeTicket('')).toBeNull()
  })
})

describe('dueWord', () => {
  const now = new Date(2026, 10, 22, 23, 30)
  it.each([
    ['2026-11-22', 'due today', false],
    ['2026-11-23', 'due tomorrow', false],
    ['2026-12-01', 'due 2026-12-01', false],
    ['2026-11-21', 'due yesterday', true],
    ['2026-11-12', '10 days late', true],
  ])('%s', (due, text, late) => expect(m.dueWord(due, now)).toEqual({ text, late }))
})

it('how a page went out is told for each way, with its tries', () => {
  const p = page('jonas', 'paged', {
    channel_states: [
      { channel: 'app', state: 'sent' },
      { channel: 'email', state: 'queued', attempts: 2, error: 'The mail server answered with code 451. It is tried again.', tries: [{ at: '2026-11-30T20:15:03Z', sent: false, error: 'The mail server answered with code 451.' }] },
      { channel: 'gateway:1', name: 'SMS', state: 'sent', tries: [{ at: '2026-11-30T20:15:04Z', sent: true, answer: 'queued as 42' }] },
      { channel: 'gateway:2', name: 'Pager', state: 'skipped', error: 'Not sent: it was answered before.' },
    ],
  })
  expect(m.ways(p)).toEqual([
    { channel: 'email', bad: true, text: 'Email: not sent yet. The mail server answered with code 451. It is tried again.', tries: [`${clock('2026-11-30T20:15:03Z', true)}: The mail server answered with code 451.`] },
    { channel: 'gateway:1', bad: false, text: 'SMS: sent', tries: [`${clock('2026-11-30T20:15:04Z', true)}: sent, it answered: queued as 42`] },
    { channel: 'gateway:2', bad: false, text: 'Pager: not needed', tries: [] },
  ])
})

describe('declaring', () => {
  const d: m.Declaring = { title: ' Slow ', severity: 2, service: 'pay', environment: 'prod', summary: '', mode: 'real', restricted: false, groups: [], gathers: true }
  it('lets alerts join only where the server would', () => {
    expect(m.declaration(d)).toEqual({ title: 'Slow', severity: 2, service: 'pay', environment: 'prod', gathers: true })
    expect(m.declaration({ ...d, gathers: false }).gathers).toBeUndefined()
    expect(m.declaration({ ...d, service: '' }).gathers).toBeUndefined()
    expect(m.declaration({ ...d, mode: 'drill' }).gathers).toBeUndefined()
    expect(m.declaration({ ...d, restricted: true }).gathers).toBeUndefined()
  })
  it('sends groups as they are written', () => {
    expect(m.declaration({ ...d, restricted: true, groups: ['Risk, Level 2'] })).toMatchObject({ restricted: true, groups: ['Risk, Level 2'] })
    expect(m.declaration({ ...d, groups: ['x'] }).groups).toBeUndefined()
  })
})

it('folds who came in one after the other', () => {
  const came = (name: string, at: number): TimelineEntry => ({ ...entry('office.entered', at), actor: { id: name, name }, text: `${name} came into the room.` })
  const items = [entry('note', 9), came('Amara', 8), came('Jonas', 7), came('Mei', 6), came('Jonas', 5), entry('incident.declared', 4), came('Tom', 3), came('Ana', 2)]
  const shown = m.folded(items)
  expect(shown.map((e) => e.text)).toEqual(['note', '3 came in', 'incident.declared', 'Tom came into the room.', 'Ana came into the room.'])
  expect(shown[1]).toMatchObject({ at: T(8), who: ['Amara', 'Jonas', 'Mei'] })
})

it('says what declared an incident where no person did', () => {
  expect(['system:alert/01a2', 'system:console', 'system:demo'].map(declaredBy)).toEqual(['an alert', 'the console', 'Muster'])
})
