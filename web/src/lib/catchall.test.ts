import { expect, test } from 'vitest'
import { catchAllState } from './catchall'

test('a catch-all in which nobody can be paged is none', () => {
  expect(catchAllState([])).toBe('none')
  expect(catchAllState([{ catch_all: false }])).toBe('none')
  expect(catchAllState([{ catch_all: true, warnings: [{ kind: 'nobody' }] }])).toBe('empty')
  expect(catchAllState([{}, { catch_all: true, warnings: [{ kind: 'channel' }] }])).toBe('manned')
})
