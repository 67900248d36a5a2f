// The one place that knows LiveKit. A connection carries one room: what it hears is told as a View, and
// tracks that were captured elsewhere are published. Loaded when somebody joins, not before.
import {
  ConnectionQuality,
  ConnectionState,
  DisconnectReason,
  LocalAudioTrack,
  LogLevel,
  Room,
  RoomEvent,
  setLogLevel,
  Track,
  VideoPreset,
  VideoPresets,
  type LocalTrackPublication,
  type Participant,
  type RemoteTrack,
  type TrackPublication,
} from 'livekit-client'
import type { CallQuality } from '@/api'
import { playOn } from './capture'
import type { Closed, Heard, Share, View } from './model'

setLogLevel(LogLevel.silent)

export type Told = {
  view: (v: View) => void
  phase: (p: 'on' | 'reconnecting') => void
  closed: (why: Closed) => void
  /** The browser holds sound back until something is clicked. */
  blocked: (on: boolean) => void
  /** My microphone was muted from elsewhere. */
  muted: () => void
}
export interface Connection {
  publishMic(track: MediaStreamTrack, muted: boolean): Promise<void>
  muteMic(muted: boolean): Promise<void>
  /** Another track in the place of the one that is published. */
  swapMic(track: MediaStreamTrack): Promise<void>
  publishCamera(track: MediaStreamTrack): Promise<void>
  share(video: MediaStreamTrack, audio: MediaStreamTrack | null): Promise<string>
  unpublish(track: MediaStreamTrack): Promise<void>
  /** Only this person hears me; empty: everybody does. */
  whisper(to: string): void
  /** Shows a video in an element until the returned function is called. */
  attach(id: string, el: HTMLVideoElement): () => void
  sound(o: { speaker: string; volume: number }): void
  unblock(): Promise<void>
  stats(): Promise<{ rtt: number | null; transport: string }>
  /** Leaves. What was captured stays captured. */
  close(): Promise<void>
}
export type Connect = (o: { url: string; token: string; sound: { speaker: string; volume: number } }, told: Told) => Promise<Connection>

const REASON: Partial<Record<DisconnectReason, Closed>> = {
  [DisconnectReason.DUPLICATE_IDENTITY]: 'moved',
  [DisconnectReason.PARTICIPANT_REMOVED]: 'removed',
  [DisconnectReason.ROOM_DELETED]: 'over',
  [DisconnectReason.ROOM_CLOSED]: 'over',
}
const GRADE: Partial<Record<ConnectionQuality, CallQuality>> = {
  [ConnectionQuality.Excellent]: 'excellent',
  [ConnectionQuality.Good]: 'good',
  [ConnectionQuality.Poor]: 'poor',
  [ConnectionQuality.Lost]: 'lost',
}
const SCREEN = new VideoPreset(1920, 1080, 2_500_000, 15)
/** Short breaks are mended on the same token. Beyond that the session asks for a new one. */
const PATIENCE = [0, 200, 400, 800]

/** Where signalling is spoken: a path of this origin, or an address of its own. */
export function socketUrl(url: string, here: string): string {
  const u = new URL(url, here)
  u.protocol = u.protocol.replace('http', 'ws')
  return u.toString().replace(/\/$/, '')
}

export const connect: Connect = async ({ url, token, sound: first }, told) => {
  const room = new Room({
    adaptiveStream: true,
    dynacast: true,
    singlePeerConnection: true,
    stopLocalTrackOnUnpublish: false,
    disconnectOnPageLeave: true,
    reconnectPolicy: { nextRetryDelayInMs: ({ retryCount }) => PATIENCE[retryCount] ?? null },
    videoCaptureDefaults: { resolution: VideoPresets.h720.resolution },
  })
  const me = room.localParticipant
  let sound = first
  let closed = false
  let order = 0
  const orders = new Map<string, number>()
  const players = new Map<string, HTMLAudioElement>()

  // Several things change in one moment: they are told together.
  let due = false
  const changed = () => {
    if (due || closed) return
    due = true
    queueMicrotask(() => {
      due = false
      if (!closed) told.view(view())
    })
  }
  const heard = (p: Participant): Heard => {
    const mic = p.getTrackPublication(Track.Source.Microphone)
    const camera = p.getTrackPublication(Track.Source.Camera)
    return { mic: !!mic && !mic.isMuted, camera: camera?.track && !camera.isMuted ? camera.trackSid : '', speaking: p.isSpeaking, quality: GRADE[p.connectionQuality] ?? '' }
  }
  const view = (): View => {
    const people: Record<string, Heard> = {}
    const shares: Share[] = []
    for (const p of [me, ...room.remoteParticipants.values()]) {
      if (!p.identity) continue
      people[p.identity] = heard(p)
      for (const pub of p.trackPublications.values()) {
        if (pub.source !== Track.Source.ScreenShare || !pub.track) continue
        if (!orders.has(pub.trackSid)) orders.set(pub.trackSid, ++order)
        shares.push({ id: pub.trackSid, by: p.identity, order: orders.get(pub.trackSid)! })
      }
    }
    return { people, shares: shares.sort((a, b) => a.order - b.order) }
  }
  const play = (track: RemoteTrack) => {
    if (track.kind !== Track.Kind.Audio || players.has(track.sid!)) return
    const el = track.attach() as HTMLAudioElement
    el.hidden = true
    el.volume = sound.volume
    document.body.append(el)
    players.set(track.sid!, el)
    void playOn(el, sound.speaker)
  }
  const hush = (track: RemoteTrack) => {
    if (track.kind !== Track.Kind.Audio) return
    // LiveKit may have let go of the element by now, and then does not name it any more.
    for (const el of track.detach()) el.remove()
    players.get(track.sid!)?.remove()
    players.delete(track.sid!)
  }
  const end = (why: Closed | null) => {
    if (closed) return
    closed = true
    clearInterval(watching)
    removeEventListener('online', resume)
    for (const el of players.values()) el.remove()
    players.clear()
    if (why) told.closed(why)
  }

  // A line whose network went away looks sound for a quarter of a minute: nobody
  // closes it, and so long its signs of life may be missing. With another network,
  // or when media hears nothing of the other end, it is taken up anew at once.
  let unheard = false
  const resume = () => {
    if (room.state === ConnectionState.Connected) void room.simulateScenario('signal-reconnect')
  }
  const watch = () => {
    const was = unheard
    unheard = room.engine.pcManager?.publisher.getConnectionState() === 'disconnected'
    if (unheard && !was) resume()
  }
  const watching = setInterval(watch, 1000)
  addEventListener('online', resume)

  for (const e of [
    RoomEvent.ParticipantConnected,
    RoomEvent.ParticipantDisconnected,
    RoomEvent.TrackPublished,
    RoomEvent.TrackUnpublished,
    RoomEvent.TrackUnmuted,
    RoomEvent.LocalTrackPublished,
    RoomEvent.LocalTrackUnpublished,
    RoomEvent.ActiveSpeakersChanged,
    RoomEvent.ConnectionQualityChanged,
    RoomEvent.ParticipantPermissionsChanged,
  ] as const)
    room.on(e, changed)
  room
    .on(RoomEvent.TrackSubscribed, (track) => (play(track), changed()))
    .on(RoomEvent.TrackUnsubscribed, (track) => (hush(track), changed()))
    .on(RoomEvent.TrackMuted, (pub, who) => {
      changed()
      if (who === me && pub.source === Track.Source.Microphone && !mine.has(pub.trackSid) && pub.track?.mediaStreamTrack.readyState === 'live') told.muted()
    })
    .on(RoomEvent.ParticipantConnected, () => allow())
    .on(RoomEvent.LocalTrackPublished, () => allow())
    .on(RoomEvent.Reconnecting, () => told.phase('reconnecting'))
    .on(RoomEvent.SignalReconnecting, () => told.phase('reconnecting'))
    .on(RoomEvent.Reconnected, () => {
      told.phase('on')
      allow()
      changed()
    })
    .on(RoomEvent.AudioPlaybackStatusChanged, () => told.blocked(!room.canPlaybackAudio))
    .on(RoomEvent.Disconnected, (reason) => end(reason === DisconnectReason.CLIENT_INITIATED ? null : (REASON[reason ?? DisconnectReason.UNKNOWN_REASON] ?? 'lost')))

  // Muting by my own hand is told like muting by somebody else's: mine are noted.
  const mine = new Set<string>()
  let whisper = ''
  const allow = () => {
    if (!whisper) return
    const quiet = [...me.trackPublications.values()].filter((p) => p.source !== Track.Source.Microphone).map((p) => p.trackSid)
    me.setTrackSubscriptionPermissions(
      false,
      [...room.remoteParticipants.values()].map((p) =>
        p.identity === whisper ? { participantIdentity: p.identity, allowAll: true } : { participantIdentity: p.identity, allowAll: false, allowedTrackSids: quiet },
      ),
    )
  }
  const published = (track: MediaStreamTrack): LocalTrackPublication | undefined => [...me.trackPublications.values()].find((p) => p.track?.mediaStreamTrack === track) as LocalTrackPublication | undefined
  // The server says that I am at the table a moment before the engine knows: what is published before
  // it does is refused, and nobody would hear a microphone that looks open.
  const permitted = () =>
    new Promise<void>((go) => {
      if (me.permissions?.canPublish !== false) return go()
      const done = () => {
        clearTimeout(late)
        room.off(RoomEvent.ParticipantPermissionsChanged, look)
        go()
      }
      const look = () => me.permissions?.canPublish && done()
      const late = setTimeout(done, 10_000)
      room.on(RoomEvent.ParticipantPermissionsChanged, look)
    })
  const mic = () => me.getTrackPublication(Track.Source.Microphone)
  const byId = (id: string): TrackPublication | undefined => [me, ...room.remoteParticipants.values()].flatMap((p) => [...p.trackPublications.values()]).find((p) => p.trackSid === id)

  try {
    await room.connect(socketUrl(url, location.href), token, { maxRetries: 0, peerConnectionTimeout: 10_000, websocketTimeout: 6_000 })
  } catch (e) {
    end(null)
    throw e
  }
  told.blocked(!room.canPlaybackAudio)
  changed()

  return {
    async publishMic(track, muted) {
      await permitted()
      const local = new LocalAudioTrack(track, undefined, true)
      if (muted) await local.mute()
      await me.publishTrack(local, { source: Track.Source.Microphone, dtx: true, red: true, stopMicTrackOnMute: false })
    },
    async muteMic(muted) {
      const pub = mic()
      if (!pub) return
      mine.add(pub.trackSid)
      try {
        await (muted ? pub.mute() : pub.unmute())
      } finally {
        mine.delete(pub.trackSid)
      }
    },
    async swapMic(track) {
      await mic()?.audioTrack?.replaceTrack(track, { userProvidedTrack: true })
    },
    async publishCamera(track) {
      await permitted()
      await me.publishTrack(track, { source: Track.Source.Camera, videoEncoding: VideoPresets.h720.encoding, simulcast: true })
    },
    async share(video, audio) {
      await permitted()
      const pub = await me.publishTrack(video, { source: Track.Source.ScreenShare, screenShareEncoding: SCREEN.encoding, simulcast: false, degradationPreference: 'maintain-resolution' })
      if (audio) await me.publishTrack(audio, { source: Track.Source.ScreenShareAudio, dtx: false, red: false })
      return pub.trackSid
    },
    async unpublish(track) {
      if (published(track)) await me.unpublishTrack(track, false)
    },
    whisper(to) {
      whisper = to
      if (to) allow()
      else me.setTrackSubscriptionPermissions(true)
    },
    attach(id, el) {
      const track = byId(id)?.track
      track?.attach(el)
      return () => void track?.detach(el)
    },
    sound(o) {
      sound = o
      for (const el of players.values()) {
        el.volume = o.volume
        void playOn(el, o.speaker)
      }
    },
    unblock: () => room.startAudio(),
    async stats() {
      const pcs = [room.engine.pcManager?.publisher, room.engine.pcManager?.subscriber]
      for (const pc of pcs) {
        const report = await pc?.getStats()
        const all = new Map<string, RTCStats & Record<string, unknown>>()
        report?.forEach((s: RTCStats & Record<string, unknown>) => all.set(s.id, s))
        for (const s of all.values())
          if (s.type === 'candidate-pair' && s.nominated && s.state === 'succeeded')
            return { rtt: typeof s.currentRoundTripTime === 'number' ? Math.round(s.currentRoundTripTime * 1000) : null, transport: String(all.get(String(s.localCandidateId))?.protocol ?? '') }
      }
      return { rtt: null, transport: '' }
    },
    async close() {
      end(null)
      await room.disconnect(false)
    },
  }
}
