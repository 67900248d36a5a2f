// People and things for the tests of the models.
import type { Call, CallPerson, Incident, Message, Office, Presence, Room, RunSummary, User } from '@/api/types'

export const user = (id: string, o: Partial<User> = {}): User => ({
  id,
  name: id,
  display: id.toUpperCase(),
  email: '',
  title: '',
  roles: [],
  team: '',
  skills: [],
  initials: id.slice(0, 2).toUpperCase(),
  hue: 0,
  disabled: false,
  kind: 'person',
  ...o,
})
export const room = (id: string, o: Partial<Room> = {}): Room => ({
  id,
  name: id,
  kind: 'team',
  topic: '',
  private: false,
  door: 'open',
  subject: { kind: '', id: '' },
  floor: 'f1',
  recording: 'none',
  seq: 0,
  archived: false,
  created_at: '2026-11-22T08:00:00Z',
  unread: 0,
  mentions: 0,
  read_seq: 0,
  member: true,
  abilities: { post: true },
  ...o,
})
export const presence = (user_id: string, room_id: string | null, o: Partial<Presence> = {}): Presence => ({
  user_id,
  state: 'available',
  said: 'available',
  status_text: '',
  room_id,
  seat: null,
  ...o,
})
export const incident = (id: string, o: Partial<Incident> = {}): Incident => ({
  id,
  ticket: 'INC-' + id,
  title: 'pacs.008 outbound is backing up',
  room: { id: 'room-' + id, name: 'inc-' + id },
  severity: 2,
  stage: 'triage',
  mode: 'real',
  restricted: false,
  gathers: false,
  service: 'payments-api',
  environment: 'prod',
  production: true,
  summary: '',
  declared_by: 'amara',
  roles: [],
  pages: [],
  alerts: [],
  times: { declared: '2026-11-22T13:49:02Z' },
  ticket_url: '',
  abilities: {},
  ...o,
})
export const run = (id: string, o: Partial<RunSummary> = {}): RunSummary => ({
  id,
  number: 41,
  project: 'demo',
  kind: 'job',
  job: null,
  title: 'payments/restart-service',
  state: 'running',
  reason: '',
  environment: 'prod',
  production: true,
  requested_by: 'jonas',
  requested_at: '2026-11-22T13:50:00Z',
  progress: { done: 0, total: 2, failed: 0 },
  log_lines: 0,
  ...o,
})
export const caller = (user_id: string, o: Partial<CallPerson> = {}): CallPerson => ({
  user_id,
  mode: 'table',
  mic: false,
  camera: false,
  shares: 0,
  speaking: false,
  hand_at: null,
  whisper_to: '',
  quality: '',
  joined_at: '2026-11-22T13:50:00Z',
  ...o,
})
export const call = (id: string, room_id: string, people: CallPerson[], o: Partial<Call> = {}): Call => ({
  id,
  room_id,
  started_at: '2026-11-22T13:50:00Z',
  recording: false,
  people,
  ...o,
})
export const message = (seq: number, o: Partial<Message> = {}): Message => ({
  id: 'm' + seq,
  room_id: 'r1',
  seq,
  change_seq: seq,
  author: { id: 'jonas', name: 'jonas', display: 'Jonas', kind: 'person', hue: 0, initials: 'JL' },
  kind: 'text',
  text: 'text ' + seq,
  card: null,
  thread: null,
  created_at: new Date(Date.UTC(2026, 10, 22, 13, 0, seq)).toISOString(),
  deleted: false,
  pinned: false,
  reactions: [],
  abilities: { edit: true, delete: true, pin: true },
  ...o,
})
export const office = (o: Partial<Office> = {}): Office => ({
  floors: [],
  rooms: [],
  people: [],
  presence: [],
  incidents: [],
  runs: [],
  oncall: [],
  gets: [],
  desk: { home_room_id: null, starred: [] },
  knocks: [],
  calls: [],
  media: { state: 'ready', record: '', keep_days: 0 },
  notifications_unread: 0,
  ...o,
})

/** Random but repeatable: the same seed gives the same story. */
export function random(seed: number): () => number {
  let s = seed >>> 0
  return () => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0
    return s / 4294967296
  }
}
export const pick = <T>(next: () => number, list: readonly T[]): T => list[Math.floor(next() * list.length)]!
