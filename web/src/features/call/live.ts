// The session of this tab, joined to the office's socket and to what other screens read of it.
import { errorText, useSession } from '@/api'
import { callIn, entered, nameOf, onVoiceAct, quiet, recordsCalls, tapEvents, useOffice, useVoice, type Voice } from '@/realtime'
import { callApi } from './api'
import { devices } from './capture'
import { loadChoice, saveChoice } from './choice'
import { loadEngine } from './load'
import { createSession, stageOf, type CallState } from './session'
import { keepTalked, takeTalked } from './talked'

const me = () => useSession.getState().me?.user.id ?? ''
const roomName = (id: string) => useOffice.getState().rooms[id]?.name ?? 'the room'

export const session = createSession({
  connect: loadEngine,
  devices,
  // Who clicks twice fast asks for a ticket before the server has given the seat it needs.
  api: { ...callApi, join: (room, mode, consent) => entered().then(() => callApi.join(room, mode, consent)) },
  me,
  myRoom: () => useOffice.getState().presence[me()]?.room_id ?? null,
  roomName,
  mayRead: (room) => !!useOffice.getState().rooms[room],
  nameOf,
  records: (id) => recordsCalls(useOffice.getState().rooms[id], useOffice.getState().media),
  media: () => useOffice.getState().media.state,
  choice: loadChoice(),
  remember: saveChoice,
  talks: keepTalked,
  agent: navigator.userAgent,
  now: Date.now,
  later: (ms, fn) => {
    const t = setTimeout(fn, ms)
    return () => clearTimeout(t)
  },
})

onVoiceAct((act, room) => {
  const failed = (what: string) => (e: unknown) => session.say(what, errorText(e), 'amber')
  const main = session.use.getState().main?.room
  const raised = main && callIn(useOffice.getState().calls, main)?.people.find((p) => p.user_id === me())?.hand_at
  switch (act) {
    case 'join-voice':
      // Who typed, or was in the palette, goes on where they were.
      return void session.join(room, 'table')
    case 'listen':
      return void session.listen(room)
    case 'leave-voice':
      return session.leave()
    case 'mute':
    case 'unmute':
      return void session.setMic(act === 'unmute')
    case 'toggle':
      return void session.toggleMic()
    case 'hand':
      return void session.hand(!raised)?.catch(failed('Your hand stayed where it was'))
  }
})

const speakers = (s: CallState): Voice['heard'] => {
  const before = useVoice.getState().heard
  const out: Record<string, readonly string[]> = {}
  for (const l of [s.main, s.also]) {
    if (l?.phase !== 'on') continue
    const now = Object.entries(l.people).filter(([, p]) => p.speaking).map(([id]) => id)
    const was = before[l.room]
    out[l.room] = was && was.length === now.length && now.every((id) => was.includes(id)) ? was : now
  }
  return out
}
const same = (a: Record<string, unknown>, b: Record<string, unknown>) => Object.keys(a).length === Object.keys(b).length && Object.keys(a).every((k) => a[k] === b[k])

session.use.subscribe((s, before) => {
  if (s.main === before.main && s.also === before.also) return
  const v = useVoice.getState()
  const heard = speakers(s)
  const stage = stageOf(s)
  const next: Voice = {
    ...(s.main ? { room: s.main.room, mode: s.main.mode, phase: s.main.phase } : { room: null, mode: quiet.mode, phase: quiet.phase }),
    heard: same(heard, v.heard) ? v.heard : heard,
    stage: same(stage, v.stage) ? v.stage : stage,
  }
  if (!same(next, v)) useVoice.setState(next)
})

// The office is there for the first time after a load: it knows whether I may still talk there.
const talked = takeTalked()
if (talked) {
  const offer = () => useOffice.getState().status === 'ready' && (session.reloaded(talked), true)
  if (!offer()) {
    const stop = useOffice.subscribe(() => {
      if (offer()) stop()
    })
  }
}

// What the store holds is followed, not what is told: after a break a new snapshot says the same.
useOffice.subscribe((s, before) => {
  if (s.status !== 'ready') return
  if (s.media.state !== before.media.state) session.media(s.media.state)
  const room = session.use.getState().main?.room
  if (room && s.calls !== before.calls) {
    const call = callIn(s.calls, room)
    if (call && call !== callIn(before.calls, room)) session.call(call)
  }
})
tapEvents((_, e) => {
  if (e.type === 'presence' && e.presence.user_id === me() && e.presence.state !== 'offline') void session.walked(e.presence.room_id)
  if (e.type === 'sent_home') session.sentHome(e.room_id, e.by, e.reason)
  if (e.type === 'reaction') session.reaction(e.room_id, e.user_id, e.emoji)
})
useSession.subscribe((s, before) => {
  if (s.status === 'out' && before.status !== 'out') session.stop()
})
window.addEventListener('online', () => session.retryNow())
