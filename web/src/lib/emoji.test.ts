import { expect, it } from 'vitest'
import { withEmoji } from './emoji'

it('a name between colons becomes its emoji as it is closed', () => {
  expect(withEmoji('on :fire:', 9)).toEqual({ text: 'on 🔥', caret: 5 })
  expect(withEmoji(':+1: yes', 4)).toEqual({ text: '👍 yes', caret: 2 })
  expect(withEmoji('(:tada:', 7)).toEqual({ text: '(🎉', caret: 3 })
  for (const text of ['10:fire:', 'a::b:', ':nothing:', ':constructor:', ':P', '/note :fire:', '`:fire:', '```\n:fire:', ':fire']) expect(withEmoji(text, text.length)).toBeNull()
})
