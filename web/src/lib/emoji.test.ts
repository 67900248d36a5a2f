import { expect, it } from 'vitest'
import { asEmoji, emojiName, NAMES, withEmoji } from './emoji'

it('a name between colons becomes its emoji as it is closed', () => {
  expect(withEmoji('on :fire:', 9)).toEqual({ text: 'on 🔥', caret: 5 })
  expect(withEmoji(':+1: yes', 4)).toEqual({ text: '👍 yes', caret: 2 })
  expect(withEmoji('(:tada:', 7)).toEqual({ text: '(🎉', caret: 3 })
  for (const text of ['10:fire:', 'a::b:', ':nothing:', ':constructor:', ':P', '/note :fire:', '`:fire:', '```\n:fire:', ':fire']) expect(withEmoji(text, text.length)).toBeNull()
})
it('names that were pasted become emoji, and nothing else does', () => {
  expect(asEmoji(':fire: :tada: (:+1:)')).toBe('🔥 🎉 (👍)')
  for (const text of ['10:30:45', 'a:fire:', ':fire:x', ':nothing:', 'std::fire::x', ':constructor:']) expect(asEmoji(text)).toBe(text)
})
it('each emoji has a name in words', () => {
  expect([emojiName('👍'), emojiName('➕'), emojiName('🦄')]).toEqual(['thumbs up', 'heavy plus sign', '🦄'])
  for (const e of Object.values(NAMES)) expect(emojiName(e)).toMatch(/^[a-z0-9 ]+$/)
})
