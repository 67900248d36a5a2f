// What of mine goes into a call: the microphone, the camera, my screens. Each is captured once, and
// published again wherever I walk or come back to.
import type { StoreApi } from 'zustand'
import type { Captured, Screen } from './capture'
import { deviceChange, find, processingFor, withProcessing, type Choice, type Device, type Kind, type Processing } from './choice'
import type { Connection } from './engine'
import { browserOf, isTrouble, troubleOf, troubleWords } from './model'
import type { CallState, Deps } from './session'

/** Where it goes: the connection to the room I speak in, while it stands. */
export type Outlet = { conn: Connection | null; /** my microphone, once it is published there */ published: MediaStreamTrack | null }

export function createOwn(
  d: Pick<Deps, 'devices' | 'agent' | 'remember'>,
  { getState: get, setState: set }: StoreApi<CallState>,
  outlet: () => Outlet | null,
  notice: (title: string, text?: string, tone?: 'info' | 'amber') => void,
) {
  let mic: Captured | null = null
  let camera: Captured | null = null
  let screens: { id: string; screen: Screen }[] = []
  /** Whether my microphone is to be open. */
  let wanted = false

  const trouble = (what: 'microphone' | 'camera' | 'screen', e: unknown) => {
    const t = troubleOf(e)
    const words = troubleWords(what, t, browserOf(d.agent))
    notice(words.title, words.text, 'amber')
    return t
  }
  const stop = (s: Screen) => (s.video.stop(), s.audio?.stop())
  const processing = (): Processing => processingFor(get().choice, get().micDevice?.label ?? get().choice.mic?.label ?? '')
  async function preferred(kind: Kind): Promise<Device | null> {
    const want = get().choice[kind]
    return want ? (find(want, await d.devices.list(kind).catch(() => [])) ?? want) : null
  }

  // -- the microphone. Opening takes time, and one may change one's mind meanwhile: what is wanted last counts.

  let applying = false
  async function apply() {
    if (applying) return
    applying = true
    try {
      for (let was: boolean | null = null; was !== wanted; ) {
        was = wanted
        await (was ? open() : close())
      }
    } finally {
      applying = false
    }
  }
  async function open() {
    if (!mic) {
      set({ mic: 'starting' })
      try {
        take(await d.devices.mic(await preferred('mic'), processing()))
      } catch (e) {
        wanted = false
        set({ mic: trouble('microphone', e), held: false })
        return
      }
      if (!outlet()) return release()
      if (get().notice?.tone === 'amber') set({ notice: null })
    }
    if (!wanted) return
    set({ mic: 'on' })
    const o = outlet()
    if (!o?.conn) return
    if (o.published) await o.conn.muteMic(false).catch(() => {})
    else await publishMic(o)
  }
  async function close() {
    if (isTrouble(get().mic) || !mic) return
    set({ mic: 'muted' })
    await outlet()?.conn?.muteMic(true).catch(() => {})
  }
  async function publishMic(o: Outlet) {
    if (!mic || !o.conn) return
    o.published = mic.track
    const muted = !wanted
    try {
      await o.conn.publishMic(mic.track, muted)
      if (muted === wanted) await o.conn.muteMic(!wanted)
    } catch {
      // The connection broke meanwhile: the next one publishes anew.
      o.published = null
    }
  }
  function take(c: Captured) {
    mic = c
    set({ micDevice: c.device })
    c.track.addEventListener('ended', () => mic === c && void gone(c))
  }
  /** Another microphone in the place of this one, open or muted as it was. */
  async function swap(c: Captured) {
    const old = mic
    take(c)
    old?.track.stop()
    const o = outlet()
    if (!o?.conn || !o.published) return
    o.published = c.track
    await o.conn.swapMic(c.track)
    await o.conn.muteMic(!wanted)
  }
  async function gone(c: Captured) {
    const name = c.device.label || 'Your microphone'
    try {
      await swap(await d.devices.mic(null, processing()))
      notice(`${name} went away`, `${get().micDevice?.label || 'Another microphone'} is used now.`)
    } catch (e) {
      const t = troubleOf(e)
      const o = outlet()
      mic = null
      wanted = false
      set({ mic: t === 'failed' ? 'missing' : t, held: false, micDevice: null })
      if (o) {
        await o.conn?.unpublish(c.track).catch(() => {})
        o.published = null
      }
      notice(`${name} went away`, 'Nobody hears you until you plug one in and unmute. You hear the others.', 'amber')
    }
  }
  async function recapture(device: Device | null) {
    try {
      await swap(await d.devices.mic(device, processing()))
    } catch (e) {
      trouble('microphone', e)
    }
  }
  /** The list of devices changed: the microphone I prefer may be back. */
  async function changed() {
    if (!mic) return
    const change = deviceChange(get().choice.mic, mic.device, await d.devices.list('mic').catch(() => []))
    if (change.kind !== 'back') return
    try {
      await swap(await d.devices.mic(change.to, processing()))
      notice(`${change.to.label} is back`, 'It is used again.')
    } catch {
      // The one in use goes on.
    }
  }

  /** Gives every device back. */
  function release() {
    mic?.track.stop()
    camera?.track.stop()
    for (const s of screens) stop(s.screen)
    mic = camera = null
    screens = []
    wanted = false
    set({ mic: 'off', held: false, camera: 'off', sharing: false })
  }
  const keep = (choice: Choice) => {
    set({ choice })
    d.remember(choice)
  }

  const own = {
    release,
    changed,
    want(on: boolean) {
      wanted = on
      // What was told before, as that a moderator muted me, is answered by that.
      set({ held: false, ...(on && { notice: null }) })
      return apply()
    },
    toggle: () => own.want(!wanted),
    /** While the key is held the microphone is open; one that was open stays so. */
    hold(down: boolean): Promise<void> {
      if (down ? wanted : !get().held) return Promise.resolve()
      wanted = down
      set({ held: down })
      return apply()
    },
    /** Muted from elsewhere. */
    muted() {
      wanted = false
      set({ mic: 'muted', held: false })
    },

    async toggleCamera() {
      const o = outlet()
      if (!o) return
      if (camera) {
        const { track } = camera
        camera = null
        set({ camera: 'off' })
        await o.conn?.unpublish(track).catch(() => {})
        track.stop()
        return
      }
      set({ camera: 'starting' })
      try {
        const c = await d.devices.camera(await preferred('camera'))
        if (o !== outlet()) return c.track.stop()
        camera = c
        c.track.addEventListener('ended', () => {
          if (camera !== c) return
          camera = null
          set({ camera: 'off' })
          void outlet()?.conn?.unpublish(c.track).catch(() => {})
          notice(`${c.device.label || 'Your camera'} went away`, 'The others no longer see you.')
        })
        await o.conn?.publishCamera(c.track)
        set({ camera: 'on' })
      } catch (e) {
        camera?.track.stop()
        camera = null
        set({ camera: trouble('camera', e) })
      }
    },
    async share() {
      const o = outlet()
      let screen: Screen
      try {
        screen = await d.devices.screen()
      } catch (e) {
        trouble('screen', e)
        return
      }
      if (!o || o !== outlet()) return void stop(screen)
      const entry = { id: '', screen }
      screens.push(entry)
      set({ sharing: true })
      screen.video.addEventListener('ended', () => screens.includes(entry) && void own.unshare(entry.id))
      try {
        entry.id = (await o.conn?.share(screen.video, screen.audio)) ?? ''
      } catch (e) {
        trouble('screen', e)
        await own.unshare('')
      }
    },
    /** Ends one share of mine, or all of them. */
    async unshare(id?: string) {
      const out = screens.filter((s) => id === undefined || s.id === id)
      screens = screens.filter((s) => !out.includes(s))
      set({ sharing: screens.length > 0 })
      for (const { screen } of out) {
        await outlet()?.conn?.unpublish(screen.video).catch(() => {})
        if (screen.audio) await outlet()?.conn?.unpublish(screen.audio).catch(() => {})
        stop(screen)
      }
    },

    /** Everything I have captured, into a connection that just came to stand. */
    async publish(o: Outlet) {
      if (mic) await publishMic(o)
      if (camera) await o.conn?.publishCamera(camera.track).catch(() => {})
      for (const s of screens) s.id = (await o.conn?.share(s.screen.video, s.screen.audio).catch(() => '')) ?? ''
    },
    /** Nothing of mine goes there any more, and no device is held. */
    withdraw(o: Outlet) {
      const tracks = [mic?.track, camera?.track, ...screens.flatMap((s) => [s.screen.video, s.screen.audio])]
      for (const t of tracks) if (t) void o.conn?.unpublish(t).catch(() => {})
      o.published = null
      release()
    },

    choose(kind: Kind, device: Device | null) {
      keep({ ...get().choice, [kind]: device })
      if (kind === 'mic' && mic) void recapture(device)
      if (kind === 'camera' && camera) void own.toggleCamera().then(() => own.toggleCamera())
    },
    process(p: Processing) {
      keep(withProcessing(get().choice, get().micDevice?.label ?? get().choice.mic?.label ?? '', p))
      if (mic) void recapture(mic.device)
    },
    keepOn: (on: boolean) => keep({ ...get().choice, keep: on }),
    cue: (on: boolean) => keep({ ...get().choice, cues: on }),
    micTrack: () => mic?.track ?? null,
  }
  return own
}
