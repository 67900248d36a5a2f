// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, screen } from '@testing-library/react'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { api, type Get } from '@/api'
import { useOffice } from '@/realtime'
import { room, user } from '@/realtime/fixtures'
import { Toaster } from '@/ui'
import Requests from './Requests'

vi.mock('@tanstack/react-router', async (real) => ({ ...(await real<object>()), useNavigate: () => () => {} }))
beforeEach(() => useOffice.setState({ users: { jonas: user('jonas'), mei: user('mei'), tom: user('tom') }, rooms: { r1: { ...room('r1'), since: 0 } } }))
afterEach(cleanup)
const asks = (id: string, from: string): Get => ({ id, from, to: 'me', room_id: 'r1', state: 'pending', note: '', answer: '', quiet: false, created_at: new Date().toISOString(), expires_at: new Date(Date.now() + 60_000).toISOString() })

it('several who ask at once are declined in one go; what failed is told', async () => {
  const post = vi.spyOn(api, 'post').mockImplementation((async (url: string) => {
    if (url.includes('g3')) throw new Error('gone')
  }) as never)
  const page = render(
    <>
      <Requests gets={[asks('g1', 'jonas'), asks('g2', 'mei'), asks('g3', 'tom')]} />
      <Toaster />
    </>,
  )
  await act(async () => void fireEvent.click(screen.getByRole('button', { name: 'Decline all' })))
  expect(post.mock.calls.map((c) => c[0])).toEqual(['/gets/g1/decline', '/gets/g2/decline', '/gets/g3/decline'])
  expect(screen.getByText('1 of 3 could not be declined')).toBeTruthy()
  page.rerender(<Requests gets={[asks('g1', 'jonas')]} />)
  expect(screen.queryByRole('button', { name: 'Decline all' })).toBeNull()
})
