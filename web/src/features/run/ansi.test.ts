import { describe, expect, it } from 'vitest'
import { ansi, plain } from './ansi'

const E = '\x1b['
describe('ansi', () => {
  it('turns colours and weight into classes', () => {
    expect(ansi(`${E}31mred${E}0m plain ${E}1;92mbold green`)).toEqual([
      { text: 'red', className: 'f1' },
      { text: ' plain ', className: '' },
      { text: 'bold green', className: 'f10 bo' },
    ])
  })
  it('keeps 256 and true colours as values and clears them again', () => {
    expect(ansi(`${E}38;5;196mx${E}39my`)).toEqual([
      { text: 'x', className: 'fx', fg: 'rgb(255 0 0)' },
      { text: 'y', className: '' },
    ])
    expect(ansi(`${E}48;2;1;2;3mx`)[0]).toMatchObject({ bg: 'rgb(1 2 3)', className: 'bx' })
    expect(ansi(`${E}38;5;1mx`)[0]).toEqual({ text: 'x', className: 'f1' })
  })
  it('swaps the sides for inverse video', () => {
    expect(ansi(`${E}31;7mx`)[0]!.className).toBe('inv b1')
    expect(ansi(`${E}41;7mx`)[0]!.className).toBe('f1 binv')
  })
  it.each([
    ['a title', '\x1b]0;owned\x07text'],
    ['a hyperlink', '\x1b]8;;https://evil\x1b\\text\x1b]8;;\x1b\\'],
    ['cursor movement and erasing', `${E}2K${E}1Atext${E}5;5H`],
    ['a device control string', '\x1bPq#0\x1b\\text'],
    ['control characters', 'te\x00\x08xt\x7f'],
    ['bidirectional overrides', 'te\u202ext\u2069'],
    ['an unfinished sequence', `text${E}38;5`],
    ['an unfinished title', 'text\x1b]0;never ends'],
    ['a lone escape', 'text\x1b'],
  ])('drops %s', (_, line) => {
    expect(ansi(line).map((s) => s.text).join('')).toBe('text')
    expect(plain(line)).toBe('text')
  })
  it('leaves markup as text', () => {
    expect(ansi('<b onclick=x>&amp;')).toEqual([{ text: '<b onclick=x>&amp;', className: '' }])
  })
  it('does not choke on odd parameters', () => {
    for (const l of [`${E}38m`, `${E}38;5m`, `${E}38;2;1m`, `${E};;;m`, `${E}99999mx`, `${E}1`]) expect(() => ansi(l)).not.toThrow()
  })
})
