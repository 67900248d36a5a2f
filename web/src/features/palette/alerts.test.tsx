// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { cleanup, configure, fireEvent, render, screen, within } from '@testing-library/react'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { api, useSession, type JobSummary, type Me } from '@/api'
import { useOffice } from '@/realtime'
import { emptyOffice } from '@/realtime/model'
import { user } from '@/realtime/fixtures'
import Palette from './Palette'

// What is loaded when it is needed takes its time on a busy machine.
configure({ asyncUtilTimeout: 20_000 })
vi.setConfig({ testTimeout: 30_000 })
const { walk } = vi.hoisted(() => ({ walk: vi.fn() }))
vi.mock('@tanstack/react-router', async (real) => ({ ...(await real<object>()), useNavigate: () => walk, useRouterState: () => undefined }))

const job = { id: 'j', project: 'demo', full_name: 'demo/queue-drain', name: 'queue-drain', group: '', description: 'Drains it', needs_approval_in: ['production'], production_environments: ['production'], environments: [], cannot_run: [], abilities: { run: true } } as unknown as JobSummary
beforeEach(() => {
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener() {}, removeEventListener() {} }))
  vi.stubGlobal('ResizeObserver', class { observe() {} unobserve() {} disconnect() {} })
  Element.prototype.scrollIntoView = () => {}
  Element.prototype.scrollTo = () => {}
  useSession.setState({ status: 'in', me: { user: user('me'), abilities: {} } as unknown as Me })
  useOffice.setState({ ...emptyOffice, status: 'ready', users: { me: user('me') } })
  vi.spyOn(api, 'get').mockImplementation((async (url: string, query?: { q?: string }) => {
    if (url === '/projects') return { items: [{ name: 'demo' }] }
    if (url === '/projects/demo/jobs') return { items: [job] }
    if (url === '/alerts' && query?.q === 'queue') return { items: [{ id: 'a1', title: 'Queue is full', service: 'payments', severity: 1, state: 'open', incident_id: 'i7' }] }
    return { items: [] }
  }) as never)
})
afterEach(() => {
  cleanup()
  vi.unstubAllGlobals()
})

it('alerts that fire are found beside all else, and lead to their incident; a job says by a shield that it needs a yes', async () => {
  const close = vi.fn()
  render(
    <QueryClientProvider client={new QueryClient()}>
      <Palette onClose={close} />
    </QueryClientProvider>,
  )
  fireEvent.change(screen.getByRole('combobox'), { target: { value: 'queue' } })
  const alert = await screen.findByRole('option', { name: /Queue is full/ })
  expect(alert.textContent).toContain('payments, fires')
  expect(within(screen.getByRole('group', { name: 'Alerts' })).getAllByRole('option')).toHaveLength(1)
  expect((await screen.findByRole('option', { name: /demo\/queue-drain/ })).textContent).toContain('Approval in')
  fireEvent.click(alert)
  expect(close).toHaveBeenCalled()
  expect(walk).toHaveBeenCalledWith({ to: '/incidents/$id', params: { id: 'i7' } })
})
