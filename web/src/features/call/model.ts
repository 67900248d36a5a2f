// A call as this browser hears and sees it, and the words for what goes on in it. No DOM, no media
// engine: tested as functions.
//
//   off ──join──▶ connecting ──▶ on ◀──▶ reconnecting
//    ▲                │           │           │
//    └──── leave, removed, refused, taken by another tab ────┘
import type { Call, CallMode, CallPerson, CallQuality, IncidentRoleName } from '@/api'

export type Phase = 'connecting' | 'on' | 'reconnecting'
/** Somebody as the media engine tells of them. */
export type Heard = { mic: boolean; camera: string; speaking: boolean; quality: CallQuality }
/** A screen that is shown; `order` counts up as they come. */
export type Share = { id: string; by: string; order: number }
/** What one connection carries. */
export type View = { people: Record<string, Heard>; shares: Share[] }
/** A room that I hear. */
export type Line = View & { room: string; mode: CallMode; phase: Phase; recording: boolean }
/** Where I am asked whether I go on, because what I say there is recorded: as I come, as I walk in, or as it begins. */
export type Asking = { room: string; why: 'join' | 'walk' | 'began'; /** my microphone was open */ mic: boolean }
export const emptyView: View = { people: {}, shares: [] }

/** Why a microphone, a camera or a screen can't be had. */
export type Trouble = 'denied' | 'missing' | 'busy' | 'insecure' | 'failed'
export type Capture = 'off' | 'starting' | 'on' | 'muted' | Trouble
export const isTrouble = (c: Capture): c is Trouble => c === 'denied' || c === 'missing' || c === 'busy' || c === 'insecure' || c === 'failed'

/** What the browser's refusal means. */
export function troubleOf(error: unknown): Trouble {
  const name = (error as { name?: string } | null)?.name ?? ''
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied'
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'missing'
  if (name === 'NotReadableError' || name === 'AbortError') return 'busy'
  if (name === 'InsecureContext') return 'insecure'
  return 'failed'
}
export type Browser = 'chrome' | 'firefox' | 'safari' | 'other'
export function browserOf(agent: string): Browser {
  if (/firefox|fxios/i.test(agent)) return 'firefox'
  if (/chrome|chromium|crios|edg/i.test(agent)) return 'chrome'
  return /safari/i.test(agent) ? 'safari' : 'other'
}
const HOW: Record<Browser, string> = {
  chrome: 'Click the symbol to the left of the address, allow it there, then try again.',
  firefox: 'Click the crossed-out symbol to the left of the address, take the block away, then try again.',
  safari: 'Open Safari, Settings for This Website, allow it there, then try again.',
  other: 'Allow it in the settings your browser keeps for this page, then try again.',
}
/** What is wrong with a device, and what to do in this browser. */
export function troubleWords(what: 'microphone' | 'camera' | 'screen', trouble: Trouble, browser: Browser): { title: string; text: string } {
  const on = what === 'microphone' ? ' You can listen meanwhile.' : ''
  switch (trouble) {
    case 'denied':
      if (what === 'screen') return { title: 'No screen was shared', text: 'You closed the choice, or the system does not let this browser record the screen.' }
      return { title: `The browser does not let Muster use your ${what}`, text: HOW[browser] + on }
    case 'missing':
      return { title: `No ${what} was found`, text: `Plug one in, or choose another under Sound and camera.${on}` }
    case 'busy':
      return { title: `Your ${what} is in use`, text: `Another program holds it. Close that one, then try again.${on}` }
    case 'insecure':
      return { title: `Your ${what} needs a secure page`, text: `Browsers give it only to pages opened over https. Ask an administrator for the https address.${on}` }
    case 'failed':
      return { title: `Your ${what} did not start`, text: `Try again, or choose another under Sound and camera.${on}` }
  }
}

/** How a connection came to its end. */
export type Closed = 'moved' | 'removed' | 'over' | 'lost'
/** Why a call that I was in is over for me; nothing when I ended it myself. */
export type Ended = { room: string; mode: CallMode; why: 'moved' | 'sent-home' | 'left' | 'removed' | 'over' | 'refused' | 'reloaded'; text: string }

/** Waiting times between attempts to come back: quick at first, for most breaks are short. */
export const retryDelay = (attempt: number): number => [0, 250, 500, 1000, 1500, 2500, 4000][attempt] ?? 5000

export const plural = (n: number, one: string, many = one + 's'): string => `${n} ${n === 1 ? one : many}`
const others = (call: Call | undefined, me: string) => (call?.people ?? []).filter((p) => p.user_id !== me)
/** What the button says that brings me in. */
export function joinWords(call: Call | undefined, me: string): string {
  const n = others(call, me).filter((p) => p.mode === 'table').length
  return n ? `Join voice · ${n} here` : 'Start voice'
}

export type Seat = {
  id: string
  mode: CallMode
  me: boolean
  mic: boolean
  camera: string
  speaking: boolean
  shares: number
  hand: string | null
  whisper: string
  quality: CallQuality
  role: IncidentRoleName | ''
}
const RANK: Record<IncidentRoleName, number> = { commander: 0, operations: 1, communications: 2, liaison: 3, scribe: 4 }
const rank = (s: Seat) => (s.role ? RANK[s.role] : 9)

/**
 * Everybody in a call, in the order they are shown: the table before the gallery, by role, whoever
 * speaks or spoke last first, then by name. What this browser hears is newer than what the office tells.
 */
export function seats(
  call: Call | undefined,
  line: Line | null,
  o: { me: string; roles?: Record<string, IncidentRoleName>; spoke?: Record<string, number>; name?: (id: string) => string },
): Seat[] {
  const hear = line?.phase === 'on' ? line.people : {}
  const told = new Map((call?.people ?? []).map((p) => [p.user_id, p]))
  // The engine knows of somebody a moment before the office tells.
  const ids = new Set([...told.keys(), ...Object.keys(hear)])
  const list = [...ids].map((id): Seat => {
    const t: Partial<CallPerson> = told.get(id) ?? {}
    const h = hear[id]
    return {
      id,
      mode: t.mode ?? (id === o.me && line ? line.mode : 'table'),
      me: id === o.me,
      mic: h ? h.mic : !!t.mic,
      camera: h?.camera ?? '',
      speaking: t.quality === 'lost' ? false : h ? h.speaking : !!t.speaking,
      shares: line?.phase === 'on' ? line.shares.filter((s) => s.by === id).length : (t.shares ?? 0),
      hand: t.hand_at ?? null,
      whisper: t.whisper_to ?? '',
      // That somebody is gone the office knows long before the engine.
      quality: t.quality === 'lost' ? 'lost' : h?.quality || t.quality || '',
      role: o.roles?.[id] ?? '',
    }
  })
  const spoke = (s: Seat) => (s.speaking ? Infinity : (o.spoke?.[s.id] ?? 0))
  const name = o.name ?? ((id: string) => id)
  return list.sort(
    (a, b) =>
      Number(a.mode === 'gallery') - Number(b.mode === 'gallery') ||
      rank(a) - rank(b) ||
      (spoke(a) === spoke(b) ? 0 : spoke(b) - spoke(a)) ||
      name(a.id).localeCompare(name(b.id)),
  )
}
/** Who speaks to one person only, in words for those who hear nothing of it. */
export const aside = (list: readonly Seat[], me: string, name: (id: string) => string): string =>
  list
    .filter((s) => s.whisper && s.whisper !== me && s.id !== me)
    .map((s) => `${name(s.id)} whispers to ${name(s.whisper)}; nobody else hears it.`)
    .join(' ')

/** Raised hands, the first one first. */
export const hands = (list: readonly Seat[]): Seat[] => list.filter((s) => s.hand).sort((a, b) => a.hand!.localeCompare(b.hand!))

/** What stands in the middle, and what beside it: what was picked while it lasts, else the newest share; my own only where there is no other. */
export function centred(shares: readonly Share[], picked: string, me = ''): { main: Share | undefined; strip: Share[] } {
  const byAge = [...shares].sort((a, b) => Number(a.by === me) - Number(b.by === me) || b.order - a.order)
  const main = byAge.find((s) => s.id === picked) ?? byAge[0]
  return { main, strip: byAge.filter((s) => s !== main) }
}

/** Whether there is something to look at. */
export const hasStage = (v: View | null): boolean => !!v && (v.shares.length > 0 || Object.values(v.people).some((p) => p.camera))

export type Zoom = { scale: number; x: number; y: number }
export const FIT: Zoom = { scale: 1, x: 0, y: 0 }
/** Zooms about a point given from the middle of the frame; never smaller than the frame, never torn off its edge. */
export function zoomAt(z: Zoom, factor: number, at: { x: number; y: number }, frame: { w: number; h: number }): Zoom {
  const scale = Math.min(6, Math.max(1, z.scale * factor))
  const k = scale / z.scale
  return held({ scale, x: at.x - (at.x - z.x) * k, y: at.y - (at.y - z.y) * k }, frame)
}
export const panBy = (z: Zoom, dx: number, dy: number, frame: { w: number; h: number }): Zoom => held({ ...z, x: z.x + dx, y: z.y + dy }, frame)
function held(z: Zoom, frame: { w: number; h: number }): Zoom {
  const mx = (frame.w * (z.scale - 1)) / 2
  const my = (frame.h * (z.scale - 1)) / 2
  const within = (v: number, m: number) => Math.min(m, Math.max(-m, v)) + 0
  return { scale: z.scale, x: within(z.x, mx), y: within(z.y, my) }
}

/** How long recordings last. */
export const keptWords = (days: number): string => (days > 0 ? `It is kept for ${plural(days, 'day')}, then deleted.` : 'It is kept for good.')

/** What is said, and sounds, as my own microphone opens or closes. While a key holds it open the finger knows. */
export function micWords(before: { mic: Capture; held: boolean }, after: { mic: Capture; held: boolean }): '' | 'Microphone on' | 'Muted' {
  if (before.held || after.held || (before.mic === 'on') === (after.mic === 'on')) return ''
  return after.mic === 'on' ? 'Microphone on' : after.mic === 'muted' || after.mic === 'off' ? 'Muted' : ''
}

/** What is said as the recording of my call begins or ends. */
export function recordedWords(before: Line | null, after: Line | null): string {
  if (after?.phase !== 'on') return ''
  const was = before?.room === after.room && before.phase !== 'connecting' && before.recording
  if (after.recording && !was) return before?.room === after.room && before.phase === 'on' ? 'This call is recorded from now on' : 'You are in a call that is recorded'
  return was && !after.recording ? 'This call is not recorded any more' : ''
}

/** What a listener of a reader is told between two states of a call. */
export function announce(before: Call | undefined, after: Call | undefined, me: string, name: (id: string) => string): string[] {
  if (!before || !after || before.id !== after.id) return []
  const was = new Map(before.people.map((p) => [p.user_id, p]))
  const is = new Map(after.people.map((p) => [p.user_id, p]))
  const out: string[] = []
  for (const [id, p] of is) {
    const w = was.get(id)
    if (!w) {
      if (id !== me) out.push(`${name(id)} ${p.mode === 'gallery' ? 'listens from the gallery' : 'joined the call'}`)
      continue
    }
    const who = id === me ? 'You' : name(id)
    if (w.mode !== p.mode) out.push(p.mode === 'gallery' ? `${who} moved to the gallery` : `${who} came to the table`)
    if (!w.hand_at && p.hand_at && id !== me) out.push(`${name(id)} raised a hand`)
    if (p.shares > w.shares && id !== me) out.push(`${name(id)} shows a screen`)
    if (p.shares < w.shares && id !== me) out.push(`${name(id)} stopped showing a screen`)
    if (p.whisper_to && p.whisper_to !== w.whisper_to) out.push(p.whisper_to === me ? `${name(id)} whispers to you` : `${who} ${id === me ? 'whisper' : 'whispers'} to ${name(p.whisper_to)}`)
    if (w.whisper_to && !p.whisper_to) out.push(`${who} ${id === me ? 'speak' : 'speaks'} to everybody again`)
  }
  for (const id of was.keys()) if (!is.has(id) && id !== me) out.push(`${name(id)} left the call`)
  return out
}

export const QUALITY: Record<CallQuality, string> = { excellent: 'Good connection', good: 'Fair connection', poor: 'Poor connection', lost: 'Connection lost', '': '' }
/** Bars of the connection, of three. */
export const bars = (q: CallQuality): number => ({ excellent: 3, good: 2, poor: 1, lost: 0, '': 0 })[q]

/** What a reader hears of somebody in the list. */
export function seatWords(s: Seat, name: (id: string) => string): string {
  return [
    name(s.id) + (s.me ? ' (you)' : ''),
    s.role,
    s.mode === 'gallery' ? 'in the gallery, listens' : s.speaking ? 'speaking' : s.mic ? 'microphone on' : 'muted',
    s.camera && 'camera on',
    s.shares > 0 && `shows ${plural(s.shares, 'screen')}`,
    s.hand && 'hand raised',
    s.whisper && `whispers to ${name(s.whisper)}`,
    QUALITY[s.quality],
  ]
    .filter(Boolean)
    .join(', ')
}

export const REACTIONS: [string, string][] = [
  ['👍', 'Thumbs up'],
  ['👏', 'Applause'],
  ['❤️', 'Heart'],
  ['😂', 'Laughing'],
  ['😮', 'Astonished'],
  ['🎉', 'Celebration'],
  ['✅', 'Yes'],
  ['❌', 'No'],
  ['👀', 'Looking'],
  ['☕', 'Break'],
]
export const reactionWord = (emoji: string): string => REACTIONS.find(([e]) => e === emoji)?.[1] ?? 'a reaction'
