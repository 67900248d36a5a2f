// @vitest-environment jsdom
import { cleanup, fireEvent, renderHook } from '@testing-library/react'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { AroundProvider, type Around } from '@/features/call/around'
import { useKeys } from '@/features/call/useKeys'
import { useOverlays } from '@/ui'
import { useShortcuts } from './shortcuts'

const { keys } = vi.hoisted(() => ({ keys: { on: true } }))
vi.mock('@/lib/keys', async (real) => ({ ...(await real<object>()), singleKeys: () => keys.on }))
vi.mock('@tanstack/react-router', async (real) => ({ ...(await real<object>()), useNavigate: () => () => {}, useRouterState: () => '/' }))

const session = { hold: vi.fn(), toggleMic: vi.fn(), use: { getState: () => ({ main: { room: 'r1' } }) } }
beforeEach(() => {
  useOverlays.setState({ shortcuts: false, palette: false })
  vi.clearAllMocks()
})
afterEach(cleanup)
const mount = () =>
  renderHook(
    () => {
      useShortcuts()
      useKeys()
    },
    { wrapper: ({ children }) => <AroundProvider value={{ session } as unknown as Around}>{children}</AroundProvider> },
  )
const press = (key: string) => {
  const passed = fireEvent.keyDown(document.body, { key })
  fireEvent.keyUp(document.body, { key })
  return passed
}

it('M, Space and ? act by themselves', () => {
  keys.on = true
  mount()
  expect(['m', ' ', '?'].map(press)).toEqual([false, false, false])
  expect(session.toggleMic).toHaveBeenCalledOnce()
  expect(session.hold.mock.calls).toEqual([[true], [false]])
  expect(useOverlays.getState().shortcuts).toBe(true)
})

it('switched off, they do nothing, and keys with Ctrl stay', () => {
  keys.on = false
  mount()
  expect(['m', ' ', '?'].map(press)).toEqual([true, true, true])
  expect(session.toggleMic).not.toHaveBeenCalled()
  expect(session.hold).not.toHaveBeenCalled()
  expect(useOverlays.getState().shortcuts).toBe(false)
  fireEvent.keyDown(document.body, { key: 'k', ctrlKey: true })
  expect(useOverlays.getState().palette).toBe(true)
})
