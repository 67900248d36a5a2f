// My part in a call: where I speak, what else I hear, what of mine is heard and seen. It knows the media
// engine, the devices and the server only by what it is given, so that its tests bring their own.
import { create, type StoreApi, type UseBoundStore } from 'zustand'
import { ApiError, errorText, type Call, type CallMode, type MediaState } from '@/api'
import type { CallApi } from './api'
import type { Devices } from './capture'
import { find, type Choice, type Device, type Kind } from './choice'
import type { Connect, Told } from './engine'
import { emptyView, hasStage, retryDelay, type Asking, type Capture, type Closed, type Ended, type Line } from './model'
import { createOwn, type Outlet } from './own'

export type Notice = { tone: 'info' | 'amber'; title: string; text: string; /** it is over with what it tells of */ about?: 'recording' }
/** Where I talked, and how, as this tab remembers it over a reload. */
export type Talked = { me: string; room: string; mode: CallMode }
export type CallState = {
  /** The room in whose call I am. */
  main: Line | null
  /** Another room that I only hear. */
  also: Line | null
  volume: number
  /** Why coming back takes long. */
  trouble: string
  mic: Capture
  /** The microphone is open for as long as the key is held. */
  held: boolean
  micDevice: Device | null
  camera: Capture
  sharing: boolean
  whisper: string
  /** The browser plays nothing before a click. */
  blocked: boolean
  ended: Ended | null
  asking: Asking | null
  notice: Notice | null
  /** When somebody last spoke. */
  spoke: Record<string, number>
  reactions: { id: number; room: string; user: string; emoji: string }[]
  /** The share that was put in the middle. */
  picked: string
  choice: Choice
}

export type Deps = {
  connect: () => Promise<Connect>
  devices: Devices
  api: CallApi
  me: () => string
  myRoom: () => string | null
  roomName: (id: string) => string
  mayRead: (room: string) => boolean
  nameOf: (user: string) => string
  /** Calls of that room are to be recorded. */
  records: (room: string) => boolean
  media: () => MediaState
  choice: Choice
  remember: (c: Choice) => void
  /** Where I talk now, for this tab to find after a reload; null where I left. */
  talks: (t: Talked | null) => void
  agent: string
  now: () => number
  /** Calls later, unless cancelled. */
  later: (ms: number, fn: () => void) => () => void
}

/** One room's connection, with its way back. */
type Runner = Outlet & { line: Line; over: boolean; attempt: number; cancel: () => void; told?: CallMode; /** it was recorded, as the office told */ taped?: boolean }

const GALLERY: Notice = { tone: 'info', title: 'You listen from the gallery', text: 'Go to the table to speak.' }
/** The server refuses a table where what is said is recorded, to who has not agreed. */
const wantsConsent = (e: unknown): boolean => e instanceof ApiError && e.status === 409 && 'consent' in e.fields
const NO_WAY = 'The server answers, but sound finds no way to it. A firewall may block the media ports; ask an administrator.'

export function createSession(d: Deps) {
  const use: UseBoundStore<StoreApi<CallState>> = create<CallState>(() => ({
    main: null, also: null, volume: 0.6, trouble: '', mic: 'off', held: false, micDevice: null, camera: 'off', sharing: false, whisper: '',
    blocked: false, ended: null, asking: null, notice: null, spoke: {}, reactions: [], picked: '', choice: d.choice,
  }))
  const get = use.getState
  const set = use.setState
  let main: Runner | null = null
  let also: Runner | null = null
  let sentHome: { room: string; text: string; at: number } | null = null
  /** The call that ended last for me: why is at times told after. */
  let last: { room: string; at: number } | null = null
  /** The room in which I agreed to be recorded, for as long as this call lasts for me. */
  let agreed = ''
  /** The server has told that I whisper. */
  let whispers = false
  /** I was put into the gallery, and nothing told why: that calls here are recorded now may be told after. */
  let moved: { room: string; mic: boolean; at: number } | null = null

  let talking = ''
  const show = () => {
    set({ main: main?.line ?? null, also: also?.line ?? null })
    // Only what stood is come back to; what ends takes it along.
    const now = main && main.line.phase !== 'connecting' ? main.line.room + ' ' + main.line.mode : main ? talking : ''
    if (now === talking) return
    talking = now
    d.talks(main && now ? { me: d.me(), room: main.line.room, mode: main.line.mode } : null)
  }
  const patch = (r: Runner, p: Partial<Line>) => {
    r.line = { ...r.line, ...p }
    // It is recorded again, or nobody knows: what was said of it does not hold any more.
    if (r === main && (p.recording || p.phase === 'reconnecting') && get().notice?.about === 'recording') set({ notice: null })
    show()
  }
  const notice = (title: string, text = '', tone: Notice['tone'] = 'info') => set({ notice: { tone, title, text } })
  const own = createOwn(d, use, () => main, notice)
  const sound = (r: Runner) => ({ speaker: get().choice.speaker?.id ?? '', volume: r === also ? get().volume : 1 })
  const runner = (room: string, mode: CallMode): Runner => ({
    line: { ...emptyView, room, mode, phase: 'connecting', recording: false }, conn: null, over: false, attempt: 0, cancel: () => {}, published: null,
  })

  // -- one room

  /** One attempt to get in. */
  async function up(r: Runner, before: Runner | null = null): Promise<void> {
    const connecting = d.connect() // its code is fetched beside the ticket
    connecting.catch(() => {})
    const ticket = await d.api.join(r.line.room, r.line.mode, r.line.mode === 'table' && agreed === r.line.room)
    if (r.over) return
    const conn = await (await connecting)({ url: ticket.url, token: ticket.token, sound: sound(r) }, told(r))
    if (r.over) return conn.close()
    r.conn = conn
    r.attempt = 0
    r.published = null
    // The next room stands before the last one is left.
    if (before) await shut(before)
    patch(r, { phase: 'on', mode: ticket.mode, recording: ticket.recording })
    set({ trouble: '' })
    if (r === main) {
      if (agreed !== r.line.room) agreed = ''
      await publishAll(r)
    }
  }
  const told = (r: Runner): Told => ({
    view(v) {
      if (r.over) return
      const at = d.now()
      const speaking = Object.entries(v.people).filter(([, p]) => p.speaking)
      if (speaking.length) set((s) => ({ spoke: { ...s.spoke, ...Object.fromEntries(speaking.map(([id]) => [id, at])) } }))
      patch(r, v)
    },
    phase: (phase) => !r.over && patch(r, { phase }),
    closed: (why) => !r.over && closed(r, why),
    blocked: (blocked) => !r.over && set({ blocked }),
    muted() {
      if (r !== main) return
      own.muted()
      notice('A moderator muted you', 'Unmute when you want to speak.')
    },
  })
  function closed(r: Runner, why: Closed) {
    r.conn = null
    const { room, mode } = r.line
    if (why === 'moved') return finish(r, { room, mode, why, text: 'Voice moved to another tab.' })
    if (why === 'over') return finish(r, { room, mode, why, text: `The call in ${d.roomName(room)} has ended.` })
    if (why === 'lost') return retry(r)
    // Put out: what tells why comes by the office's socket, now or in a moment.
    if (r === main && mode === 'table' && get().choice.keep && d.myRoom() && d.myRoom() !== room) return void session.walked(d.myRoom())
    if (elsewhere(r)) return left(r)
    patch(r, { phase: 'reconnecting' })
    r.cancel = d.later(1000, () => !r.over && left(r))
  }
  const elsewhere = (r: Runner) => sentHome?.room === r.line.room || (r.line.mode === 'table' && d.myRoom() !== r.line.room) || !d.mayRead(r.line.room)
  function left(r: Runner) {
    const { room, mode } = r.line
    const name = d.roomName(room)
    if (sentHome?.room === room && d.now() - sentHome.at < 10_000) return finish(r, { room, mode, why: 'sent-home', text: sentHome.text })
    if (!d.mayRead(room)) return finish(r, { room, mode, why: 'removed', text: 'You may no longer see that room, so its voice ended.' })
    if (mode === 'table' && d.myRoom() !== room) return finish(r, null)
    finish(r, { room, mode, why: 'removed', text: `You were taken out of the call in ${name}.` })
  }
  function retry(r: Runner) {
    r.conn = null
    if (r !== main && r !== also) return void shut(r) // I am already elsewhere
    // Whether it is recorded is not known until it is back.
    r.taped = false
    patch(r, { ...emptyView, recording: false, phase: r.line.phase === 'connecting' ? 'connecting' : 'reconnecting' })
    r.cancel()
    r.cancel = d.later(retryDelay(r.attempt++), () => void again(r))
  }
  async function again(r: Runner) {
    if (r.over || r.conn) return
    r.cancel()
    try {
      await up(r)
    } catch (e) {
      failed(r, e)
    }
  }
  function failed(r: Runner, e: unknown) {
    if (r.over) return
    const { room, mode } = r.line
    if (wantsConsent(e)) {
      finish(r, null)
      return ask(room, 'join')
    }
    if (e instanceof ApiError && e.status >= 400 && e.status < 500 && e.status !== 408 && e.status !== 429) return finish(r, { room, mode, why: 'refused', text: errorText(e) })
    if (r.attempt >= 2) set({ trouble: e instanceof ApiError ? errorText(e) : NO_WAY })
    retry(r)
  }
  /** Ends a connection without a word. */
  async function shut(r: Runner) {
    r.over = true
    r.cancel()
    const conn = r.conn
    r.conn = null
    await conn?.close().catch(() => {})
  }
  function finish(r: Runner, ended: Ended | null) {
    void shut(r)
    if (r === also) {
      also = null
      if (ended) notice(ended.text)
    } else if (r === main) {
      main = null
      own.release()
      whispers = false
      if (ended?.why !== 'moved') agreed = ''
      last = { room: r.line.room, at: d.now() }
      set({ ended, trouble: '', blocked: false, picked: '', whisper: '' })
    }
    show()
  }
  async function publishAll(r: Runner) {
    if (r.line.mode !== 'table') return own.release()
    await own.publish(r)
    if (get().whisper) r.conn?.whisper(get().whisper)
  }

  // -- coming and going

  async function join(room: string, mode: CallMode = 'table') {
    const before = main
    if (before && before.line.room === room && before.line.mode === mode) return
    if (also?.line.room === room) finish(also, null)
    const r = runner(room, mode)
    main = r
    set({ ended: null, asking: null, notice: null, trouble: '', whisper: before?.line.room === room ? get().whisper : '' })
    if (before) before.cancel()
    show()
    try {
      await up(r, before)
    } catch (e) {
      if (r.over) return
      if (wantsConsent(e) && before) {
        void shut(r)
        main = before
        const mic = get().mic === 'on'
        // Who walked has given up the seat where they were.
        if (before.over || (before.line.mode === 'table' && d.myRoom() !== before.line.room)) finish(before, null)
        else show()
        return ask(room, before.line.room === room ? 'join' : 'walk', mic)
      }
      const refused = e instanceof ApiError && e.status < 500 && e.status !== 0 && e.status !== 429
      if (before?.conn && !before.over && refused) {
        // Where I was I still am.
        void shut(r)
        main = before
        show()
        return notice('You stay where you are', errorText(e), 'amber')
      }
      if (before) void shut(before)
      failed(r, e)
    }
  }
  function leave() {
    if (main) finish(main, null)
    set({ ended: null, asking: null, notice: null })
  }
  function ask(room: string, why: Asking['why'], mic = false) {
    if (get().asking?.room !== room) set({ asking: { room, why, mic } })
  }
  /** I was told that what I say is recorded, and go on. */
  async function agree() {
    const { asking } = get()
    if (!asking) return
    const { room, mic } = asking
    set({ asking: null })
    const r = main
    agreed = room
    if (r?.conn && r.line.room === room && r.line.mode === 'gallery') {
      try {
        // The connection stays: that I agreed is noted, and I come to the table.
        await d.api.join(room, 'table', true)
        await d.api.mode(room, d.me(), 'table')
        patch(r, { mode: 'table' })
      } catch (e) {
        return notice('You stay where you are', errorText(e), 'amber')
      }
    } else await join(room, 'table')
    if (mic && main?.line.room === room) await own.want(true)
  }
  /** I do not speak where it is recorded. */
  async function decline(listens: boolean) {
    const { asking } = get()
    set({ asking: null })
    if (listens && asking && main?.line.room !== asking.room) await join(asking.room, 'gallery')
  }
  async function listen(room: string) {
    if (!main || main.line.room === room) return join(room, 'gallery')
    if (also?.line.room === room) return
    if (also) finish(also, null)
    const r = (also = runner(room, 'gallery'))
    show()
    await up(r).catch((e) => failed(r, e))
  }

  async function devicesChanged() {
    const { speaker } = get().choice
    const there = speaker ? find(speaker, await d.devices.list('speaker').catch(() => [])) : null
    if (speaker) for (const r of [main, also]) r?.conn?.sound({ ...sound(r), speaker: there?.id ?? '' })
    await own.changed()
  }
  const forget = d.devices.changed(() => void devicesChanged())

  const atTable = () => main?.line.mode === 'table'
  /** Does what only those at the table may; in the gallery it says so. */
  const speaking = (act: () => Promise<void>): Promise<void> => {
    if (atTable()) return act()
    if (main) set({ notice: GALLERY })
    return Promise.resolve()
  }

  const session = {
    use,
    join,
    leave,
    agree,
    decline,
    listen,
    stopListening: () => also && finish(also, null),
    takeBack() {
      const e = get().ended
      if (e) void join(e.room, e.mode)
    },
    dismiss: () => set({ ended: null, notice: null }),
    say: notice,

    setMic: (on: boolean) => speaking(() => own.want(on)),
    toggleMic: () => speaking(own.toggle),
    hold: (down: boolean) => (down ? speaking(() => own.hold(true)) : own.hold(false)),
    toggleCamera: () => speaking(own.toggleCamera),
    share: () => speaking(own.share),
    unshare: own.unshare,
    pick: (picked: string) => set({ picked }),

    hand: (raised: boolean) => main && d.api.hand(main.line.room, raised),
    react: (emoji: string) => main && d.api.react(main.line.room, emoji),
    mute: (user: string) => main && d.api.mute(main.line.room, user),
    async moveTo(user: string, mode: CallMode) {
      const r = main
      if (!r) return
      try {
        await d.api.mode(r.line.room, user, mode)
      } catch (e) {
        if (user === d.me() && wantsConsent(e)) return ask(r.line.room, 'join')
        throw e
      }
      if (user !== d.me()) return
      set({ notice: null })
      if (mode === 'gallery') toGallery(r)
      else patch(r, { mode })
    },
    /** First nobody else hears, then it is said that I whisper; the other way round at the end. */
    async whisper(to: string) {
      const r = main
      if (!r?.conn || get().whisper === to) return
      if (to && d.records(r.line.room)) return notice('Nobody whispers here', 'Calls in this room are recorded, and all who took part may hear them again. Speak aside in a room that is not recorded.')
      const before = get().whisper
      try {
        if (to) {
          r.conn.whisper(to)
          set({ whisper: to })
          whispers = false
        }
        await d.api.whisper(r.line.room, to)
        if (!to) {
          r.conn.whisper('')
          set({ whisper: '' })
        }
      } catch (e) {
        r.conn?.whisper(before)
        set({ whisper: before })
        throw e
      }
    },

    choose(kind: Kind, device: Device | null) {
      own.choose(kind, device)
      if (kind === 'speaker') for (const r of [main, also]) r?.conn?.sound(sound(r))
    },
    process: own.process,
    keepOn: own.keepOn,
    cue: own.cue,
    micTrack: own.micTrack,
    volume(volume: number) {
      set({ volume })
      if (also) also.conn?.sound(sound(also))
    },
    attach: (room: string, id: string, el: HTMLVideoElement): (() => void) => [main, also].find((r) => r?.line.room === room)?.conn?.attach(id, el) ?? (() => {}),
    stats: () => main?.conn?.stats() ?? Promise.resolve({ rtt: null, transport: '' }),
    unblock: () => Promise.all([main?.conn?.unblock(), also?.conn?.unblock()]).then(() => set({ blocked: false })),
    retryNow: () => [main, also].forEach((r) => r && !r.conn && void again(r)),

    // -- what the office tells

    /** The server has me in this room now. */
    async walked(room: string | null) {
      if (get().asking && get().asking!.room !== room) set({ asking: null })
      if (!main || !atTable() || main.line.room === room) return
      const home = sentHome?.room === main.line.room && d.now() - sentHome.at < 10_000
      if (room && get().choice.keep && !home) await join(room, 'table')
      else left(main)
    },
    sentHome(room: string, by: string, reason: string) {
      sentHome = { room, text: `${d.nameOf(by)} sent you home from ${d.roomName(room)}${reason ? `: ${reason}` : '.'}`, at: d.now() }
      if (main?.line.room === room) left(main)
      else if (last?.room === room && d.now() - last.at < 10_000) set({ ended: { room, mode: 'table', why: 'sent-home', text: sentHome.text } })
    },
    call(call: Call) {
      const r = main
      if (!r || call.room_id !== r.line.room) return
      if (call.recording && !r.line.recording) patch(r, { recording: true })
      // A ticket says that it is to be recorded before the recorder hears: only what was there can break off.
      if (!call.recording && r.taped) {
        patch(r, { recording: false })
        if (d.records(r.line.room)) set({ notice: { tone: 'amber', title: 'The recording broke off', text: 'What is said now is not kept. It is begun again by itself.', about: 'recording' } })
      }
      r.taped = call.recording
      const my = call.people.find((p) => p.user_id === d.me())
      if (!my || r.line.phase !== 'on') return
      // What counts is that it changed: news from before I moved myself may come after.
      const changed = r.told !== undefined && r.told !== my.mode
      r.told = my.mode
      if (changed && my.mode === 'gallery' && r.line.mode === 'table') {
        const mic = get().mic === 'on'
        toGallery(r)
        if (d.records(r.line.room) && agreed !== r.line.room) ask(r.line.room, 'began', mic)
        else {
          moved = { room: r.line.room, mic, at: d.now() }
          notice('You were moved to the gallery', 'You hear everybody; raise a hand when you want to speak.')
        }
      } else if (changed && my.mode === 'table' && r.line.mode === 'gallery') {
        patch(r, { mode: 'table' })
        notice('You are at the table now', 'Unmute when you want to speak.')
      }
      const { whisper } = get()
      if (my.whisper_to === whisper) whispers = !!whisper
      else if (whisper && whispers && !my.whisper_to) {
        r.conn?.whisper('')
        whispers = false
        set({ whisper: '' })
      }
    },
    /** Calls in the room I am in are recorded from now on; that I was moved for it may have been told before. */
    recorded() {
      const was = moved
      moved = null
      if (!was || d.now() - was.at > 10_000 || main?.line.room !== was.room || main.line.mode !== 'gallery' || agreed === was.room || !d.records(was.room)) return
      set({ notice: null })
      ask(was.room, 'began', was.mic)
    },
    media(state: MediaState) {
      for (const r of [main, also]) {
        if (!r || r.over) continue
        if (state === 'ready') void again(r)
        else if (r.conn) {
          // Its process is gone: nothing on that connection comes back.
          const conn = r.conn
          r.conn = null
          void conn.close().catch(() => {})
          r.attempt = 0
          retry(r)
        }
      }
    },
    reaction(room: string, user: string, emoji: string) {
      const id = d.now() + Math.random()
      set((s) => ({ reactions: [...s.reactions.slice(-30), { id, room, user, emoji }] }))
      d.later(4500, () => set((s) => ({ reactions: s.reactions.filter((x) => x.id !== id) })))
    },
    /** This tab was loaded anew while I talked: the way back is offered. A browser plays nothing before a click, so it is not gone by itself. */
    reloaded(t: Talked) {
      if (main || get().ended || t.me !== d.me() || !d.mayRead(t.room) || d.media() === 'off') return
      if (t.mode === 'table' && d.myRoom() !== t.room) return
      set({ ended: { room: t.room, mode: t.mode, why: 'reloaded', text: t.mode === 'table' ? 'You were talking here when the page was loaded again.' : 'You were listening here when the page was loaded again.' } })
    },
    /** The person signed out. */
    stop() {
      leave()
      if (also) finish(also, null)
    },
    forget,
  }
  function toGallery(r: Runner) {
    own.withdraw(r)
    set({ whisper: '' })
    patch(r, { mode: 'gallery' })
  }
  return session
}
export type Session = ReturnType<typeof createSession>
export const stageOf = (s: Pick<CallState, 'main' | 'also'>): Record<string, boolean> => {
  const out: Record<string, boolean> = {}
  for (const l of [s.main, s.also]) if (l && hasStage(l)) out[l.room] = true
  return out
}
