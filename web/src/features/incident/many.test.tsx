// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { act, cleanup, configure, fireEvent, render, screen, within } from '@testing-library/react'
import type { ReactNode } from 'react'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { api, useSession, type Me } from '@/api'
import { useOffice } from '@/realtime'
import { incident, user } from '@/realtime/fixtures'
import { emptyOffice } from '@/realtime/model'
import { Toaster } from '@/ui'
import IncidentsView from './IncidentsView'

// What is loaded when it is needed takes its time on a busy machine.
configure({ asyncUtilTimeout: 20_000 })
vi.setConfig({ testTimeout: 30_000 })
vi.mock('@tanstack/react-router', async (real) => ({
  ...(await real<object>()),
  Link: ({ to, children, ...p }: { to: string; children: ReactNode }) => <a href={to} {...p}>{children}</a>,
  useNavigate: () => () => {},
  useSearch: () => ({}),
}))

const open = ['1', '2', '3'].map((n) => incident(n, { abilities: { update: true } }))
let post: ReturnType<typeof vi.spyOn>
beforeEach(() => {
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener() {}, removeEventListener() {} }))
  vi.stubGlobal('ResizeObserver', class { observe() {} unobserve() {} disconnect() {} })
  useSession.setState({ status: 'in', me: { user: user('me'), abilities: {} } as unknown as Me })
  useOffice.setState({ ...emptyOffice, status: 'ready', users: { me: user('me') }, incidents: Object.fromEntries(open.map((i) => [i.id, i])) })
  vi.spyOn(api, 'get').mockImplementation((async (url: string) => (url === '/incidents/2/open' ? { items: [{ id: 'r', kind: 'run', title: 'Run 41', state: 'running', link: '/runs/41' }] } : { items: [] })) as never)
  post = vi.spyOn(api, 'post').mockImplementation((async (url: string) => {
    if (url === '/incidents/3/acknowledge') throw new Error('You may not acknowledge it.')
  }) as never)
})
afterEach(() => {
  cleanup()
  vi.unstubAllGlobals()
})
const chosen = () => within(screen.getByRole('group', { name: 'The chosen incidents' }))
async function choose() {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <IncidentsView />
      <Toaster />
    </QueryClientProvider>,
  )
  for (const n of ['1', '2', '3']) fireEvent.click(screen.getByRole('checkbox', { name: new RegExp(`INC-${n}`) }))
  expect(chosen().getByText('3 chosen')).toBeTruthy()
}
const press = (name: string) => act(async () => void fireEvent.click(chosen().getByRole('button', { name })))

it('several are acknowledged at once, and who was not is named with the reason', async () => {
  await choose()
  await press('Acknowledge')
  await screen.findByText('2 of 3 acknowledged')
  expect(post.mock.calls.map((c: unknown[]) => c[0])).toEqual(['/incidents/1/acknowledge', '/incidents/2/acknowledge', '/incidents/3/acknowledge'])
  expect(chosen().getByText(/^INC-3: /).textContent).toContain('You may not acknowledge it.')
})
it('several are resolved, but not where something goes on', async () => {
  await choose()
  await press('Resolve')
  await screen.findByText('2 of 3 resolved')
  expect(post.mock.calls.map((c: unknown[]) => c[0])).toEqual(['/incidents/1/stage', '/incidents/3/stage'])
  expect(chosen().getByText('INC-2: Run 41 is running. Resolve it on its own page.')).toBeTruthy()
})
