import { expect, test } from 'vitest'
import { looksAgain } from './shifts'

test('who is on call is asked again when the shift ends', () => {
  const now = Date.parse('2026-12-01T04:10:00Z')
  expect(looksAgain(undefined, now)).toBe(60_000)
  expect(looksAgain({ until: '2026-12-08T00:00:00Z' }, now)).toBe(60_000)
  expect(looksAgain({ until: '2026-12-01T04:10:20Z' }, now)).toBe(20_100)
  // One that is over by this clock may still go on by the server's.
  expect(looksAgain({ until: '2026-12-01T04:09:00Z' }, now)).toBe(1000)
})
