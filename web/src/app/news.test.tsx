// @vitest-environment jsdom
import { act, cleanup, configure, fireEvent, render, renderHook, screen, waitFor } from '@testing-library/react'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { api, useSession } from '@/api'
import type { Get, Knock, Me, Notification, OfficeEvent, OnCall, OpenPage, Presence, Reaching, Run, UserEvent } from '@/api'
import { startOffice, stopOffice, useOffice } from '@/realtime'
import { office, presence, room, run, user } from '@/realtime/fixtures'
import { Sayer } from '@/ui/say'
import { Toaster } from '@/ui'
import { useNews } from './news'

// What is loaded when it is needed takes its time on a busy machine.
configure({ asyncUtilTimeout: 20_000 })
vi.setConfig({ testTimeout: 30_000 })

const { line, path, walk, sounds } = vi.hoisted(() => ({
  line: { event: (_: string, __: unknown) => {}, lost: () => {} },
  path: { now: '/jobs' },
  walk: vi.fn(),
  sounds: [] as string[],
}))
vi.mock('@/realtime/socket', async (real) => ({ ...(await real<object>()), connect: (h: typeof line) => Object.assign(line, h), disconnect: () => {} }))
vi.mock('@tanstack/react-router', async (real) => ({
  ...(await real<object>()),
  useNavigate: () => walk,
  useRouterState: ({ select }: { select: (r: unknown) => unknown }) => select({ location: { pathname: path.now } }),
}))
vi.mock('@/lib/sound', () => ({ playOnce: (sound: string, volume: number) => volume > 0 && sounds.push(sound) }))

class Desktop {
  static permission = 'granted'
  static shown: Desktop[] = []
  onclick = () => {}
  onclose = () => {}
  constructor(
    readonly title: string,
    readonly options: { body: string; tag: string },
  ) {
    Desktop.shown.push(this)
  }
  close() {
    Desktop.shown = Desktop.shown.filter((d) => d !== this)
    this.onclose()
  }
}
const shown = () => Desktop.shown.map((d) => `${d.title} | ${d.options.body}`)

const ME = 'amara'
const REACH: Reaching = { channels: [], alarm: 70, chime: 40, desktop: true }
const people = [user(ME, { display: 'Amara Okafor' }), user('jonas', { display: 'Jonas Lindqvist' }), user('mei', { display: 'Mei Chen' }), user('tom', { display: 'Tom Berg' }), user('ana', { display: 'Ana Silva' })]
let snapshot = office()
const whole: Record<string, Partial<Run>> = {}

async function enter({ mine = {}, reach = REACH, pages = [] as OpenPage[] }: { mine?: Partial<Presence>; reach?: Reaching; pages?: OpenPage[] } = {}) {
  document.head.replaceChildren(Object.assign(document.createElement('link'), { rel: 'icon', href: '/icon.svg' }))
  useSession.setState({ status: 'in', me: { user: people[0], office: { name: 'Northbank' } } as unknown as Me })
  snapshot = office({ people, rooms: [room('r1', { name: 'payments' }), room('r2')], presence: [presence(ME, 'r1', mine), presence('jonas', 'r2'), presence('mei', null), presence('tom', null, { state: 'offline' }), presence('ana', 'r2')], ...later })
  await act(async () => {
    stopOffice()
    startOffice()
    line.lost() // The socket stands.
    await vi.waitFor(() => expect(useOffice.getState().status).toBe('ready'))
  })
  render(
    <>
      <Sayer />
      <Toaster />
    </>,
  )
  renderHook(() => useNews(pages, reach))
}
let later: Partial<ReturnType<typeof office>> = {}
/** Lets what is loaded when it is needed arrive. */
const settle = () => act(async () => void (await vi.dynamicImportSettled()))
async function comes(...events: (OfficeEvent | UserEvent)[]) {
  for (const e of events) {
    act(() => line.event('user', e))
    await settle()
  }
}
const said = (level: string) => [...document.querySelectorAll(`[data-say=${level}] p`)].map((p) => p.textContent)
const icon = () => document.querySelector<HTMLLinkElement>('link[rel=icon]')!.getAttribute('href')

beforeEach(() => {
  later = {}
  path.now = '/jobs'
  sounds.length = 0
  Desktop.shown = []
  vi.stubGlobal('Notification', Desktop)
  vi.stubGlobal('isSecureContext', true)
  vi.spyOn(document, 'hasFocus').mockReturnValue(false)
  vi.spyOn(api, 'get').mockImplementation(async (url: string) => {
    if (url === '/office') return snapshot as never
    const id = /^\/runs\/(.+)$/.exec(url)?.[1]
    if (id && whole[id]) return whole[id] as never
    throw new Error('404')
  })
})
afterEach(async () => {
  // What stands on the screen for a while is the app's, not the test's.
  for (const b of screen.queryAllByRole('button', { name: 'Dismiss' })) fireEvent.click(b)
  if (vi.isFakeTimers()) await act(async () => void (await vi.advanceTimersByTimeAsync(5000)))
  cleanup()
  act(() => stopOffice())
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const soon = () => new Date(Date.now() + 60_000).toISOString()
const aGet = (o: Partial<Get> = {}): UserEvent => ({ type: 'get', get: { id: 'g1', from: 'jonas', to: ME, room_id: 'r2', state: 'pending', note: 'look at db1', answer: '', quiet: false, created_at: new Date().toISOString(), expires_at: soon(), ...o } })
const aKnock = (o: Partial<Knock> = {}): UserEvent => ({
  type: 'knock',
  knock: { id: 'k1', user_id: 'mei', room_id: 'r1', state: 'pending', note: '', answer: '', answered_by: '', created_at: new Date().toISOString(), expires_at: soon(), guest: '', looks_like: '', ...o },
})
const note = (o: Partial<Notification> = {}): UserEvent => ({
  type: 'notification',
  fresh: true,
  unread: 1,
  notification: { id: 'n1', kind: 'mention', title: 'Jonas Lindqvist named you', body: 'can you look?', link: '/rooms/r2#m=9', created_at: new Date().toISOString(), channels: [], ...o },
})

describe('what wants an answer is heard and seen by who looks elsewhere', () => {
  it.each([
    ['a Get', aGet(), 'get', 'Jonas Lindqvist asks you to come | r2: look at db1'],
    ['a knock', aKnock(), 'knock', 'Mei Chen knocks | payments'],
    ['a guest at the door', aKnock({ user_id: '', guest: 'Ola Nord' }), 'knock', 'Ola Nord is at the door | payments'],
    ['a mention', note(), 'mention', 'Jonas Lindqvist named you | can you look?'],
    ['an approval', note({ kind: 'approval', title: 'Run #41 waits for your approval' }), 'mention', 'Run #41 waits for your approval | can you look?'],
  ])('%s', async (_, event, sound, words) => {
    await enter()
    await comes(event)
    await waitFor(() => expect(sounds).toEqual([sound]))
    expect(shown()).toEqual([words])
    // The same again, as after a line that broke, is no news.
    await comes(event)
    await waitFor(() => expect(sounds).toEqual([sound]))
    expect(shown()).toHaveLength(1)
  })

  it('title and icon count what waits, and say it when I am paged', async () => {
    await enter()
    expect(document.title).toBe('Jobs · Northbank')
    expect(icon()).toBe('/icon.svg')
    await comes({ type: 'mention', room_id: 'r2', seq: 9 }, note(), aKnock())
    expect(document.title).toBe('(3) Jobs · Northbank')
    expect(icon()).toBe('/icon-waiting.svg')
  })
  it('a page stands before all', async () => {
    await enter({ pages: [{ id: 'p', kind: 'page', title: 'down', severity: 1, drill: false, ticket: 'INC-7', link: '/', at: '', may_acknowledge: true }] })
    expect(document.title).toBe('Paged INC-7! Jobs · Northbank')
    expect(icon()).toBe('/icon-paged.svg')
  })

  it('what is answered leaves the desktop', async () => {
    await enter()
    await comes(aGet(), aKnock())
    expect(shown()).toHaveLength(2)
    await comes(aGet({ state: 'accepted' }), aKnock({ state: 'admitted' }))
    expect(shown()).toEqual([])
  })

  it('who asked not to be disturbed hears and sees nothing', async () => {
    await enter({ mine: { state: 'dnd' } })
    // The server says of a Get whether it is quiet: an incident's commander comes through.
    await comes(aGet({ quiet: true }), aKnock(), aKnock({ id: 'k2', guest: 'Ola Nord' }), note())
    expect(sounds).toEqual([])
    expect(shown()).toEqual([])
    expect(screen.queryByText('Jonas Lindqvist named you')).toBeNull()
    await comes(aGet({ id: 'g2' }))
    await waitFor(() => expect(sounds).toEqual(['get']))
  })

  it('desktop off is off, and sounds stay; sounds off leaves the desktop', async () => {
    await enter({ reach: { ...REACH, desktop: false } })
    await comes(aGet(), aKnock(), note())
    await waitFor(() => expect(sounds).toEqual(['get', 'knock', 'mention']))
    expect(shown()).toEqual([])
  })
  it('no sound at volume 0', async () => {
    await enter({ reach: { ...REACH, chime: 0 } })
    await comes(aGet())
    expect(sounds).toEqual([])
    expect(shown()).toHaveLength(1)
  })
  it('nothing is shown on the desktop of who looks at Muster', async () => {
    vi.mocked(document.hasFocus).mockReturnValue(true)
    await enter()
    await comes(aGet(), note())
    await waitFor(() => expect(sounds).toEqual(['get', 'mention']))
    expect(shown()).toEqual([])
  })
  it('a mention where I look is read there', async () => {
    vi.mocked(document.hasFocus).mockReturnValue(true)
    path.now = '/rooms/r2'
    await enter()
    await comes(note())
    expect(sounds).toEqual([])
    expect(screen.queryByText('Jonas Lindqvist named you')).toBeNull()
  })
})

describe('the title of a page with an id in its address', () => {
  it('is the heading, once it is there, and never the id', async () => {
    path.now = '/runs/01a22e6b-a9db-7000-8c92-6b1911e1cf42'
    const main = Object.assign(document.createElement('main'), { id: 'main' })
    document.body.append(main)
    await enter()
    expect(document.title).toBe('Runs · Northbank')
    const [heading, chip, title] = ['h1', 'span', 'span'].map((tag) => document.createElement(tag))
    chip!.textContent = 'prod'
    title!.textContent = 'payments/restart-service'
    heading!.append(chip!, title!)
    await act(async () => main.append(heading!))
    await waitFor(() => expect(document.title).toBe('payments/restart-service · Northbank'))
    main.remove()
  })
})

describe('who is on call for the first time in this browser', () => {
  const asked = vi.fn(async () => 'granted')
  const duty = [{ service: 'payments', user_id: ME } as unknown as OnCall]
  beforeEach(() => {
    localStorage.clear()
    asked.mockClear()
    vi.stubGlobal('Notification', Object.assign(class extends Desktop {}, { permission: 'default', requestPermission: asked }))
    later = { oncall: duty }
  })
  it('is asked, once, whether it may show pages, and only their click asks the browser', async () => {
    await enter()
    expect(screen.getByText('You are on call')).toBeTruthy()
    expect(asked).not.toHaveBeenCalled()
    await act(async () => void fireEvent.click(screen.getByRole('button', { name: 'Show pages' })))
    expect(asked).toHaveBeenCalledOnce()
    cleanup()
    await enter()
    expect(screen.queryByText('You are on call')).toBeNull()
  })
  it('not who wants nothing on the desktop, nor who is not on call', async () => {
    await enter({ reach: { ...REACH, desktop: false } })
    expect(screen.queryByText('You are on call')).toBeNull()
    cleanup()
    later = { oncall: [{ ...duty[0]!, user_id: 'jonas' }] }
    await enter()
    expect(screen.queryByText('You are on call')).toBeNull()
  })
})

describe('how a run ended is read out to who asked for it, wherever they are', () => {
  const mine = run('r7', { number: 7, requested_by: ME })
  const failed = { ...mine, state: 'failed' as const, progress: { done: 2, total: 2, failed: 1 } }
  beforeEach(() => {
    vi.useFakeTimers()
    later = { runs: [mine, run('r8', { number: 8 })] }
    whole.r7 = { ...failed, nodes: [{ name: 'web1', state: 'failed', exit: 3, step: 1 }] as Run['nodes'] }
  })
  it('by its news', async () => {
    await enter()
    await comes({ type: 'run', run: { ...mine, progress: { done: 1, total: 2, failed: 0 } } })
    expect(said('assertive')).toEqual([])
    await comes({ type: 'run', run: failed })
    await vi.waitFor(() => expect(said('assertive')).toEqual(['Run 7 failed on 1 of 2 nodes: web1, exit code 3']))
  })
  it('and when it ended while the line was down', async () => {
    await enter()
    snapshot = { ...snapshot, runs: [] }
    await act(async () => line.lost())
    await settle()
    await vi.waitFor(() => expect(said('assertive')).toEqual(['Run 7 failed on 1 of 2 nodes: web1, exit code 3']))
  })
  it('but not to others', async () => {
    await enter()
    await comes({ type: 'run', run: { ...run('r8', { number: 8 }), state: 'succeeded' } })
    expect(api.get).not.toHaveBeenCalledWith('/runs/r8')
  })
})

describe('who comes into the room I am in is read out', () => {
  const at = (id: string, where: string | null, o: Partial<Presence> = {}): OfficeEvent => ({ type: 'presence', presence: presence(id, where, { since: '2026-11-22T08:00:00Z', ...o }) })
  const quiet = () => act(async () => void (await vi.advanceTimersByTimeAsync(1500)))
  beforeEach(() => void vi.useFakeTimers())

  it('folded in a burst', async () => {
    await enter()
    await comes(at('jonas', 'r1'))
    await quiet()
    expect(said('polite')).toEqual(['Jonas Lindqvist came in'])
    await comes(at('jonas', 'r2'), at('jonas', 'r1'), at('mei', 'r1'), at('ana', 'r1'), at('tom', 'r1', { since: new Date().toISOString() }))
    await quiet()
    expect(said('polite').at(-1)).toBe('Jonas Lindqvist, Mei Chen and 2 more came in')
  })
  it('not who goes elsewhere, passes through or takes another seat, nor I', async () => {
    await enter()
    await comes(at('jonas', 'r3'), at('mei', 'r1'), at('mei', null), at(ME, 'r1', { seat: 4 }))
    await quiet()
    expect(said('polite')).toEqual([])
  })
  it('nor who comes back on the line, theirs or mine', async () => {
    await enter()
    await comes(at('tom', 'r1'))
    await quiet()
    snapshot = { ...snapshot, presence: [presence(ME, 'r1'), presence('jonas', 'r1'), presence('mei', 'r1')] }
    await act(async () => line.lost())
    await settle()
    await quiet()
    expect(said('polite')).toEqual([])
  })
})
