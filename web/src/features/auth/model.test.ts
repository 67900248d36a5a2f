import { expect, it } from 'vitest'
import { deviceOf, passwordHint, safeNext } from './model'

it('only goes to places inside the app after the sign-in', () => {
  expect(safeNext('/rooms/1?x=1#m=2')).toBe('/rooms/1?x=1#m=2')
  for (const bad of ['//evil.example', '/\\evil.example', 'https://evil.example', '/login', undefined, '']) expect(safeNext(bad)).toBe('/')
})
it('counts what a password lacks', () => {
  expect(passwordHint('')).toMatch(/At least 12/)
  expect(passwordHint('a'.repeat(11))).toBe('1 more character.')
  expect(passwordHint('a'.repeat(12))).toBe('Long enough.')
})
it('names the device of a sign-in', () => {
  const mozilla = 'Mozilla/5.0'
  expect(deviceOf(`${mozilla} (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0`)).toBe('Edge on Windows')
  expect(deviceOf(`${mozilla} (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0`)).toBe('Firefox on Linux')
  expect(deviceOf(`${mozilla} (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15`)).toBe('Safari on macOS')
  expect(deviceOf(`${mozilla} (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/131.0 Mobile/15E148 Safari/604.1`)).toBe('Chrome on iPhone')
  expect(deviceOf(`${mozilla} (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Mobile Safari/537.36`)).toBe('Chrome on Android')
  expect(deviceOf('muster-cli/1.4')).toBe('muster-cli/1.4')
  expect(deviceOf()).toBe('Unknown device')
})
