// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, screen, within } from '@testing-library/react'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { api, ApiError, useSession, type Me, type Message } from '@/api'
import { useOffice } from '@/realtime'
import { message, room, user } from '@/realtime/fixtures'
import { Composer } from './Composer'
import { MessageRow } from './MessageRow'
import { PendingRow } from './PendingRow'

const { keys, sent } = vi.hoisted(() => ({ keys: { on: true }, sent: [] as { room: string; text: string; thread: string | null }[] }))
vi.mock('@/lib/keys', async (real) => ({ ...(await real<object>()), singleKeys: () => keys.on }))
vi.mock('@/realtime/room', async (real) => ({ ...(await real<object>()), send: (room: string, text: string, thread: string | null) => sent.push({ room, text, thread }) }))

const ROOM = room('r1', { name: 'payments' })
let answer = { ok: (_: unknown) => {}, not: (_: unknown) => {} }
beforeEach(() => {
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener() {}, removeEventListener() {} }))
  localStorage.clear()
  sent.length = 0
  keys.on = true
  useSession.setState({ status: 'in', me: { user: user('me'), can: {}, abilities: {} } as unknown as Me })
  useOffice.setState({ status: 'ready', users: { me: user('me'), jonas: user('jonas', { display: 'Jonas' }) }, rooms: { r1: { ...ROOM, since: 0 } } })
  vi.spyOn(api, 'get').mockResolvedValue({ items: [] } as never)
  vi.spyOn(api, 'post').mockImplementation((url: string) => (url.endsWith('/messages') ? new Promise((ok, not) => (answer = { ok, not })) : Promise.resolve()) as never)
})
afterEach(() => {
  cleanup()
  vi.unstubAllGlobals()
})

const field = () => screen.getByRole<HTMLTextAreaElement>('textbox', { name: 'Message payments' })
const write = (value: string) => fireEvent.change(field(), { target: { value, selectionStart: value.length } })
const enter = () => fireEvent.keyDown(field(), { key: 'Enter' })
const composer = () => render(<Composer room={ROOM} replyTo={null} onReplied={() => {}} onEditLast={() => {}} onSent={() => {}} />)

it('a command that fails never touches what was written meanwhile, and changes places with it when asked', async () => {
  composer()
  write('/run restart-servce')
  enter()
  expect(field().value).toBe('')
  write('half a sentence')
  await act(async () => answer.not(new ApiError(404, { detail: 'There is no job restart-servce.' })))
  expect(field().value).toBe('half a sentence')
  expect(screen.getByText('There is no job restart-servce.')).toBeTruthy()
  fireEvent.click(screen.getByRole('button', { name: 'Edit command' }))
  expect(field().value).toBe('/run restart-servce')
  fireEvent.click(screen.getByRole('button', { name: 'Put it back' }))
  expect(field().value).toBe('half a sentence')
})

it('so does one that does not arrive', async () => {
  composer()
  write('/ack')
  enter()
  write('  meanwhile')
  await act(async () => answer.not(new Error('no network')))
  expect(field().value).toBe('  meanwhile')
  expect(screen.getByRole('button', { name: 'Edit command' })).toBeTruthy()
})

it('into an empty field the failed command comes back', async () => {
  composer()
  write('/run restart-servce')
  enter()
  await act(async () => answer.not(new ApiError(403, { detail: 'You may not run it.' })))
  expect(field().value).toBe('/run restart-servce')
  expect(screen.queryByRole('button', { name: 'Edit command' })).toBeNull()
})

it('the indent of a first line is sent', () => {
  composer()
  write('\n    if x:\n        y\n')
  enter()
  expect(sent).toEqual([{ room: 'r1', text: '    if x:\n        y', thread: null }])
})

it('/ goes to the field, and is a letter as any other where single keys are off', () => {
  composer()
  const press = () => {
    field().blur()
    return fireEvent.keyDown(document.body, { key: '/' })
  }
  expect(press()).toBe(false)
  expect(document.activeElement).toBe(field())
  keys.on = false
  expect(press()).toBe(true)
  expect(document.activeElement).toBe(document.body)
})

it('what was refused can be mended, copied and discarded where it stands', async () => {
  const copied = vi.fn(async () => {})
  vi.stubGlobal('navigator', Object.assign(navigator, { clipboard: { writeText: copied } }))
  render(<PendingRow room={ROOM} head p={{ key: 'k', room: 'r1', text: '  too long', thread: null, at: '2026-11-22T10:00:00Z', after: 3, state: 'failed', error: 'It is too long.' }} />)
  const row = screen.getByRole('article', { name: 'Not sent' })
  expect(within(row).getByRole('alert').textContent).toContain('Not sent. It is too long.')
  expect(within(row).getAllByRole('button').map((b) => b.textContent)).toEqual(['Edit', 'Copy', 'Discard'])
  await act(async () => void fireEvent.click(within(row).getByRole('button', { name: 'Copy' })))
  expect(copied).toHaveBeenCalledWith('  too long')
  fireEvent.click(within(row).getByRole('button', { name: 'Edit' }))
  const mend = within(row).getByRole<HTMLTextAreaElement>('textbox')
  fireEvent.change(mend, { target: { value: '  short' } })
  fireEvent.click(within(row).getByRole('button', { name: 'Send' }))
  expect(sent).toEqual([{ room: 'r1', text: '  short', thread: null }])
})

it('the author of a message is one button for keys and ears', () => {
  const m: Message = message(1, { replies: [message(2, { thread: 'm1' })] })
  render(<MessageRow m={m} head latest={false} lit={null} tabStop editing={null} onEdit={() => {}} onReply={() => {}} onFocus={() => {}} />)
  expect(screen.getAllByRole('button', { name: /^Jonas/ })).toHaveLength(2) // The message's and the answer's.
  for (const face of document.querySelectorAll<HTMLElement>('button[aria-label="Jonas"]')) expect([face.tabIndex, face.getAttribute('aria-hidden')]).toEqual([-1, 'true'])
  expect(document.querySelectorAll('button[aria-label="Jonas"]')).toHaveLength(2)
})
