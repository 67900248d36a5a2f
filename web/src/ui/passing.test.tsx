// @vitest-environment jsdom
import { readFileSync } from 'node:fs'
import { act, cleanup, fireEvent, render, screen } from '@testing-library/react'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { PRESENCE_WORD, unremarkable } from './presence'
import { toast, Toaster } from './Toast'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  cleanup()
  vi.useRealTimers()
})
const later = (seconds: number) => act(() => void vi.advanceTimersByTime(seconds * 1000))

it('a message with a button stands for 25 seconds, and for as long as it is pointed at or has the focus', () => {
  render(<Toaster />)
  act(() => void toast('Saved', { action: { label: 'Undo', run: () => {} } }))
  const undo = () => screen.queryByRole('button', { name: 'Undo' })
  later(24)
  fireEvent.pointerEnter(undo()!.closest('li')!)
  later(60)
  act(() => undo()!.focus())
  fireEvent.pointerLeave(undo()!.closest('li')!)
  later(60)
  // From one of its buttons to the other is no leaving.
  act(() => screen.getByRole('button', { name: 'Dismiss' }).focus())
  later(60)
  expect(undo()).toBeTruthy()
  act(() => (document.activeElement as HTMLElement).blur())
  later(24)
  expect(undo()).toBeTruthy()
  later(2)
  expect(undo()).toBeNull()
})
it('one that only says something goes soon', () => {
  render(<Toaster />)
  act(() => void toast('Copied'))
  later(5)
  expect(screen.queryByText('Copied')).toBeNull()
})

it('who is at work and who is there are one word', () => {
  expect(PRESENCE_WORD.active).toBe(PRESENCE_WORD.available)
  expect(new Set(Object.values(PRESENCE_WORD)).size).toBe(Object.keys(PRESENCE_WORD).length - 1)
  expect(unremarkable('active') && unremarkable('available')).toBe(true)
})

it('the colour under the pointer never beats that of a kind: an open microphone stays teal', () => {
  const css = readFileSync('src/ui/Button.module.css', 'utf8')
  // What is said of any button that is pointed at weighs no more than a class, as its kinds do.
  const general = [...css.matchAll(/^\s*([^{}@]*\.(?:btn|icon)\b[^{]*:hover[^{]*)\{/gm)].map((m) => m[1]!.trim())
  expect(general.length).toBeGreaterThan(0)
  for (const selector of general) expect(selector).toMatch(/:where\([^)]*:hover|:where\(:hover/)
})
