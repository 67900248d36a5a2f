// @vitest-environment jsdom
import { act, cleanup, render, screen, within } from '@testing-library/react'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Call } from '@/api'
import { call, caller } from '@/realtime/fixtures'
import { AroundProvider, type Around } from './around'
import { noChoice } from './choice'
import { InCall } from './InCall'
import { emptyView, type Line } from './model'
import { createSession, type Deps } from './session'

const NAMES: Record<string, string> = { amara: 'Amara Okafor', jonas: 'Jonas Lindqvist', mei: 'Mei Chen' }
const people = { me: 'amara', name: (id: string) => NAMES[id] ?? 'Someone', known: (id: string) => id in NAMES }
const line: Line = { ...emptyView, room: 'r1', mode: 'table', phase: 'on', recording: false }
let now: Call
function around() {
  const session = createSession({ choice: noChoice, me: () => 'amara', media: () => 'ready', devices: { changed: () => () => {} } } as unknown as Deps)
  session.use.setState({ main: line })
  const value: Around = { session, office: true, usePeople: () => people, useCall: () => now, useRoles: () => ({}), useRoomName: () => 'payments', useKeepDays: () => 0, Face: () => null, Name: ({ id }) => <>{NAMES[id]}</> }
  render(
    <AroundProvider value={value}>
      <InCall room={{ id: 'r1', abilities: {} }} here />
    </AroundProvider>,
  )
  return session
}
beforeEach(() => vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener() {}, removeEventListener() {} })))
afterEach(() => {
  cleanup()
  vi.unstubAllGlobals()
})
const strip = () => screen.getByRole('list', { name: 'People in the call' })

it('in a call of voices alone everybody stands with their name, what they react with, and whom they whisper to', () => {
  now = call('c', 'r1', [caller('amara', { mic: true }), caller('jonas', { mic: true, whisper_to: 'mei' }), caller('mei')])
  const session = around()
  const tile = (name: string) => within(strip()).getAllByRole('listitem').find((li) => li.textContent.startsWith(name))!
  for (const name of Object.values(NAMES)) expect(tile(name)).toBeTruthy()
  expect(tile('Jonas Lindqvist').textContent).toContain('to Mei')
  expect(screen.getByText('Jonas Lindqvist whispers to Mei Chen; nobody else hears it.')).toBeTruthy()
  expect(strip().textContent).not.toContain('👏')
  act(() => session.use.setState({ reactions: [{ id: 1, room: 'r1', user: 'mei', emoji: '👏' }, { id: 2, room: 'r2', user: 'amara', emoji: '🎉' }] }))
  expect(tile('Mei Chen').textContent).toContain('👏')
  expect(strip().textContent).not.toContain('🎉')
})
