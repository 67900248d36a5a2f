// Microphones, cameras, screens and loudspeakers as the browser gives them. The rest of the feature
// asks here; tests of the session put their own in its place.
import type { Device, Kind, Processing } from './choice'

/** A device that was captured, until it is stopped or goes away. */
export type Captured = { track: MediaStreamTrack; device: Device }
export type Screen = { video: MediaStreamTrack; audio: MediaStreamTrack | null }

export interface Devices {
  list(kind: Kind): Promise<Device[]>
  mic(device: Device | null, p: Processing): Promise<Captured>
  camera(device: Device | null): Promise<Captured>
  screen(): Promise<Screen>
  changed(fn: () => void): () => void
}

const KIND: Record<Kind, MediaDeviceKind> = { mic: 'audioinput', camera: 'videoinput', speaker: 'audiooutput' }
const media = (): MediaDevices => {
  // Off https and off localhost the browser has none at all.
  if (!navigator.mediaDevices) throw Object.assign(new Error('This page is not secure.'), { name: 'InsecureContext' })
  return navigator.mediaDevices
}
const captured = (track: MediaStreamTrack | undefined): Captured => {
  if (!track) throw Object.assign(new Error('No device was given.'), { name: 'NotFoundError' })
  return { track, device: { id: track.getSettings().deviceId ?? '', label: track.label } }
}
export const audioConstraints = (device: Device | null, p: Processing): MediaTrackConstraints => ({
  ...(device?.id ? { deviceId: { ideal: device.id } } : {}),
  noiseSuppression: p.noise,
  echoCancellation: p.echo,
  autoGainControl: p.gain,
})

export const devices: Devices = {
  async list(kind) {
    const all = await media().enumerateDevices()
    const seen = new Set<string>()
    // Chromium lists its default twice, and nameless ones before it was allowed anything.
    return all
      .filter((d) => d.kind === KIND[kind] && d.deviceId !== 'default' && d.deviceId !== 'communications' && d.deviceId !== '')
      .filter((d) => !seen.has(d.deviceId) && seen.add(d.deviceId))
      .map((d) => ({ id: d.deviceId, label: d.label }))
  },
  async mic(device, p) {
    return captured((await media().getUserMedia({ audio: audioConstraints(device, p) })).getAudioTracks()[0])
  },
  async camera(device) {
    const video: MediaTrackConstraints = { ...(device?.id ? { deviceId: { ideal: device.id } } : {}), width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 24 } }
    return captured((await media().getUserMedia({ video })).getVideoTracks()[0])
  },
  async screen() {
    const stream = await media().getDisplayMedia({ video: { frameRate: { ideal: 15, max: 30 } }, audio: true })
    const video = stream.getVideoTracks()[0]!
    video.contentHint = 'detail'
    return { video, audio: stream.getAudioTracks()[0] ?? null }
  },
  changed(fn) {
    if (!navigator.mediaDevices) return () => {}
    navigator.mediaDevices.addEventListener('devicechange', fn)
    return () => navigator.mediaDevices.removeEventListener('devicechange', fn)
  },
}

/** How loud a track is, 0 to 1, some thirty times a second, until it is stopped. */
export function meter(track: MediaStreamTrack, tell: (level: number) => void): () => void {
  const context = new AudioContext()
  const analyser = context.createAnalyser()
  analyser.fftSize = 512
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples)
    tell(loudness(samples))
  }, 33)
  return () => {
    clearInterval(timer)
    void context.close()
  }
}
/** -60 dB and below is silence, 0 dB is full. */
export function loudness(samples: Float32Array): number {
  let sum = 0
  for (const s of samples) sum += s * s
  const db = 10 * Math.log10(sum / samples.length || 1e-12)
  return Math.min(1, Math.max(0, (db + 60) / 60))
}

type Output = HTMLMediaElement & { setSinkId?: (id: string) => Promise<void> }
/** Sends what an element plays to a loudspeaker, where the browser can choose one. */
export const playOn = async (el: HTMLMediaElement, speaker: string) => {
  await (el as Output).setSinkId?.(speaker).catch(() => {})
}
export const canChooseSpeaker = (): boolean => 'setSinkId' in HTMLMediaElement.prototype

/** Plays two tones on a loudspeaker. */
export async function testSpeaker(speaker: string): Promise<void> {
  const context = new AudioContext()
  const to = context.createMediaStreamDestination()
  const gain = context.createGain()
  gain.gain.value = 0
  gain.connect(to)
  const element = new Audio()
  element.srcObject = to.stream
  await playOn(element, speaker)
  await element.play()
  for (const [at, hertz] of [
    [0, 523],
    [0.35, 659],
  ] as const) {
    const tone = context.createOscillator()
    tone.frequency.value = hertz
    tone.connect(gain)
    tone.start(context.currentTime + at)
    tone.stop(context.currentTime + at + 0.3)
    gain.gain.setTargetAtTime(0.2, context.currentTime + at, 0.02)
    gain.gain.setTargetAtTime(0, context.currentTime + at + 0.24, 0.02)
  }
  await new Promise((done) => setTimeout(done, 800))
  element.srcObject = null
  await context.close()
}

/** Records a track for some seconds, and plays it on a loudspeaker. `tell` says which of both goes on. */
export async function hearMyself(track: MediaStreamTrack, speaker: string, tell: (now: 'records' | 'plays' | '') => void): Promise<void> {
  const recorder = new MediaRecorder(new MediaStream([track]))
  const parts: Blob[] = []
  recorder.addEventListener('dataavailable', (e) => parts.push(e.data))
  const stopped = new Promise((done) => recorder.addEventListener('stop', done))
  recorder.start()
  tell('records')
  await new Promise((done) => setTimeout(done, 3000))
  if (recorder.state !== 'inactive') recorder.stop()
  await stopped
  const url = URL.createObjectURL(new Blob(parts, { type: recorder.mimeType }))
  try {
    const element = new Audio(url)
    await playOn(element, speaker)
    const ended = new Promise((done) => {
      element.addEventListener('ended', done)
      element.addEventListener('error', done)
    })
    tell('plays')
    await element.play()
    await ended
  } finally {
    URL.revokeObjectURL(url)
    tell('')
  }
}
