import { expect, test } from 'vitest'
import type { Rotation } from '@/api'
import { dutyOf, swappable, swapProblem } from './model'

const r = { members: ['me', 'you'] } as Rotation
const shift = (user_id: string, n: number, overridden = false) => ({ user_id, from: `2026-12-0${n}T00:00:00Z`, until: `2026-12-0${n + 1}T00:00:00Z`, overridden })

test('only what was taken over can be handed back', () => {
  expect(dutyOf(r, [shift('me', 1)], 'me')).toEqual({ member: true, mine: true, taken: false })
  expect(dutyOf(r, [shift('me', 1, true)], 'me')).toEqual({ member: true, mine: true, taken: true })
  expect(dutyOf(r, [shift('you', 1)], 'me')).toEqual({ member: true, mine: false, taken: false })
  expect(dutyOf(r, [], 'else')).toEqual({ member: false, mine: false, taken: false })
})

test('what goes on is not swapped but taken over', () => {
  const plan = [shift('me', 1), shift('you', 2), shift('me', 3)]
  expect(swappable(plan, 'me')).toEqual([plan[2]])
  expect(swappable(plan, 'you')).toEqual([plan[1]])
})

test('a wish needs somebody and a shift', () => {
  expect(swapProblem('', 'x')).toContain('whom')
  expect(swapProblem('you', '')).toContain('shift')
  expect(swapProblem('you', 'x')).toBe('')
})
