import { describe, expect, it, vi } from 'vitest'
import { ApiError, type CallMode, type GuestPerson, type GuestView } from '@/api'
import { call, caller } from '@/realtime/fixtures'
import type { Devices } from './capture'
import { noChoice } from './choice'
import type { Connection, Told } from './engine'
import { createGuest } from './guest'

const somebody = (id: string, o: Partial<GuestPerson> = {}): GuestPerson => ({ id, display: id.toUpperCase(), title: '', initials: id, hue: 0, kind: 'person', state: 'available', ...o })
const view = (o: Partial<GuestView> = {}, state: GuestView['visit']['state'] = 'inside'): GuestView => ({
  visit: { id: 'zoe', room_id: state === 'inside' ? 'r1' : '', link: '', name: 'Zoë', looks_like: '', state, word: '', created_at: '', expires_at: '' },
  csrf: '',
  office: 'Northbank',
  room: 'payments',
  people: [somebody('ines'), somebody('zoe', { kind: 'guest' })],
  media: { state: 'ready', record: '', keep_days: 90 },
  records: false,
  ...o,
})

const unagreed = () => new ApiError(409, { detail: 'Recorded.', errors: [{ location: 'consent', message: 'Agree.' }] })

function world(first = view()) {
  const w = { asked: [] as string[], told: null as Told | null, open: 0, mics: [] as { stopped: boolean }[], unheard: 0, recorded: false, agreed: false }
  const devices: Devices = {
    list: async () => [],
    async mic() {
      const track = Object.assign(new EventTarget(), { stopped: false, stop: () => void (track.stopped = true) })
      w.mics.push(track)
      return { track: track as unknown as MediaStreamTrack, device: { id: 'm', label: 'Microphone' } }
    },
    camera: () => Promise.reject(new Error('none')),
    screen: () => Promise.reject(new Error('none')),
    changed: () => () => void w.unheard++,
  }
  const conn = {
    publishMic: async () => {}, muteMic: async () => {}, swapMic: async () => {}, publishCamera: async () => {}, share: async () => '', unpublish: async () => {},
    whisper: () => {}, attach: () => () => {}, sound: () => {}, unblock: async () => {}, stats: async () => ({ rtt: null, transport: '' }),
    close: async () => void w.open--,
  } satisfies Connection
  const guest = createGuest(
    first,
    {
      async join(mode: CallMode, consent) {
        w.asked.push(`join ${mode}${consent ? ' agreed' : ''}`)
        w.agreed ||= consent
        if (w.recorded && mode === 'table' && !consent) throw unagreed()
        return { url: '/guest/media', token: 't', expires_at: '', mode, recording: w.recorded }
      },
      async mode(mode) {
        w.asked.push(`mode ${mode}`)
        if (w.recorded && mode === 'table' && !w.agreed) throw unagreed()
      },
      hand: async (raised) => void w.asked.push(`hand ${raised}`),
    },
    {
      connect: async () => async (_, told) => {
        w.open++
        w.told = told
        return conn
      },
      devices, choice: noChoice, talks: () => {},
      remember: () => {}, agent: '', now: Date.now,
      later: (ms, fn) => {
        const t = setTimeout(fn, ms)
        return () => clearTimeout(t)
      },
    },
  )
  return { w, ...guest, now: guest.session.use.getState }
}

describe('a guest’s part in a call', () => {
  it('goes the guest’s own way: to the table, to the gallery, with a hand up', async () => {
    const { w, session, now } = world()
    await session.join('r1', 'table')
    await session.hand(true)
    await session.moveTo('zoe', 'gallery')
    expect(w.asked).toEqual(['join table', 'hand true', 'mode gallery'])
    expect(now().main).toMatchObject({ room: 'r1', mode: 'gallery', phase: 'on' })
  })
  it('moves and mutes nobody else', async () => {
    const { w, session } = world()
    await session.join('r1', 'table')
    await expect(session.moveTo('ines', 'gallery')).rejects.toThrow()
    await expect(session.mute('ines')).rejects.toThrow()
    await expect(session.whisper('ines')).rejects.toThrow()
    expect(w.asked).toEqual(['join table'])
  })
  it('is asked before it is recorded, and comes to the table on the connection there is', async () => {
    const { w, session, now } = world(view({ records: true }))
    w.recorded = true
    await session.join('r1', 'table')
    expect(now()).toMatchObject({ main: null, asking: { room: 'r1', why: 'join' } })
    await session.decline(true)
    expect(now().main).toMatchObject({ mode: 'gallery', recording: true })
    await session.moveTo('zoe', 'table')
    expect(now()).toMatchObject({ main: { mode: 'gallery' }, asking: { room: 'r1', why: 'join' } })
    w.asked = []
    await session.agree()
    expect(w.asked).toEqual(['join table agreed', 'mode table'])
    expect(now().main?.mode).toBe('table')
    expect(w.open).toBe(1)
  })
  it('when the call begins to be recorded they are asked, where a moderator moved them they are told', async () => {
    for (const records of [true, false]) {
      const { session, tell, now } = world()
      await session.join('r1', 'table')
      const at = (mode: CallMode) => call('c1', 'r1', [caller('zoe', { mode }), caller('ines')])
      tell(view({ call: at('table') }))
      tell(view({ records, call: at('gallery') }))
      expect(now().asking?.why).toBe(records ? 'began' : undefined)
      expect(now().notice?.title).toBe(records ? undefined : 'You were moved to the gallery')
    }
  })
  it('is asked, too, when the call tells of the move before the visit tells why', async () => {
    const { session, tell, now } = world()
    await session.join('r1', 'table')
    const at = (mode: CallMode) => call('c1', 'r1', [caller('zoe', { mode }), caller('ines')])
    const gallery = at('gallery')
    tell(view({ call: at('table') }))
    tell(view({ call: gallery }))
    expect(now().notice?.title).toBe('You were moved to the gallery')
    tell(view({ records: true, call: gallery }))
    expect(now()).toMatchObject({ notice: null, asking: { room: 'r1', why: 'began' } })
  })
  it('who was moved by a moderator long before is not asked', async () => {
    vi.useFakeTimers()
    try {
      const { session, tell, now } = world()
      await session.join('r1', 'table')
      const at = (mode: CallMode) => call('c1', 'r1', [caller('zoe', { mode }), caller('ines')])
      const gallery = at('gallery')
      tell(view({ call: at('table') }))
      tell(view({ call: gallery }))
      await vi.advanceTimersByTimeAsync(60_000)
      tell(view({ records: true, call: gallery }))
      expect(now().asking).toBeNull()
    } finally {
      vi.useRealTimers()
    }
  })
  it('when voice went away it comes back as soon as the visit tells so', async () => {
    vi.useFakeTimers()
    try {
      const { w, session, tell, now } = world()
      await session.join('r1', 'table')
      tell(view({ media: { state: 'starting', record: '', keep_days: 90 } }))
      expect(now().main?.phase).toBe('reconnecting')
      expect(w.open).toBe(0)
      tell(view())
      await vi.advanceTimersByTimeAsync(0)
      expect(now().main?.phase).toBe('on')
    } finally {
      vi.useRealTimers()
    }
  })
  it('ends with the visit: the connection closed, every device free', async () => {
    const { w, session, end, now } = world()
    await session.join('r1', 'table')
    await session.setMic(true)
    end()
    expect(w.mics.map((m) => m.stopped)).toEqual([true])
    expect(w.open).toBe(0)
    expect(w.unheard).toBe(1)
    expect(now().main).toBeNull()
  })
  it('put out of a room that is still theirs, they may come again; of one that is not, they are told', async () => {
    vi.useFakeTimers()
    try {
      for (const state of ['inside', 'ended'] as const) {
        const { w, session, tell, now } = world()
        await session.join('r1', 'table')
        w.told!.closed('removed')
        tell(view({}, state))
        await vi.advanceTimersByTimeAsync(1000)
        expect(now().ended?.text).toMatch(state === 'inside' ? 'taken out of the call in payments' : 'may no longer see that room')
      }
    } finally {
      vi.useRealTimers()
    }
  })
})
