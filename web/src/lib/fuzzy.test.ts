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
