import { describe, expect, it } from 'vitest'
import { talksBySpace, typesIn, type Target } from './keys'

const at = (tag: string, o: Partial<Target> = {}): Target => ({ tag, editable: false, role: '', focused: true, ...o })

describe('the keys of a call', () => {
  it('never where somebody types', () => {
    for (const t of [at('INPUT'), at('TEXTAREA'), at('SELECT'), at('DIV', { editable: true }), at('DIV', { role: 'textbox' }), at('DIV', { role: 'combobox' })]) {
      expect(typesIn(t)).toBe(true)
      expect(talksBySpace(t)).toBe(false)
      expect(talksBySpace({ ...t, focused: false })).toBe(false)
    }
    expect(typesIn(at('BODY'))).toBe(false)
  })
  it('Space presses what the keyboard has reached, and speaks where a button was only clicked', () => {
    for (const t of [at('BUTTON'), at('A'), at('DIV', { role: 'tab' }), at('LI', { role: 'option' }), at('SUMMARY')]) {
      expect(talksBySpace(t)).toBe(false)
      expect(talksBySpace({ ...t, focused: false })).toBe(true)
      expect(typesIn(t)).toBe(false)
    }
  })
  it('Space speaks everywhere else', () => {
    expect(talksBySpace(null)).toBe(true)
    expect(talksBySpace(at('BODY'))).toBe(true)
    expect(talksBySpace(at('DIV', { role: 'log' }))).toBe(true)
    expect(talksBySpace(at('g', { role: 'button' }))).toBe(false)
  })
})
