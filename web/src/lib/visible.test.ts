import { expect, it } from 'vitest'
import { visible } from './visible'

it('shows what would turn the direction of a text', () => {
  expect(visible('evil\u202Etxt.exe\u202C')).toBe('evil[U+202E]txt.exe[U+202C]')
  expect(visible('rm \u2066-rf\u2069')).toBe('rm [U+2066]-rf[U+2069]')
  expect(visible('שלום, مرحبا and 👨‍👩‍👧')).toBe('שלום, مرحبا and 👨‍👩‍👧')
})
