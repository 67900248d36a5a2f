// @vitest-environment jsdom
import { cleanup, render } from '@testing-library/react'
import { afterEach, expect, it } from 'vitest'
import { regions, walk } from './regions'

afterEach(cleanup)
const at = () => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent
const screen = (extra: { popup?: boolean; dialog?: boolean; room?: boolean } = {}) => (
  <>
    <header data-region="top">
      <button>Search</button>
    </header>
    <aside data-region="places">
      <a href="#inbox">Inbox</a>
      <a href="#runs">Runs</a>
    </aside>
    <main id="main">
      <header>
        <h1>sre-desk</h1>
        <button>More about this room</button>
      </header>
      {extra.room !== false && (
        <>
          <div role="log">
            <article data-message="1" tabIndex={-1} />
            <article data-message="2" tabIndex={0} aria-label="the active message" />
          </div>
          <div data-composer="r">
            <textarea aria-label="Message" />
          </div>
        </>
      )}
    </main>
    <div data-region="requests" data-over-modal>
      {extra.popup && <button>Let&rsquo;s go</button>}
    </div>
    {extra.dialog && (
      <div role="dialog" data-state="open" data-modal="">
        <button>Close</button>
      </div>
    )}
  </>
)

it('walks the parts of a room, past empty ones, and back', () => {
  render(screen())
  const seen = []
  for (let i = 0; i < 6; i++) {
    walk()
    seen.push(at())
  }
  expect(seen).toEqual(['Search', 'Inbox', 'More about this room', 'the active message', 'Message', 'Search'])
  walk(true)
  expect(at()).toBe('Message')
})
it('comes to what wants an answer, from within a dialog, too', () => {
  const r = render(screen({ popup: true }))
  walk()
  walk()
  expect(at()).toBe('Let’s go')
  r.rerender(screen({ popup: true, dialog: true }))
  document.querySelector<HTMLElement>('[role=dialog] button')!.focus()
  expect(regions().map((p) => p.name)).toEqual(['dialog', 'requests'])
  walk()
  expect(at()).toBe('Let’s go')
  walk()
  expect(at()).toBe('Close')
})
it('comes back to where one left a part, and takes a plain screen as one', () => {
  render(screen({ room: false }))
  document.querySelector<HTMLElement>('[href="#runs"]')!.focus()
  walk()
  expect(at()).toBe('sre-desk')
  walk()
  expect(at()).toBe('Search')
  walk()
  expect(at()).toBe('Runs')
})
