import { expect, it } from 'vitest'
import type { User } from '@/api'
import { commandOffers, emojiOffers, mentionAt, mentionOffers, wantsCommand } from './complete'

const user = (name: string, display: string, o: Partial<User> = {}): User => ({
  id: 'u-' + name,
  name,
  display,
  email: '',
  title: '',
  roles: [],
  team: '',
  skills: [],
  initials: '',
  hue: 0,
  disabled: false,
  kind: 'person',
  ...o,
})
const users = [user('jonas', 'Jonas Lindqvist'), user('jo', 'Jo Park'), user('hana', 'Hana Sato'), user('joan', 'Joan Old', { disabled: true })]

it('finds the @word at the caret, not an address', () => {
  expect(mentionAt('hi @jo', 6)).toEqual({ start: 3, word: 'jo' })
  expect(mentionAt('@', 1)).toEqual({ start: 0, word: '' })
  expect(mentionAt('mail a@jo', 9)).toBeNull()
  expect(mentionAt('hi @jo there', 12)).toBeNull()
})
it('offers people by name, those in the room first, and leaves closed accounts out', () => {
  const all = mentionOffers('@', 1, users, new Set(['u-hana']))
  expect(all.map((o) => o.userId)).toEqual(['u-hana', 'u-jo', 'u-jonas'])
  expect(mentionOffers('@lind', 5, users, new Set()).map((o) => o.userId)).toEqual(['u-jonas'])
})
it('puts the name in and keeps what stands after it', () => {
  const [o] = mentionOffers('ask @jon about it', 8, users, new Set())
  expect(o).toMatchObject({ text: 'ask @jonas about it', caret: 11 })
})
it('asks for commands only while one is typed at its end', () => {
  expect(wantsCommand('/run pay', 8)).toBe(true)
  expect(wantsCommand('/run pay', 3)).toBe(false)
  expect(wantsCommand('run', 3)).toBe(false)
  expect(commandOffers([{ value: '/run x ', label: 'x', detail: '', kind: 'job' }])[0]).toMatchObject({ text: '/run x ', caret: 7 })
})

it('offers emoji by the beginning of their names, but not in a smiley, a command or code', () => {
  const [first] = emojiOffers('all :tad', 8)
  expect(first).toMatchObject({ label: ':tada:', glyph: '🎉', text: 'all 🎉 ', caret: 7 })
  for (const text of [':P', ':)', '10:fire', '/note :fire', '`:fire', ':']) expect(emojiOffers(text, text.length)).toEqual([])
})
