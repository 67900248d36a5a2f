// @vitest-environment jsdom
import { act, render } from '@testing-library/react'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { say, Sayer } from './say'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  act(() => vi.runAllTimers())
  vi.useRealTimers()
})
const words = (c: HTMLElement, level: string) => [...c.querySelectorAll(`[data-say=${level}] p`)].map((p) => p.textContent)

it('says each sentence of a burst once, and then it is gone', () => {
  const { container } = render(<Sayer />)
  act(() => {
    say('Run 3 failed on 1 of 3 nodes', { urgent: true })
    say('Amara Okafor came in')
    say('Amara Okafor came in')
    say('  ')
    say('Jonas Lindqvist came in')
  })
  expect(words(container, 'assertive')).toEqual(['Run 3 failed on 1 of 3 nodes'])
  expect(words(container, 'polite')).toEqual(['Amara Okafor came in', 'Jonas Lindqvist came in'])
  act(() => vi.runAllTimers())
  expect(container.textContent).toBe('')
})

it('the newest word on a thing takes the place of the older one, and may be said again', () => {
  const { container } = render(<Sayer />)
  for (const text of ['Muted', 'Microphone on', 'Muted']) act(() => say(text, { key: 'microphone' }))
  expect(words(container, 'polite')).toEqual(['Muted'])
})
