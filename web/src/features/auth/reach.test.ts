import { expect, test } from 'vitest'
import type { ReachChannel } from '@/api/types'
import { changed, delaysWith, missing, moved, outcome } from './reach'

const c = (channel: string, over: Partial<ReachChannel> = {}): ReachChannel => ({ channel, name: 'SMS', address_name: 'Mobile number', used: true, address: '', delay_s: 0, severity: 4, works: true, ...over })

test('channels move by one, and not beyond the ends', () => {
  expect(moved(['a', 'b', 'c'], 2, -1)).toEqual(['a', 'c', 'b'])
  expect(moved(['a', 'b', 'c'], 0, 1)).toEqual(['b', 'a', 'c'])
  expect(moved(['a', 'b'], 0, -1)).toEqual(['a', 'b'])
  expect(moved(['a', 'b'], 1, 1)).toEqual(['a', 'b'])
})

test('a gateway in use needs a number, email does not', () => {
  expect(missing(c('gateway:1'))).toBe('Mobile number is missing.')
  expect(missing(c('gateway:1', { address: '+49 1' }))).toBe('')
  expect(missing(c('gateway:1', { used: false }))).toBe('')
  expect(missing(c('email'))).toBe('')
})

test('order and values are what is saved; whether it works is not', () => {
  expect(changed([c('email'), c('gateway:1')], [c('email', { works: false }), c('gateway:1')])).toBe(false)
  expect(changed([c('email'), c('gateway:1')], [c('gateway:1'), c('email')])).toBe(true)
})

test('a delay that is no choice stays what it was', () => {
  expect(delaysWith(90).map((d) => d[0])).toEqual([0, 60, 90, 120, 300, 600, 1800])
  expect(delaysWith(60)).toHaveLength(6)
})

test('what became of it is one line', () => {
  expect(outcome({ channel: 'email', state: 'sent' })).toEqual({ text: 'Sent', tone: 'good' })
  expect(outcome({ channel: 'gateway:1', state: 'failed', error: 'The gateway answered with status 400.', tries: [{ at: '', sent: false, error: 'x', answer: 'no such number' }] })).toEqual({ text: 'The gateway answered with status 400. It answered: no such number', tone: 'bad' })
  expect(outcome({ channel: 'email', state: 'queued' })).toEqual({ text: 'On its way', tone: 'wait' })
})
