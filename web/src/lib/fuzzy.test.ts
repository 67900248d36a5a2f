import { expect, it } from 'vitest'
import { rank } from './fuzzy'

const names = ['payments/queue-drain', 'payments-ops', 'opaque', 'settlement', 'Priya Raman', 'eod/close-books']
const find = (q: string) => rank(q, names, (n) => [n])

it('finds starts of words before letters inside', () => {
  expect(find('pay')[0]).toMatch(/^payments/)
  expect(find('qd')[0]).toBe('payments/queue-drain')
  expect(find('ops')[0]).toBe('payments-ops')
})
it('finds letters in order, and nothing else', () => {
  expect(find('sttl')).toEqual(['settlement'])
  expect(find('xyz')).toEqual([])
  expect(find('raman')).toEqual(['Priya Raman'])
})
it('without words keeps the order', () => expect(find('').slice(0, 2)).toEqual(names.slice(0, 2)))
it('whoever writes a name out finds what is called so, not what has its letters somewhere', () => {
  const jobs = ['access/delete-projects', 'demo/collect-system-report-of-objects', 'payments/restart-service']
  const job = (q: string) => rank(q, jobs, (n) => [n])
  expect(job('delete-projects')).toEqual([jobs[0]])
  expect(job('delproj')).toEqual([jobs[0]])
  expect(job('restart payments')).toEqual([])
  expect(job('payments restart')).toEqual([jobs[2]])
  expect(job('ments serv')).toEqual([jobs[2]])
  expect(job('payrestserv')).toEqual([jobs[2]])
  // A few letters still find what has them in order.
  expect(job('rstrt')).toEqual([jobs[2]])
})
