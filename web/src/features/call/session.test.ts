import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ApiError, type CallMode, type MediaState } from '@/api'
import { call, caller } from '@/realtime/fixtures'
import type { Captured, Devices } from './capture'
import { noChoice, type Device } from './choice'
import type { Connection, Told } from './engine'
import { emptyView } from './model'
import { createSession, type Talked } from './session'

/** A track that can be unplugged. */
class Track extends EventTarget {
  stopped = false
  stop() {
    this.stopped = true
  }
  unplug() {
    this.dispatchEvent(new Event('ended'))
  }
}
const captured = (device: Device): Captured => ({ track: new Track() as unknown as MediaStreamTrack, device })
const trackOf = (c: Captured) => c.track as unknown as Track
const headset = { id: 'h', label: 'Headset' }
const built = { id: 'b', label: 'Built-in' }
const named = (name: string) => Object.assign(new Error(name), { name })

const unagreed = () => new ApiError(409, { detail: 'Calls in this room are recorded.', errors: [{ location: 'consent', message: 'Agree.' }] })
/** Rooms as the engine would keep them: who is connected where, and what they publish. */
function world() {
  const lines: { room: string; mode: CallMode; told: Told; open: boolean; did: string[]; mic: MediaStreamTrack | null }[] = []
  const w = {
    lines,
    calls: [] as string[],
    joins: [] as string[],
    refuse: null as ApiError | null,
    broken: false,
    room: 'r1' as string | null,
    readable: new Set(['r1', 'r2', 'r3']),
    /** Rooms whose calls are recorded, and in which I may not speak before I agree. */
    recorded: new Set<string>(),
    media: 'ready' as MediaState,
    plugged: [headset, built] as Device[],
    deny: '',
    talked: null as Talked | null,
    got: [] as Captured[],
    replug: () => {},
  }
  const devices: Devices = {
    list: async () => w.plugged,
    async mic(device) {
      if (w.deny) throw named(w.deny)
      const c = captured(w.plugged.find((d) => d.id === device?.id) ?? w.plugged[0]!)
      if (!c.device) throw named('NotFoundError')
      w.got.push(c)
      return c
    },
    async camera() {
      if (w.deny) throw named(w.deny)
      const c = captured({ id: 'cam', label: 'Camera' })
      w.got.push(c)
      return c
    },
    screen: async () => ({ video: new Track() as unknown as MediaStreamTrack, audio: null }),
    changed: (fn) => ((w.replug = fn), () => {}),
  }
  const said = (what: string) => async (...args: unknown[]) => void w.calls.push([what, ...args].join(' '))
  const session = createSession({
    connect: async () => async (o, told) => {
      if (w.broken) throw new Error('no way')
      const [room = '', mode = ''] = o.token.split('/')
      const l = { room, mode: mode as CallMode, told, open: true, did: [] as string[], mic: null as MediaStreamTrack | null }
      lines.push(l)
      const conn: Connection = {
        publishMic: async (t, muted) => ((l.mic = t), void l.did.push(muted ? 'mic muted' : 'mic open')),
        muteMic: async (m) => void l.did.push(m ? 'mute' : 'unmute'),
        swapMic: async (t) => ((l.mic = t), void l.did.push('swap')),
        publishCamera: async () => void l.did.push('camera'),
        share: async () => (l.did.push('share'), 'TR_' + l.did.length),
        unpublish: async () => void l.did.push('unpublish'),
        whisper: (to) => void l.did.push('whisper ' + to),
        attach: () => () => {},
        sound: () => {},
        unblock: async () => {},
        stats: async () => ({ rtt: 1, transport: 'udp' }),
        close: async () => void ((l.open = false), l.did.push('close')),
      }
      return conn
    },
    devices,
    api: {
      async join(room, mode, consent) {
        w.joins.push(`${room}/${mode}${consent ? '/agreed' : ''}`)
        if (w.recorded.has(room) && mode === 'table' && !consent) throw unagreed()
        if (w.refuse) throw w.refuse
        return { url: '/media', token: `${room}/${mode}`, expires_at: '', mode, recording: w.recorded.has(room) }
      },
      hand: said('hand'), react: said('react'), whisper: said('whisper'), mute: said('mute'), mode: said('mode'),
    },
    me: () => 'me',
    myRoom: () => w.room,
    roomName: (id) => id,
    mayRead: (r) => w.readable.has(r),
    nameOf: (id) => id,
    records: (r) => w.recorded.has(r),
    media: () => w.media,
    choice: noChoice,
    remember: () => {},
    talks: (t) => void (w.talked = t),
    agent: 'Firefox',
    now: Date.now,
    later: (ms, fn) => {
      const t = setTimeout(fn, ms)
      return () => clearTimeout(t)
    },
  })
  const now = session.use.getState
  const last = () => lines.at(-1)!
  const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms)
  return { w, session, now, last, settle, walk: (room: string | null) => ((w.room = room), session.walked(room)) }
}

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

describe('coming in', () => {
  it('one arrives muted, and no device was asked for', async () => {
    const { session, now, last, w } = world()
    await session.join('r1')
    expect(now().main).toMatchObject({ room: 'r1', mode: 'table', phase: 'on' })
    expect(now().mic).toBe('off')
    expect(w.got).toEqual([])
    await session.toggleMic()
    expect(now().mic).toBe('on')
    await session.toggleMic()
    await session.toggleMic()
    expect(last().did).toEqual(['mic open', 'mute', 'unmute'])
    expect(w.got).toHaveLength(1)
  })
  it('a refusal says why, and is not tried again', async () => {
    const { session, now, w, settle } = world()
    w.refuse = new ApiError(409, { detail: 'Sit in r1 first.' })
    await session.join('r1')
    await settle(60_000)
    expect(now()).toMatchObject({ main: null, ended: { why: 'refused', text: 'Sit in r1 first.', room: 'r1' } })
    expect(w.joins).toHaveLength(1)
    w.refuse = null
    session.takeBack()
    await settle()
    expect(now().main?.phase).toBe('on')
  })
  it('while the engine is away it goes on trying, and says so', async () => {
    const { session, now, w, settle } = world()
    w.refuse = new ApiError(503, { detail: 'Voice is starting.' })
    await session.join('r1')
    await settle(4000)
    expect(now()).toMatchObject({ main: { phase: 'connecting' }, trouble: 'Voice is starting.', ended: null })
    w.refuse = null
    session.media('ready')
    await settle()
    expect(now()).toMatchObject({ main: { phase: 'on' }, trouble: '' })
  })
  it('when no way leads to the media ports it says where to look', async () => {
    const { session, now, w, settle } = world()
    w.broken = true
    await session.join('r1')
    await settle(3000)
    expect(now().trouble).toMatch(/firewall/)
  })
  it('leaving gives the devices back', async () => {
    const { session, now, w, last } = world()
    await session.join('r1')
    await session.setMic(true)
    await session.toggleCamera()
    await session.share()
    session.leave()
    expect(now()).toMatchObject({ main: null, mic: 'off', camera: 'off', sharing: false, ended: null })
    expect(w.got.every((c) => trackOf(c).stopped)).toBe(true)
    expect(last().open).toBe(false)
  })
})

describe('walking', () => {
  it('with voice kept on, the next room stands before the last is left, and the same microphone goes there', async () => {
    const { session, now, w, walk } = world()
    session.keepOn(true)
    await session.join('r1')
    await session.setMic(true)
    const mic = w.lines[0]!.mic
    await walk('r2')
    expect(w.lines.map((l) => [l.room, l.open])).toEqual([['r1', false], ['r2', true]])
    expect(w.lines[1]!.did).toEqual(['mic open'])
    expect(w.lines[1]!.mic).toBe(mic)
    expect(w.got).toHaveLength(1)
    expect(now().mic).toBe('on')
  })
  it('the server may close the last room before it tells where I am, or after', async () => {
    for (const knows of [true, false]) {
      const { session, now, w, settle } = world()
      session.keepOn(true)
      await session.join('r1')
      await session.setMic(true)
      if (knows) w.room = 'r2'
      w.lines[0]!.told.closed('removed')
      await settle(200)
      w.room = 'r2'
      await session.walked('r2')
      await settle(2000)
      expect(now()).toMatchObject({ main: { room: 'r2', phase: 'on' }, mic: 'on', ended: null })
      expect(w.lines.map((l) => l.room)).toEqual(['r1', 'r2'])
      expect(w.got).toHaveLength(1)
    }
  })
  it('otherwise voice ends at the door, and nothing is said', async () => {
    const { session, now, walk } = world()
    await session.join('r1')
    await walk('r2')
    expect(now()).toMatchObject({ main: null, ended: null })
  })
  it('who only listens goes on listening', async () => {
    const { session, now, walk } = world()
    await session.join('r1', 'gallery')
    await walk('r2')
    expect(now().main).toMatchObject({ room: 'r1', mode: 'gallery', phase: 'on' })
  })
  it('a room that does not let me in leaves me where I was', async () => {
    const { session, now, w } = world()
    await session.join('r1')
    w.refuse = new ApiError(403, { detail: 'Only members.' })
    await session.join('r2')
    expect(now()).toMatchObject({ main: { room: 'r1', phase: 'on' }, notice: { text: 'Only members.' } })
  })
})

describe('an end that is not mine', () => {
  it('another tab', async () => {
    const { session, now, last, settle } = world()
    await session.join('r1')
    await session.setMic(true)
    last().told.closed('moved')
    expect(now()).toMatchObject({ main: null, mic: 'off', ended: { why: 'moved' } })
    session.takeBack()
    await settle()
    expect(now().main?.phase).toBe('on')
  })
  it('sent home: by whom and why, whichever is told first', async () => {
    for (const first of ['media', 'office', 'presence']) {
      const { session, now, last, walk } = world()
      session.keepOn(true)
      await session.join('r1')
      const told = {
        media: () => last().told.closed('removed'),
        office: () => session.sentHome('r1', 'priya', 'two persons only'),
        presence: () => void walk(null),
      }
      for (const k of [first, 'media', 'presence', 'office'] as (keyof typeof told)[]) told[k]()
      expect(now(), first).toMatchObject({ main: null, ended: { why: 'sent-home', text: 'priya sent you home from r1: two persons only' } })
    }
  })
  it('taken out, or the room taken away', async () => {
    const { session, now, last, settle, w } = world()
    await session.join('r1')
    last().told.closed('removed')
    await settle(1500)
    expect(now().ended).toMatchObject({ why: 'removed', text: 'You were taken out of the call in r1.' })
    await session.join('r1')
    w.readable.delete('r1')
    last().told.closed('removed')
    expect(now().ended?.text).toMatch(/no longer see/)
  })
  it('muted by a moderator, who says so', async () => {
    const { session, now, last } = world()
    await session.join('r1')
    await session.setMic(true)
    last().told.muted()
    expect(now()).toMatchObject({ mic: 'muted', notice: { title: 'A moderator muted you' } })
    await session.toggleMic()
    expect(now().mic).toBe('on')
  })
  it('put into the gallery: nothing of mine is heard, and brought back I speak again', async () => {
    const { session, now, last, w } = world()
    await session.join('r1')
    await session.setMic(true)
    session.call(call('c', 'r1', [caller('me')]))
    session.call(call('c', 'r1', [caller('me', { mode: 'gallery' })]))
    expect(now()).toMatchObject({ main: { mode: 'gallery' }, mic: 'off', notice: { title: 'You were moved to the gallery' } })
    expect(last().did).toContain('unpublish')
    await session.toggleMic()
    expect(now()).toMatchObject({ mic: 'off', notice: { title: 'You listen from the gallery' } })
    session.call(call('c', 'r1', [caller('me')]))
    await session.toggleMic()
    expect(now()).toMatchObject({ main: { mode: 'table' }, mic: 'on' })
    expect(w.got).toHaveLength(2)
  })
})

describe('between table and gallery', () => {
  it('I go on the same connection', async () => {
    const { session, now, w, last } = world()
    await session.join('r1')
    await session.setMic(true)
    await session.moveTo('me', 'gallery')
    expect(now()).toMatchObject({ main: { mode: 'gallery' }, mic: 'off' })
    await session.moveTo('me', 'table')
    await session.setMic(true)
    expect(now()).toMatchObject({ main: { mode: 'table' }, mic: 'on', notice: null })
    expect(w.joins).toHaveLength(1)
    expect(last().did).toEqual(['mic open', 'unpublish', 'mic open'])
    expect(w.calls).toEqual(['mode r1 me gallery', 'mode r1 me table'])
  })
})

describe('breaks', () => {
  it('a lost connection comes back by a new ticket, with the microphone as it was', async () => {
    const { session, now, last, w, settle } = world()
    await session.join('r1')
    await session.setMic(true)
    w.broken = true
    last().told.closed('lost')
    await settle(500)
    expect(now().main?.phase).toBe('reconnecting')
    w.broken = false
    await settle(1000)
    expect(now().main?.phase).toBe('on')
    expect(last().did).toEqual(['mic open'])
    expect(w.got).toHaveLength(1)
  })
  it('the engine went: nothing waits for a connection that is dead, and the moment it is back so am I', async () => {
    const { session, now, last, w, settle } = world()
    await session.join('r1')
    await session.listen('r2')
    w.refuse = new ApiError(503)
    session.media('starting')
    await settle(300)
    expect([now().main?.phase, now().also?.phase]).toEqual(['reconnecting', 'reconnecting'])
    w.refuse = null
    session.media('ready')
    await settle()
    expect([now().main?.phase, now().also?.phase]).toEqual(['on', 'on'])
    expect(last().open).toBe(true)
  })
  it('leaving ends the waiting too', async () => {
    const { session, w, last, settle } = world()
    await session.join('r1')
    w.broken = true
    last().told.closed('lost')
    session.leave()
    w.broken = false
    await settle(20_000)
    expect(w.joins).toHaveLength(1)
  })
})

describe('the microphone', () => {
  it('denied: I listen, and the help is for this browser', async () => {
    const { session, now, w } = world()
    w.deny = 'NotAllowedError'
    await session.join('r1')
    await session.toggleMic()
    expect(now()).toMatchObject({ mic: 'denied', main: { phase: 'on' }, notice: { tone: 'amber' } })
    expect(now().notice?.text).toMatch(/crossed-out.*listen/)
    w.deny = ''
    await session.toggleMic()
    expect(now()).toMatchObject({ mic: 'on', notice: null })
  })
  it('unplugged: the next one is used, and the first again when it is back', async () => {
    const { session, now, w, last, settle } = world()
    session.choose('mic', headset)
    await session.join('r1')
    await session.setMic(true)
    expect(now().micDevice).toEqual(headset)
    w.plugged = [built]
    trackOf(w.got[0]!).unplug()
    await settle()
    expect(now()).toMatchObject({ mic: 'on', micDevice: built, notice: { title: 'Headset went away', text: 'Built-in is used now.' } })
    expect(last().did).toEqual(['mic open', 'swap', 'unmute'])
    w.plugged = [built, headset]
    w.replug()
    await settle()
    expect(now()).toMatchObject({ micDevice: headset, notice: { title: 'Headset is back' } })
    expect(trackOf(w.got[1]!).stopped).toBe(true)
  })
  it('the only one unplugged: nobody hears me, and that is said', async () => {
    const { session, now, w, settle } = world()
    await session.join('r1')
    await session.setMic(true)
    w.plugged = []
    trackOf(w.got[0]!).unplug()
    await settle()
    expect(now()).toMatchObject({ mic: 'missing', main: { phase: 'on' }, notice: { tone: 'amber' } })
  })
  it('is open while the key is held, and only then', async () => {
    const { session, now, last } = world()
    await session.join('r1')
    await session.hold(true)
    expect(now()).toMatchObject({ mic: 'on', held: true })
    await session.hold(false)
    expect(now()).toMatchObject({ mic: 'muted', held: false })
    await session.setMic(true)
    await session.hold(true)
    await session.hold(false)
    expect(now().mic).toBe('on')
    expect(last().did).toEqual(['mic open', 'mute', 'unmute'])
  })
  it('a key let go while the microphone starts leaves it muted', async () => {
    const { session, now, last } = world()
    await session.join('r1')
    const down = session.hold(true)
    await session.hold(false)
    await down
    expect(now()).toMatchObject({ mic: 'muted', held: false })
    expect(last().did.filter((x) => x === 'mic open' || x === 'unmute')).toEqual([])
  })
})

describe('beside speaking', () => {
  it('a second room is heard, and leaves the first alone', async () => {
    const { session, now, w } = world()
    await session.join('r1')
    await session.listen('r2')
    expect(now()).toMatchObject({ main: { room: 'r1', mode: 'table' }, also: { room: 'r2', mode: 'gallery', phase: 'on' } })
    await session.listen('r3')
    expect(now().also?.room).toBe('r3')
    expect(w.lines.map((l) => l.open)).toEqual([true, false, true])
    // Walking into it, it is not heard twice.
    w.room = 'r3'
    session.keepOn(true)
    await session.walked('r3')
    expect(now()).toMatchObject({ main: { room: 'r3', mode: 'table' }, also: null })
  })
  it('whispering: first nobody else hears, then it is told; and it ends with the other’s going', async () => {
    const { session, now, last, w } = world()
    await session.join('r1')
    await session.whisper('kofi')
    expect(last().did).toEqual(['whisper kofi'])
    expect(w.calls).toEqual(['whisper r1 kofi'])
    session.call(call('c', 'r1', [caller('me', { whisper_to: 'kofi' }), caller('kofi')]))
    expect(now().whisper).toBe('kofi')
    session.call(call('c', 'r1', [caller('me')]))
    expect(now().whisper).toBe('')
    expect(last().did).toEqual(['whisper kofi', 'whisper '])
  })
  it('where calls are recorded nobody whispers', async () => {
    const { session, now, last, w } = world()
    await session.join('r1')
    w.recorded.add('r1')
    await session.whisper('kofi')
    expect(last().did).toEqual([])
    expect(now().whisper).toBe('')
    expect(now().notice?.title).toBe('Nobody whispers here')
  })
  it('several screens at once, each ended by itself', async () => {
    const { session, now, last } = world()
    await session.join('r1')
    await session.share()
    await session.share()
    expect(last().did).toEqual(['share', 'share'])
    await session.unshare('TR_1')
    expect(now().sharing).toBe(true)
    await session.unshare()
    expect(now().sharing).toBe(false)
    expect(last().did.filter((x) => x === 'unpublish')).toHaveLength(2)
  })
  it('who speaks is remembered, for the order of the pictures', async () => {
    const { session, now, last } = world()
    await session.join('r1')
    last().told.view({ ...emptyView, people: { kofi: { mic: true, camera: '', speaking: true, quality: '' } } })
    expect(now().spoke).toEqual({ kofi: 1_000_000 })
  })
  it('a reaction passes', async () => {
    const { session, now, settle } = world()
    session.reaction('r1', 'kofi', '🎉')
    expect(now().reactions).toHaveLength(1)
    await settle(5000)
    expect(now().reactions).toEqual([])
  })
})

describe('a call that is recorded', () => {
  const recorded = (room: string) => {
    const t = world()
    t.w.recorded.add(room)
    return t
  }
  it('is joined by who agreed, and come back to without being asked again', async () => {
    const { session, now, w, last, settle } = recorded('r1')
    await session.join('r1')
    expect(now()).toMatchObject({ main: null, ended: null, asking: { room: 'r1', why: 'join' } })
    expect(w.lines).toHaveLength(0)
    await session.agree()
    expect(now()).toMatchObject({ main: { room: 'r1', mode: 'table', phase: 'on', recording: true }, asking: null })
    last().told.closed('lost')
    await settle(300)
    expect(now().main?.phase).toBe('on')
    last().told.closed('moved')
    session.takeBack()
    await settle()
    expect(now()).toMatchObject({ main: { phase: 'on' }, asking: null })
    expect(w.joins).toEqual(['r1/table', 'r1/table/agreed', 'r1/table/agreed', 'r1/table/agreed'])
    session.leave()
    await session.join('r1')
    expect(now().asking).toMatchObject({ room: 'r1' })
  })
  it('is heard from the gallery by who does not agree, or not at all', async () => {
    const { session, now, w } = recorded('r1')
    await session.join('r1')
    await session.decline(false)
    expect(now()).toMatchObject({ main: null, asking: null })
    await session.join('r1')
    await session.decline(true)
    expect(now().main).toMatchObject({ room: 'r1', mode: 'gallery', phase: 'on' })
    expect(w.joins.some((j) => j.endsWith('agreed'))).toBe(false)
  })
  it('asks who walks in with voice kept on, who speaks nowhere meanwhile', async () => {
    const { session, now, w, walk } = recorded('r2')
    session.keepOn(true)
    await session.join('r1')
    await session.setMic(true)
    await walk('r2')
    expect(now()).toMatchObject({ main: null, mic: 'off', asking: { room: 'r2', why: 'walk', mic: true } })
    expect(w.lines[0]!.open).toBe(false)
    await session.agree()
    expect(now()).toMatchObject({ main: { room: 'r2', mode: 'table' }, mic: 'on' })
  })
  it('asks no more of who walked on', async () => {
    const { session, now, walk } = recorded('r2')
    session.keepOn(true)
    await session.join('r1')
    await walk('r2')
    await walk('r3')
    expect(now()).toMatchObject({ asking: null })
  })
  it('that begins to be recorded has me listen until I agree', async () => {
    const { session, now, w, last } = world()
    await session.join('r1')
    await session.setMic(true)
    session.call(call('c1', 'r1', [caller('me')]))
    w.recorded.add('r1')
    session.call(call('c1', 'r1', [caller('me', { mode: 'gallery' })]))
    expect(now()).toMatchObject({ main: { mode: 'gallery' }, asking: { why: 'began', mic: true }, notice: null })
    await session.agree()
    expect(w.calls).toContain('mode r1 me table')
    expect(now()).toMatchObject({ main: { mode: 'table' }, mic: 'on' })
    expect(last().open).toBe(true)
  })
  it('says when it is not recorded for now, and only then', async () => {
    const { session, now, w, last, settle } = recorded('r1')
    await session.join('r1')
    await session.agree()
    const at = (recording: boolean) => session.call({ ...call('c1', 'r1', [caller('me')]), recording })
    at(false) // the recorder is not there yet
    expect(now()).toMatchObject({ main: { recording: true }, notice: null })
    at(true)
    at(false)
    expect(now()).toMatchObject({ main: { recording: false }, notice: { tone: 'amber', title: 'The recording broke off' } })
    // It is recorded again: both sentences at once would be one too many.
    at(true)
    expect(now()).toMatchObject({ main: { recording: true }, notice: null })
    at(false)
    w.broken = true
    last().told.closed('lost')
    await settle(10)
    expect(now()).toMatchObject({ main: { phase: 'reconnecting', recording: false }, notice: null })
    w.broken = false
    await settle(5000)
    at(true)
    w.recorded.clear()
    at(false)
    expect(now()).toMatchObject({ main: { recording: false }, notice: null })
  })
})

describe('a page that is loaded again', () => {
  it('offers the way back to where one talked, and to nowhere else', async () => {
    const { session, w, walk } = world()
    await session.join('r1')
    expect(w.talked).toEqual({ me: 'me', room: 'r1', mode: 'table' })
    const talked = w.talked!
    session.leave()
    expect(w.talked).toBeNull()

    const after = world()
    after.session.reloaded(talked)
    expect(after.now().ended).toMatchObject({ room: 'r1', why: 'reloaded' })
    after.session.takeBack()
    await after.settle()
    expect(after.now()).toMatchObject({ ended: null, main: { room: 'r1', phase: 'on' } })

    for (const spoil of [(x: ReturnType<typeof world>) => void (x.w.room = 'r2'), (x: ReturnType<typeof world>) => x.w.readable.clear(), (x: ReturnType<typeof world>) => void (x.w.media = 'off')]) {
      const other = world()
      spoil(other)
      other.session.reloaded(talked)
      expect(other.now().ended).toBeNull()
    }
    const another = world()
    another.session.reloaded({ ...talked, me: 'somebody else' })
    expect(another.now().ended).toBeNull()
    await walk('r2')
  })
  it('remembers where one walked with voice kept on, and through a break', async () => {
    const { session, w, walk, last, settle } = world()
    session.keepOn(true)
    await session.join('r1')
    await walk('r2')
    expect(w.talked).toMatchObject({ room: 'r2' })
    w.broken = true
    last().told.closed('lost')
    await settle(600)
    expect(w.talked).toMatchObject({ room: 'r2' })
  })
})
