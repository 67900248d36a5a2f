// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from '@testing-library/react'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { useSession, type Me } from '@/api'
import { useOffice } from '@/realtime'
import { room, user } from '@/realtime/fixtures'
import type { Media } from './media'
import type { MapRoom } from './model'
import { RoomPanel } from './RoomPanel'

const PLACE = room('r1', { name: 'payments', topic: 'We clear within a second.', abilities: { enter: true } })
const media = { rooms: new Map(), people: new Map() } as unknown as Media
beforeEach(() => {
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener() {}, removeEventListener() {} }))
  useSession.setState({ status: 'in', me: { user: user('me'), abilities: {} } as unknown as Me })
  useOffice.setState({ status: 'ready', media: { state: 'ready', record: '', keep_days: 0 }, users: { me: user('me') }, rooms: { r1: { ...PLACE, since: 0 } } })
})
afterEach(() => {
  cleanup()
  vi.unstubAllGlobals()
})
function panel(here: boolean, live = media) {
  const onTalk = vi.fn()
  const r = { id: 'r1', room: PLACE, kind: 'team', shape: 'team', present: [], people: [], incident: null, run: null, runs: 0, waiting: 0, more: 0 } as unknown as MapRoom
  const none = () => {}
  render(<RoomPanel r={r} here={here} busy={false} media={live} myRoom={here ? 'r1' : ''} following="" onFollow={none} onGet={none} onEnter={none} onTalk={onTalk} onOpen={none} />)
  return onTalk
}

it('one talks from the map in one click', () => {
  const onTalk = panel(false)
  fireEvent.click(screen.getByRole('button', { name: 'Start voice' }))
  expect(onTalk).toHaveBeenCalledWith('r1')
})
it('and joins who talk there', () => {
  panel(false, { ...media, rooms: new Map([['r1', { count: 2, speaking: 1, recording: false }]]) } as unknown as Media)
  expect(screen.getByRole('button', { name: 'Join voice' })).toBeTruthy()
})
it('a topic and where I am are two sentences', () => {
  panel(true)
  expect(screen.getByText('You are here.').tagName).toBe('SPAN')
  expect(screen.getByText('You are here.').parentElement!.textContent).toBe('We clear within a second.You are here.')
})
