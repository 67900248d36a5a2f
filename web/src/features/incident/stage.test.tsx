// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { act, cleanup, configure, fireEvent, render, screen, within } from '@testing-library/react'
import type { ReactNode } from 'react'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { api } from '@/api'
import { incident } from '@/realtime/fixtures'
import type { Acts } from './live'
import { Stages } from './parts'

// What is loaded when it is needed takes its time on a busy machine.
configure({ asyncUtilTimeout: 20_000 })
vi.setConfig({ testTimeout: 30_000 })

vi.mock('@tanstack/react-router', async (real) => ({ ...(await real<object>()), Link: ({ to, children }: { to: string; children: ReactNode }) => <a href={to}>{children}</a> }))
beforeEach(() => {
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener() {}, removeEventListener() {} }))
  vi.stubGlobal('ResizeObserver', class { observe() {} unobserve() {} disconnect() {} })
})
afterEach(() => {
  cleanup()
  vi.unstubAllGlobals()
})
const things = [
  { id: 'a', kind: 'alert', title: 'Queue is full', state: 'open', link: '/alerts/a' },
  { id: 'r', kind: 'run', title: 'Run 41', state: 'waiting', link: '/runs/41' },
]
async function resolve(open: unknown[], i = incident('1', { stage: 'monitoring', abilities: { command: true } })) {
  const acts = { open: vi.fn(async () => open), stage: vi.fn(async () => {}) }
  vi.spyOn(api, 'get').mockResolvedValue({ items: [] } as never)
  render(
    <QueryClientProvider client={new QueryClient()}>
      <Stages i={i} acts={acts as unknown as Acts} />
    </QueryClientProvider>,
  )
  fireEvent.click(screen.getByRole('button', { name: 'Set the stage to Resolved' }))
  await screen.findByRole('dialog')
  return acts
}
const press = (name: string | RegExp) => act(async () => void fireEvent.click(within(screen.getByRole('dialog')).getByRole('button', { name })))

it('resolving while something goes on is asked once, with what it is', async () => {
  const acts = await resolve(things)
  await press('Set to Resolved')
  expect(acts.stage).not.toHaveBeenCalled()
  const list = within(screen.getByRole('dialog')).getAllByRole('listitem').map((li) => li.textContent)
  expect(list).toEqual(['Queue is full still fires', 'Run 41 waits for approval'])
  await press('Resolve nevertheless')
  expect(acts.open).toHaveBeenCalledOnce()
  expect(acts.stage).toHaveBeenCalledWith('resolved', '')
})
it('and not where nothing does', async () => {
  const acts = await resolve([])
  await press('Set to Resolved')
  expect(acts.stage).toHaveBeenCalledOnce()
})
