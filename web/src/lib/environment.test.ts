import { expect, test } from 'vitest'
import { environmentInSentence, environmentLabel, environmentWord } from './environment'

test('production is said in words, whatever a firm calls it', () => {
  expect(environmentLabel('prod', true)).toBe('Production')
  expect(environmentLabel('live', true)).toBe('live (production)')
  expect(environmentLabel('PROD-EU', true)).toBe('PROD-EU (production)')
  expect(environmentLabel('dev, live', true)).toBe('dev, live (production)')
  expect(environmentLabel('dev, prod', true)).toBe('dev, prod')
  expect(environmentLabel('unknown', true)).toBe('Unknown, as production')
  // A project may say that its word means no production; the name alone decides nothing.
  expect(environmentLabel('prodlike', false)).toBe('prodlike')
  expect(environmentLabel('qa', false, true)).toBe('qa environment')
})
test('a name of one’s own stays as it is written', () => {
  expect([environmentWord('prod'), environmentWord('PROD-EU'), environmentWord('')]).toEqual(['Production', 'PROD-EU', 'No environment'])
  expect([environmentInSentence('prod'), environmentInSentence('PROD-EU'), environmentInSentence('qa'), environmentInSentence('dev')]).toEqual(['production', 'PROD-EU', 'QA', 'development'])
})
