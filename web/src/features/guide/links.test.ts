import { expect, it } from 'vitest'
import { guideHref } from './links'

it('turns the links of a page into addresses of the app', () => {
  expect(guideHref('access-policy.md#why-was-i-refused')).toBe('/guide/access-policy#why-was-i-refused')
  expect(guideHref('README.md')).toBe('/guide')
  expect(guideHref('#run')).toBe('#run')
  expect(guideHref('https://example.com/')).toBe('https://example.com/')
  expect(guideHref('../ARCHITECTURE.md')).toBeNull()
  expect(guideHref('no-such-page.md')).toBeNull()
  expect(guideHref('javascript:alert(1)')).toBeNull()
})
