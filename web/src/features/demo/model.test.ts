import { expect, test } from 'vitest'
import { act, current, every, request, spoken, type Drill, type Step } from './model'

const IDS: Step['id'][] = ['alert', 'page', 'acknowledge', 'repair', 'approve', 'run', 'resolve']
const drill = (done: number, yours: Step['id'][] = [], more: Partial<Drill> = {}): Drill => ({
  state: 'running', started_at: '', started_by: 'me', incident_id: 'i1', room_id: 'r1', repair: '/run x', ...more,
  steps: IDS.map((id, n) => ({ id, title: id, yours: yours.includes(id), done: n < done })),
})

test('the current step is the first that is not done, and none once it is over', () => {
  expect(current(drill(2))?.id).toBe('acknowledge')
  expect(current(drill(7))).toBeUndefined()
  expect(current(drill(2, [], { state: 'failed' }))).toBeUndefined()
})

test('only a step of one’s own offers something to do', () => {
  expect(act(drill(2))).toBeUndefined()
  expect(act(drill(2, ['acknowledge']))).toBe('Acknowledge')
  expect(act(drill(0, ['alert']))).toBeUndefined()
})

test('each is one request', () => {
  expect(request(drill(2, ['acknowledge']), 'k')).toEqual({ path: '/incidents/i1/acknowledge' })
  expect(request(drill(3, ['repair']), 'k')).toEqual({ path: '/rooms/r1/messages', body: { text: '/run x', key: 'k' } })
  expect(request(drill(4, ['approve']), 'k')).toBeUndefined()
  expect(request(drill(6, ['resolve']), 'k')?.path).toBe('/incidents/i1/stage')
  expect(request(drill(2, ['acknowledge'], { incident_id: undefined }), 'k')).toBeUndefined()
})

test('asked often only while one goes on', () => {
  expect(every(undefined)).toBe(10_000)
  expect(every({ drills: true, drill: drill(1) })).toBe(1000)
  expect(every({ drills: true, drill: drill(7, [], { state: 'over' }) })).toBe(10_000)
})

test('in words', () => {
  expect(spoken(drill(2, ['acknowledge']))).toBe('Drill, step 3 of 7: acknowledge. Your turn')
  expect(spoken(drill(7, [], { state: 'over' }))).toBe('The drill is over.')
  expect(spoken(drill(1, [], { state: 'failed', reason: 'no host' }))).toContain('no host')
})
