// @vitest-environment jsdom
import { expect, it } from 'vitest'
import { render } from '@testing-library/react'
import { tabStops } from './Timeline'

it('only the active message has stops; what had an order of its own gets it back', () => {
  const { container } = render(
    <article>
      <button>Approve</button>
      <a href="/runs/1">Run 1</a>
      <pre tabIndex={0}>log</pre>
      <button tabIndex={-1}>never</button>
      <input />
    </article>,
  )
  const stops = () => [...container.querySelectorAll<HTMLElement>('button, a, pre, input')].map((el) => el.tabIndex)
  const row = container.querySelector('article')!
  tabStops(row, false)
  expect(stops()).toEqual([-1, -1, -1, -1, -1])
  tabStops(row, false)
  tabStops(row, true)
  expect(stops()).toEqual([0, 0, 0, -1, 0])
  expect(container.querySelector('button')!.hasAttribute('tabindex')).toBe(false)
})
