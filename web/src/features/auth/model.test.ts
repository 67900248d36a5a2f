import { expect, it } from 'vitest'
import { passwordHint, safeNext } from './model'

it('only goes to places inside the app after the sign-in', () => {
  expect(safeNext('/rooms/1?x=1#m=2')).toBe('/rooms/1?x=1#m=2')
  for (const bad of ['//evil.example', '/\\evil.example', 'https://evil.example', '/login', undefined, '']) expect(safeNext(bad)).toBe('/')
})
it('counts what a password lacks', () => {
  expect(passwordHint('')).toMatch(/At least 12/)
  expect(passwordHint('a'.repeat(11))).toBe('1 more character.')
  expect(passwordHint('a'.repeat(12))).toBe('Long enough.')
})
