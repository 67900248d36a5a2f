// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { cleanup, configure, fireEvent, render, screen, within } from '@testing-library/react'
import type { ReactNode } from 'react'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { api, type Job, type Run } from '@/api'
import { run as summary } from '@/realtime/fixtures'
import { noSlots, SlotsProvider, type Given } from '@/ui/slots'
import JobForm from './JobForm'
import JobsView from './JobsView'
import JobView from './JobView'
import { NodeMatrix } from './parts'
import RunView from './RunView'

// What is loaded when it is needed takes its time on a busy machine.
configure({ asyncUtilTimeout: 20_000 })
vi.setConfig({ testTimeout: 30_000 })

vi.mock('@tanstack/react-router', async (real) => ({
  ...(await real<object>()),
  Link: ({ to, params, search, children, ...p }: { to: string; params?: Record<string, string>; search?: object; children: ReactNode }) => (
    <a href={Object.entries(params ?? {}).reduce((at, [k, v]) => at.replace('$' + k, v), to) + (search ? '?' + JSON.stringify(search) : '')} {...p}>
      {children}
    </a>
  ),
  useNavigate: () => () => {},
  useParams: () => ({ id: 'x' }),
  useSearch: () => ({}),
}))
vi.mock('./LogViewer', () => ({ LogViewer: () => null }))
vi.mock('@/realtime/socket', async (real) => ({ ...(await real<object>()), useChannel: () => {}, listen: () => () => {} }))

const WHY = ['${globals.host} has no value', 'Step 2 is of a type that is not known here']
const job = (o: Partial<Job> = {}): Job =>
  ({ id: 'j', project: 'demo', name: 'restart', group: '', full_name: 'demo/restart', description: 'Restarts it', needs_approval_in: [], environments: [], cannot_run: [], abilities: { run: true }, steps: [], options: [], versions: [], ...o }) as unknown as Job
let answers: Record<string, unknown> = {}
beforeEach(() => {
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener() {}, removeEventListener() {} }))
  vi.stubGlobal('ResizeObserver', class { observe() {} unobserve() {} disconnect() {} })
  vi.spyOn(api, 'get').mockImplementation((async (url: string) => answers[url] ?? { items: [] }) as never)
  vi.spyOn(api, 'post').mockResolvedValue({ nodes: [], problems: [], options: [] } as never)
})
afterEach(() => {
  cleanup()
  vi.unstubAllGlobals()
})
const JobSlot = ({ again }: { again?: Given }) => <output data-testid="form">{JSON.stringify(again)}</output>
const show = (what: ReactNode) => render(<QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>{what}</QueryClientProvider>)

describe('what is in the way of a job is told in the server’s words', () => {
  it('on its page, which has no form', async () => {
    answers = { '/jobs/x': job({ cannot_run: WHY, abilities: { run: false } }) }
    show(<JobView />)
    await screen.findByText('This job cannot run yet')
    for (const w of WHY) expect(screen.getByText(w)).toBeTruthy()
    expect(screen.queryByText('You may not run this job')).toBeNull()
    expect(screen.queryByRole('button', { name: /^Run/ })).toBeNull()
  })
  it('in the list, beside the button it stops', async () => {
    answers = { '/projects': { items: [{ name: 'demo' }] }, '/projects/demo/jobs': { items: [job({ cannot_run: WHY, abilities: { run: false } }), job({ id: 'k', full_name: 'demo/other', name: 'other', abilities: { run: false } }), job({ id: 'l', full_name: 'demo/free', name: 'free' })] } }
    show(<JobsView />)
    const button = (name: string) => screen.getByRole<HTMLButtonElement>('button', { name })
    await screen.findByRole('button', { name: 'Run demo/restart' })
    const why = (b: HTMLElement) => document.getElementById(b.getAttribute('aria-describedby') ?? '')?.textContent
    expect(button('Run demo/restart').disabled).toBe(true)
    expect(why(button('Run demo/restart'))).toBe(`Cannot run yet: ${WHY.join('; ')}`)
    expect(why(button('Run demo/other'))).toBe('No rule lets you run this job.')
    expect(button('Run demo/free').disabled).toBe(false)
    expect(why(button('Run demo/free'))).toBeUndefined()
  })
  it('and in the form', async () => {
    answers = { '/jobs/j': job({ cannot_run: WHY, abilities: { run: false } }) }
    show(<JobForm jobId="j" open onOpenChange={() => {}} />)
    await screen.findByText(WHY.join('; '))
    expect(screen.queryByRole('button', { name: /^Run/ })).toBeNull()
  })
})

describe('a run once more', () => {
  const node = (name: string, state: string) => ({ name, state, exit: null, step: 0, error: '' }) as unknown as Run['nodes'][number]
  const over = (o: Partial<Run> = {}) => ({
    ...summary('x', { state: 'failed', job: { id: 'j', name: 'restart', version: 3 }, finished_at: '2026-11-22T14:00:00Z', ...(o as object) }),
    nodes: [node('web1', 'succeeded'), node('web2', 'failed'), node('web3', 'failed')],
    steps: [], options: [], votes: [], digest: '', node_filter: '', command: '', log_sha256: '',
    abilities: { rerun: true },
    again: { options: { to: 'blue' }, filter: 'tags: web', nodes: ['web1', 'web2', 'web3'], failed: ['web2', 'web3'] },
    ...o,
  })
  const page = async (r: object) => {
    answers = { '/runs/x': r }
    show(
      <SlotsProvider value={{ ...noSlots, jobForm: JobSlot as never }}>
        <RunView />
      </SlotsProvider>,
    )
    await screen.findByText('Run again')
  }
  it('opens the form of its job with what was given, for all its nodes or for those that failed', async () => {
    await page(over())
    fireEvent.click(screen.getByRole('button', { name: 'Retry 2 failed nodes' }))
    expect(JSON.parse(screen.getByTestId('form').textContent)).toEqual({ options: { to: 'blue' }, filter: 'tags: web', nodes: ['web2', 'web3'] })
    fireEvent.click(screen.getByRole('button', { name: 'Run again' }))
    expect(JSON.parse(screen.getByTestId('form').textContent).nodes).toEqual(['web1', 'web2', 'web3'])
  })
  it('goes back to the page of commands with a command', async () => {
    await page(over({ kind: 'adhoc', job: null, again: { command: 'uptime', filter: 'tags: web', nodes: ['web1', 'web2', 'web3'], failed: ['web2'], options: {}, threads: 2, keepgoing: true } as never }))
    const href = screen.getByRole('link', { name: 'Retry the failed node' }).getAttribute('href')!
    expect(href.slice(0, 6)).toBe('/adhoc')
    expect(JSON.parse(href.slice(7))).toMatchObject({ project: 'demo', command: 'uptime', filter: 'tags: web', nodes: ['web2'], threads: 2, keepgoing: true })
    expect(screen.getByRole('link', { name: 'Run again' }).getAttribute('href')).toContain('"nodes":["web1","web2","web3"]')
  })
  it('not where all failed apart, nor for who may not', async () => {
    await page(over({ again: { options: {}, filter: '', nodes: ['web1', 'web2', 'web3'], failed: ['web1', 'web2', 'web3'] } as never }))
    expect(screen.queryByText(/^Retry/)).toBeNull()
  })
  it('the state of a node is a sign and a word, not a colour alone', () => {
    render(<NodeMatrix nodes={[node('web1', 'succeeded'), node('web2', 'failed'), node('web3', 'stopped')]} onPick={() => {}} />)
    const all = within(screen.getByRole('group')).getAllByRole('button')
    expect(all.map((b) => b.querySelector('[aria-hidden]')!.textContent[0])).toEqual(['✓', '×', '■'])
    expect(all.map((b) => b.querySelector('.sr')!.textContent)).toEqual(expect.arrayContaining([expect.stringContaining('web2, failed')]))
  })
})
