// What a story needs to hear and see a call: a browser with made-up microphones,
// cameras and screens, and what its peer connections count.
import { readdir, readFile } from 'node:fs/promises'
import { open, until } from './hands.mjs'
import { person, signInAs, startBrowser } from './people.mjs'

export const MEDIA = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--auto-select-desktop-capture-source=Entire screen', '--autoplay-policy=no-user-gesture-required']
// In a container the browser has no network of its own to offer but the loopback.
export const LOOPBACK = ['--allow-loopback-in-peer-connection', '--disable-features=WebRtcHideLocalIpsWithMdns']

export const mediaBrowser = (args = MEDIA) => startBrowser({ args: [...args, ...LOOPBACK] })

/** caller is a person whose page keeps what it captures and connects, for the story to look at; a guest does not sign in. */
export async function caller(browser, muster, name, o = {}) {
  const p = await person(browser, muster, name, { permissions: ['microphone', 'camera'], ...o, signIn: false })
  await p.context.addInitScript(() => {
    const kept = (window.kept = { connections: [], tracks: [] })
    const Native = window.RTCPeerConnection
    window.RTCPeerConnection = class extends Native {
      constructor(...args) {
        super(...args)
        kept.connections.push(this)
      }
    }
    const media = navigator.mediaDevices
    if (!media) return
    for (const name of ['getUserMedia', 'getDisplayMedia']) {
      const ask = media[name].bind(media)
      media[name] = async (...args) => {
        const stream = await ask(...args)
        kept.tracks.push(...stream.getTracks())
        return stream
      }
    }
  })
  if (o.signIn !== false) await signInAs(p.page, muster, name)
  return p
}

/** What arrives now: packets of sound and their energy, frames of pictures, and by which way. */
export const arrives = (p) =>
  p.page.evaluate(async () => {
    const out = { audio: 0, energy: 0, frames: 0, video: 0, ways: [] }
    for (const pc of window.kept.connections) {
      if (pc.connectionState === 'closed') continue
      const all = await pc.getStats()
      for (const s of all.values()) {
        if (s.type === 'inbound-rtp' && s.kind === 'audio') {
          out.audio += s.packetsReceived
          out.energy += s.totalAudioEnergy ?? 0
        }
        if (s.type === 'inbound-rtp' && s.kind === 'video') {
          out.frames += s.framesDecoded ?? 0
          out.video++
        }
        if (s.type === 'candidate-pair' && s.nominated && s.state === 'succeeded') out.ways.push(all.get(s.localCandidateId)?.protocol)
      }
    }
    return out
  })

/** more waits until more of something arrives than now. */
export async function more(p, what, ms = 15_000) {
  const before = (await arrives(p))[what]
  await until(`${p.name} gets more ${what} than ${before}`, async () => (await arrives(p))[what] > before, ms)
}

/** silent waits until no sound with a voice in it arrives any more. */
export async function silent(p, ms = 15_000) {
  let last = await arrives(p)
  await until(
    `${p.name} hears nothing`,
    async () => {
      await p.page.evaluate(() => new Promise((done) => setTimeout(done, 600)))
      const now = await arrives(p)
      const quiet = now.energy - last.energy < 1e-4
      last = now
      return quiet
    },
    ms,
  )
}

// -- the screen

export const voice = (p) => p.page.getByRole('main').getByRole('region', { name: 'Voice', exact: true })
export const dock = (p) => p.page.getByRole('region', { name: /^Voice in / })
export const toggle = (p, name) => voice(p).getByRole('button', { name, exact: true })
export const stage = (p) => p.page.getByRole('region', { name: 'Screens and cameras' })

/** mediaChild finds the process that carries a server's media. */
export async function mediaChild(muster) {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    // After the name in brackets: state, then the parent.
    const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const words = Number(parent) === muster.pid ? (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0') : []
    if (words.some((w) => /media/.test(w))) return Number(pid)
  }
  throw new Error(`no process of ${muster.pid} carries media`)
}

const door = (p) => p.page.getByRole('main').getByRole('button', { name: 'Enter', exact: true })
/** enter walks into the room on the screen. */
export const enter = (p) => door(p).click()
/** comeIn does so where one is not inside already. */
export async function comeIn(p) {
  const inside = voice(p).getByRole('button', { name: /^(Join|Start) voice/ })
  await door(p).or(inside).first().waitFor()
  if (!(await inside.count())) await enter(p)
}
/** join comes to the table, and waits until it stands. */
export async function join(p) {
  await voice(p).getByRole('button', { name: /^(Join|Start) voice/ }).click()
  await toggle(p, 'Microphone').waitFor()
}
/** speak opens the microphone, and waits until it is open. */
export async function speak(p) {
  await toggle(p, 'Microphone').click()
  await voice(p).getByRole('button', { name: 'Microphone', exact: true, pressed: true }).waitFor()
}
/** people opens the list of who is in the call. */
export async function people(p) {
  await voice(p).getByRole('button', { name: /in the call/ }).click()
  return p.page.getByRole('dialog', { name: 'People in the call' })
}

/** into opens a room, walks into it and joins its voice. */
export async function into(p, room) {
  await open(p, room)
  await comeIn(p)
  await join(p)
}
