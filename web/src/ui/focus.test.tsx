// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, screen } from '@testing-library/react'
import { useState } from 'react'
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { Button } from './Button'
import { Dialog } from './Dialog'
import { focusNext, screenCame, screenComes, watchFocus } from './focus'

// Fetched on first use, which on a busy machine takes longer than a test waits.
beforeAll(() => import('./overlays'))
let stop: () => void
beforeEach(() => {
  stop = watchFocus()
})
afterEach(() => {
  cleanup()
  stop()
})
/** Lets observers and effects have their turn. */
const turn = () => act(() => new Promise((done) => setTimeout(done, 20)))
const name = () => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? document.activeElement?.tagName

function Opens({ stays }: { stays: boolean }) {
  const [open, set] = useState(false)
  const [gone, go] = useState(false)
  return (
    <section aria-label="Run 1">
      <h2>Run 1</h2>
      {!gone && <button onClick={() => set(true)}>Approve</button>}
      <button>Stop</button>
      <Dialog open={open} onOpenChange={set} title="Approve run 1">
        <button
          onClick={() => {
            set(false)
            go(!stays)
          }}
        >
          Yes
        </button>
      </Dialog>
    </section>
  )
}

it('returns to what opened a dialog', async () => {
  render(<Opens stays />)
  screen.getByText('Approve').focus()
  fireEvent.click(screen.getByText('Approve'))
  const yes = await screen.findByText('Yes')
  act(() => yes.focus())
  fireEvent.click(yes)
  await turn()
  expect(name()).toBe('Approve')
})
it('goes to what stands beside it when what opened a dialog has gone', async () => {
  render(<Opens stays={false} />)
  screen.getByText('Approve').focus()
  fireEvent.click(screen.getByText('Approve'))
  const yes = await screen.findByText('Yes')
  act(() => yes.focus())
  fireEvent.click(yes)
  await turn()
  expect(name()).toBe('Stop')
})
it('returns on Esc, too', async () => {
  render(<Opens stays />)
  screen.getByText('Approve').focus()
  fireEvent.click(screen.getByText('Approve'))
  const yes = await screen.findByText('Yes')
  act(() => yes.focus())
  fireEvent.keyDown(yes, { key: 'Escape' })
  await turn()
  expect(name()).toBe('Approve')
})

function Turns({ to }: { to: 'button' | 'nothing' }) {
  const [done, set] = useState(false)
  return (
    <section aria-label="Roles">
      <h2>Roles</h2>
      <p>{done ? to === 'button' && <button>Jonas, commander</button> : <button onClick={() => set(true)}>Take</button>}</p>
    </section>
  )
}
it('goes to what a button turned into', async () => {
  render(<Turns to="button" />)
  screen.getByText('Take').focus()
  fireEvent.click(screen.getByText('Take'))
  await turn()
  expect(name()).toBe('Jonas, commander')
})
it('goes to the heading of a part in which nothing is left to press', async () => {
  render(<Turns to="nothing" />)
  screen.getByText('Take').focus()
  fireEvent.click(screen.getByText('Take'))
  await turn()
  expect(name()).toBe('Roles')
})

function Knocks() {
  const [n, set] = useState(2)
  return (
    <>
      <textarea aria-label="Message" />
      <div data-passing>
        {Array.from({ length: n }, (_, i) => (
          <section key={i + (2 - n)} aria-label={`Knock ${i + 2 - n}`}>
            <button onClick={() => set(n - 1)}>Let in {i + 2 - n}</button>
          </section>
        ))}
      </div>
    </>
  )
}
it('goes to the next request, and after the last one back to what was being written', async () => {
  render(<Knocks />)
  screen.getByLabelText('Message').focus()
  screen.getByText('Let in 0').focus()
  fireEvent.click(screen.getByText('Let in 0'))
  await turn()
  expect(name()).toBe('Let in 1')
  fireEvent.click(screen.getByText('Let in 1'))
  await turn()
  expect(name()).toBe('Message')
})

function Joins() {
  const [on, set] = useState(0)
  return (
    <main id="main">
      <h1>sre-desk</h1>
      {on === 0 && (
        <button
          onClick={() => {
            set(1)
            focusNext('[aria-label=Microphone]')
            setTimeout(() => set(2), 5)
          }}
        >
          Start voice
        </button>
      )}
      {on === 2 && <button aria-label="Microphone" />}
      <button>Other</button>
    </main>
  )
}
it('waits for what is to come', async () => {
  render(<Joins />)
  screen.getByText('Start voice').focus()
  fireEvent.click(screen.getByText('Start voice'))
  await turn()
  expect(name()).toBe('Microphone')
})
it('leaves those alone who have moved on, and those who clicked on nothing', async () => {
  render(<Joins />)
  screen.getByText('Start voice').focus()
  fireEvent.click(screen.getByText('Start voice'))
  screen.getByText('Other').focus()
  await turn()
  expect(name()).toBe('Other')
  fireEvent.mouseDown(document.body)
  screen.getByText('Other').blur()
  await turn()
  act(() => screen.getByText('Other').remove())
  await turn()
  expect(document.activeElement).toBe(document.body)
})

it('reads the heading of the screen that came, unless the screen took the focus', async () => {
  const first = render(
    <main id="main">
      <a href="#x">Run 1</a>
    </main>,
  )
  screen.getByText('Run 1').focus()
  screenComes()
  first.rerender(
    <main id="main">
      <h1 data-loading>Loading</h1>
    </main>,
  )
  await turn()
  expect(document.activeElement).toBe(document.body)
  first.rerender(
    <main id="main">
      <h1>Run 1 payments/restart</h1>
    </main>,
  )
  screenCame()
  await turn()
  expect(name()).toBe('Run 1 payments/restart')
  // Drawn anew, the heading keeps it.
  first.rerender(
    <main id="main">
      <header key="other">
        <h1>Run 1, as a list</h1>
        <button>Find</button>
      </header>
    </main>,
  )
  await turn()
  expect(name()).toBe('Run 1, as a list')
  screenComes()
  first.rerender(
    <main id="main">
      <h1>sre-desk</h1>
      <textarea aria-label="Message" autoFocus />
    </main>,
  )
  screenCame()
  await turn()
  expect(name()).toBe('Message')
})
it('keeps the focus on a button that is busy', async () => {
  const button = (busy: boolean) => (
    <Button busy={busy} onClick={() => {}}>
      Save
    </Button>
  )
  const r = render(button(false))
  screen.getByText('Save').focus()
  r.rerender(button(true))
  await turn()
  expect(name()).toBe('Save')
})
