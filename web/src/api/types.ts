// The shapes of the HTTP API, as the screens use them. Times are RFC 3339 strings in UTC.
// Names stay when the generated schema takes over: then each becomes an alias of it.

export type Abilities = Record<string, boolean>
export type Items<T> = { items: T[] }

// People

export type Role = 'observer' | 'responder' | 'operator' | 'approver' | 'administrator' | 'auditor'
export type User = {
  id: string
  name: string
  display: string
  email: string
  title: string
  roles: string[]
  team: string
  /** What they can do, in their own words. */
  skills: string[]
  initials: string
  hue: number
  disabled: boolean
  kind: 'person' | 'bot' | 'guest'
}
export type Me = {
  user: User
  csrf: string
  office: { name: string }
  abilities: Abilities
  version: string
  demo: boolean
  /** Simulated colleagues of a demo are at work and can hold a drill. */
  drills?: boolean
}
export type Availability = 'available' | 'busy' | 'away' | 'dnd'
export type PresenceState = 'available' | 'active' | 'away' | 'busy' | 'call' | 'dnd' | 'offline'
export type Presence = {
  user_id: string
  state: PresenceState
  /** What they say of themselves; the state also tells of calls and of devices nobody uses. */
  said: Availability
  status_text: string
  until?: string | null
  room_id: string | null
  seat: number | null
  since?: string | null
}
export type Session = {
  id: string
  created_at: string
  last_used_at?: string | null
  address?: string
  user_agent?: string
  current?: boolean
}
export type Token = {
  id: string
  name: string
  created_at: string
  expires_at?: string | null
  last_used_at?: string | null
  /** Who made it, when that is somebody else. */
  made_by?: string
}

// Office

export type RoomKind = 'team' | 'incident' | 'lounge' | 'lobby' | 'gallery' | 'meeting' | 'focus' | 'office'
export type Door = 'open' | 'closed' | 'locked'
export type Room = {
  id: string
  name: string
  kind: RoomKind
  topic: string
  private: boolean
  door: Door
  subject: { kind: string; id: string }
  floor: string
  /** Whether it says itself that its calls are recorded. */
  recording: 'none' | 'required'
  seq: number
  archived: boolean
  created_at: string
  unread: number
  mentions: number
  read_seq: number
  member: boolean
  abilities: Abilities
}
export type FloorDoor = { side: 'n' | 's' | 'e' | 'w'; at: number }
export type FloorRoom = {
  /** Always there in a plan that is drawn. Absent when one is saved: the room is found by its name, or made. */
  room_id?: string
  /** Only where a plan is edited, imported or exported. */
  name?: string
  x: number
  y: number
  w: number
  h: number
  kind?: string
  seats: number
  doors?: FloorDoor[]
}
/** A place where an incident's room appears. */
export type FloorSlot = { x: number; y: number; w: number; h: number }
export type FloorLayout = { width: number; height: number; rooms: FloorRoom[]; slots?: FloorSlot[] }
export type Floor = {
  id: string
  name: string
  layout: FloorLayout
  /** Said when a plan is saved, so that nobody's work is lost unseen. */
  version: number
  changed_by: string
  changed_at?: string | null
  /** update, delete. */
  abilities?: Abilities
}
/** A floor as it is edited: without what is drawn by itself. */
export type FloorPlan = Floor & { unplaced: string[] }
export type FloorFile = { format: string; name: string; layout: FloorLayout; left_out?: number }
export type FloorTemplate = { id: string; name: string; description: string; layout: FloorLayout }
export type FloorTeam = { name: string; people: number; kind?: string }
export type GetState = 'pending' | 'accepted' | 'declined' | 'expired'
/** A request to come to a room, answered by the person asked. */
export type Get = {
  id: string
  from: string
  to: string
  room_id: string
  state: GetState
  note: string
  /** From who declined. */
  answer: string
  /** I did not want to be disturbed: shown without a sound, and without taking attention. */
  quiet: boolean
  created_at: string
  expires_at: string
}
export type KnockState = 'pending' | 'admitted' | 'declined' | 'withdrawn' | 'expired'
/** A request to be let in through a door, answered by whoever is inside. */
export type Knock = {
  id: string
  user_id: string
  room_id: string
  state: KnockState
  note: string
  /** From who declined. */
  answer: string
  answered_by: string
  created_at: string
  expires_at: string
  answered_at?: string
  /** Name of a guest who came by a link and has no account yet. */
  guest: string
  /** Whose name that one could be taken for. */
  looks_like: string
}
/** A guest's stay, from the first knock on. */
export type Visit = {
  id: string
  room_id: string
  link: string
  name: string
  looks_like: string
  state: 'waiting' | 'inside' | 'declined' | 'withdrawn' | 'expired' | 'ended'
  word: string
  created_at: string
  admitted_at?: string
  expires_at: string
}
export type GuestLink = {
  id: string
  room_id: string
  label: string
  most: number
  made_by: string
  created_at: string
  expires_at?: string
  waiting: number
  inside: number
}
export type GuestPerson = { id: string; display: string; title: string; initials: string; hue: number; kind: 'person' | 'guest'; state: PresenceState }
/** All that a guest's page shows but the messages. */
export type GuestView = {
  visit: Visit
  csrf: string
  office: string
  room: string
  people: GuestPerson[]
  media: Media
  /** Calls of the room are recorded. */
  records: boolean
  call?: Call | null
}
/** What I keep at hand: where home is, and whom I starred. */
export type Desk = { home_room_id: string | null; starred: string[] }
/** One request that paints the whole app. */
export type Office = {
  floors: Floor[]
  rooms: Room[]
  people: User[]
  presence: Presence[]
  incidents: Incident[]
  runs: RunSummary[]
  oncall: OnCall[]
  gets: Get[]
  desk: Desk
  /** Pending ones of mine, and at the door of the room I am in. */
  knocks: Knock[]
  /** Who talks where, in the rooms I may see. */
  calls: Call[]
  media: Media
  notifications_unread: number
}

// Voice, video, screens

/** How the media engine stands: it is started with the server and again after it fell. */
/** What is recorded beside the rooms that say so themselves, and for how many days it is kept: 0 for ever. */
export type Media = { state: MediaState; record: '' | 'incidents' | 'all'; keep_days: number }
export type MediaState = 'ready' | 'starting' | 'off'
/** At the table one speaks; in the gallery one listens. */
export type CallMode = 'table' | 'gallery'
export type CallQuality = 'excellent' | 'good' | 'poor' | 'lost' | ''
export type CallPerson = {
  user_id: string
  mode: CallMode
  mic: boolean
  camera: boolean
  /** How many screens they show. */
  shares: number
  speaking: boolean
  hand_at: string | null
  /** The one person who hears them now; empty for everybody. */
  whisper_to: string
  quality: CallQuality
  joined_at: string
}
/** What goes on in a room by voice. Without people it has ended. */
export type Call = {
  id: string
  room_id: string
  started_at: string
  recording: boolean
  people: CallPerson[]
}
/** Lets one into a call, for some minutes. */
export type CallTicket = { url: string; token: string; expires_at: string; mode: CallMode; recording: boolean }
/** A stretch of one voice that is kept. */
export type Recording = {
  id: string
  call_id: string
  room_id: string
  user_id: string
  state: 'open' | 'kept' | 'deleted'
  started_at: string
  /** From the start of the call. */
  offset_ms: number
  ms: number
  bytes: number
  sha256: string
  transcript: string
}

// Messages

export type Author = { id: string; name: string; display: string; kind: string; hue: number; initials: string; via?: string }
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each card's own component knows its data
export type CardData = any
export type Card = { type: string; ref: string; data: CardData }
export type Reaction = { emoji: string; users: string[] }
export type Message = {
  id: string
  room_id: string
  /** Its place in the room: the number it took when it was posted. */
  seq: number
  /** The number its latest version took. */
  change_seq: number
  author: Author
  kind: 'text' | 'card' | 'system'
  text: string
  /** Logins that the text speaks to. */
  mentions?: string[]
  card?: Card | null
  thread?: string | null
  key?: string
  created_at: string
  edited_at?: string | null
  deleted: boolean
  pinned: boolean
  reactions: Reaction[]
  replies?: Message[]
  /** Of whoever asked; what the socket carries to everybody has none. */
  abilities?: Abilities
}
export type MessagePage = { items: Message[]; has_before: boolean; has_after: boolean; seq: number }
export type MessageVersion = {
  seq: number
  change: 'posted' | 'edited' | 'deleted' | 'card' | 'reaction' | 'pin'
  by: string
  at: string
  text: string
}
export type Posted = Message & { reply?: string; /** What only this browser can do. */ do?: 'join-voice' | 'listen' | 'leave-voice' | 'mute' | 'unmute' }
export type Completion = {
  value: string
  label: string
  detail: string
  kind: 'verb' | 'job' | 'option' | 'value' | 'user' | 'node' | 'room'
}

export type NotificationKind = 'page' | 'get' | 'mention' | 'approval' | 'info'
export type Notification = {
  id: string
  kind: NotificationKind
  title: string
  body: string
  link: string
  incident_id?: string | null
  created_at: string
  seen_at?: string | null
  acted_at?: string | null
  /** When what it asks for was over without me. */
  ended_at?: string | null
  severity?: number
  drill?: boolean
  channels: Delivery[]
}
/** How far a notification came on one way to the person. */
export type Delivery = {
  /** app, email, or gateway: and the gateway's id */
  channel: string
  name?: string
  state: 'queued' | 'sent' | 'failed' | 'off' | 'skipped'
  at?: string | null
  error?: string
  attempts?: number
  tries?: { at: string; sent: boolean; error?: string; answer?: string }[]
}
/** What I am called to and did not answer yet. */
export type OpenPage = {
  id: string
  kind: 'page' | 'approval'
  title: string
  severity: number
  drill: boolean
  incident_id?: string
  ticket?: string
  link: string
  at: string
  next_page?: { user_id: string; at: string } | null
  may_acknowledge: boolean
}
/** How I am reached. */
export type Reaching = { channels: ReachChannel[]; alarm: number; chime: number; desktop: boolean }
export type ReachChannel = {
  channel: string
  name: string
  address_name: string
  used: boolean
  address: string
  delay_s: number
  severity: number
  works: boolean
  why?: string
}
export type Gateway = { id: string; name: string; url: string; address: string; enabled: boolean; created_at: string; updated_at: string }
export type GatewayDelivery = { notification_id: string; user_id: string; title: string; at: string; sent: boolean; error?: string; answer?: string }

// Response

export type Service = {
  id: string
  name: string
  title: string
  environments: string[]
  /** Those whose name means production. */
  production_environments: string[]
  rotation_id: string
  runbook_url: string
  ack_timeout_seconds: number
  warnings?: PageWarning[]
  /** Of whoever asked; what the socket carries to everybody has none. */
  abilities?: Abilities
  gather_after_seconds: number
}
export type Override = { id: string; user_id: string; from: string; until: string }
export type Rotation = {
  id: string
  name: string
  members: string[]
  shift_hours: number
  starts_at: string
  time_zone: string
  escalate_after_seconds: number
  overrides: Override[]
  catch_all?: boolean
  warnings?: PageWarning[]
}
/** Why a page would not reach somebody, or nobody at all. */
export type PageWarning = { kind: string; user_id?: string; text: string }
export type OnCall = {
  service: string
  rotation_id: string
  user_id: string
  until: string
  next_user_id: string
  catch_all?: boolean
}
export type AlertSource = {
  id: string
  kind: 'alertmanager'
  name: string
  service: string
  created_at: string
  last_delivery_at?: string | null
  last_error?: string | null
  /** Of whoever asked; what the socket carries to everybody has none. */
  abilities?: Abilities
  stale_after_seconds: number
  left_out: number
  notice?: string
  notice_at?: string
}
export type AlertRule = {
  id: string
  position: number
  name: string
  when: string
  service: string
  environment: string
  severity: string | number
  action: 'declare' | 'attach' | 'ignore' | 'default'
  /** The incident it declares is known only to the people of groups. */
  restricted?: boolean
  groups?: string[]
}
export type AlertState = 'open' | 'acknowledged' | 'resolved'
export type Alert = {
  id: string
  source_id: string
  source: string
  fingerprint: string
  group_key: string
  state: AlertState
  title: string
  summary: string
  service: string
  environment: string
  production: boolean
  severity: number
  labels: Record<string, string>
  annotations: Record<string, string>
  starts_at: string
  ends_at?: string | null
  last_at: string
  count: number
  incident_id?: string | null
  generator_url: string
  acknowledged_by?: string | null
  /** Of whoever asked; what the socket carries to everybody has none. */
  abilities?: Abilities
  ended_by?: 'source' | 'person' | 'incident' | 'silence'
  resolved_by?: string
}
export type PageState = 'paged' | 'seen' | 'acknowledged' | 'declined' | 'escalated'
export type Page = {
  id: string
  user_id: string
  level: number
  state: PageState
  paged_at: string
  seen_at?: string | null
  acknowledged_at?: string | null
  joined_at?: string | null
  channel_states: Delivery[]
}
export type Stage = 'declared' | 'triage' | 'mitigating' | 'monitoring' | 'resolved' | 'closed'
export type IncidentRoleName = 'commander' | 'operations' | 'communications' | 'scribe' | 'liaison'
export type IncidentRole = { role: IncidentRoleName; user_id: string }
export type AlertRef = { id: string; title: string; state: AlertState }
export type IncidentTimes = {
  impact_started?: string | null
  first_signal?: string | null
  detected?: string | null
  declared: string
  acknowledged?: string | null
  first_responder?: string | null
  mitigated?: string | null
  resolved?: string | null
  closed?: string | null
}
export type Incident = {
  id: string
  ticket: string
  title: string
  room: { id: string; name: string }
  severity: number
  stage: Stage
  mode: 'real' | 'test' | 'drill' | 'retrospective'
  restricted: boolean
  /** Alerts of its service and environment join it while it is open. */
  gathers: boolean
  service: string
  environment: string
  production: boolean
  summary: string
  declared_by: string
  roles: IncidentRole[]
  pages: Page[]
  alerts: AlertRef[]
  times: IncidentTimes
  ticket_url: string
  merged_into?: string | null
  /** Who is called if nobody acknowledges; everybody: the rotation, the catch-all and the administrators at once. */
  next_page?: { user_id: string; at: string; everybody?: boolean } | null
  /** Of whoever asked; what the socket carries to everybody has none. */
  abilities?: Abilities
}
export type TimelineEntry = {
  id: string
  at: string
  kind: string
  actor: { id: string; name: string }
  text: string
  link?: string | null
  data: CardData
}
export type Followup = {
  id: string
  kind: 'action' | 'question'
  text: string
  owner: string
  due: string
  state: 'open' | 'done' | 'dropped'
  answer: string
  created_by: string
  created_at: string
  closed_at?: string | null
}
export type Metric = {
  name: 'MTTD' | 'MTTA' | 'time_to_muster' | 'MTTM' | 'MTTR'
  title: string
  seconds: number | null
  formula: string
  from: { name: string; at?: string | null }
  to: { name: string; at?: string | null }
  missing: string[]
}

// Automation

export type Project = { id: string; name: string; title: string; allow_raw: boolean; abilities: Abilities }
export type JobSummary = {
  id: string
  project: string
  group: string
  name: string
  full_name: string
  description: string
  version: number
  needs_approval_in: string[]
  environments: string[]
  /** Those of them with nodes that need what production needs. */
  production_environments: string[]
  cannot_run: string[]
  abilities: Abilities
}
export type JobOption = {
  name: string
  label: string
  description: string
  type: 'text' | 'date'
  required: boolean
  enforced: boolean
  values: string[]
  regex: string
  multivalued: boolean
  delimiter: string
  /** Of several values: without a choice all are taken. */
  all_selected: boolean
  secure: boolean
  /** Without a value it is taken from key storage. */
  stored: boolean
  hidden: boolean
  default: string
  is_date: boolean
  date_format: string
}
export type JobStep = { n: number; kind: string; label: string }
export type Job = JobSummary & {
  options: JobOption[]
  steps: JobStep[]
  nodefilter: string
  /** Nobody can give another node filter. */
  filter_fixed: boolean
  /** Nodes start unticked: whoever runs it picks some. */
  nodes_unselected: boolean
  dispatch: CardData
  strategy: string
  timeout: string
  yaml: string
  versions: { version: number; at: string; by: string }[]
}
export type Node = {
  name: string
  hostname: string
  username: string
  os_family: string
  tags: string[]
  environment: string
  description: string
  attributes: Record<string, string>
  production: boolean
  environment_known: boolean
  last_contact_at?: string
  last_contact_error?: string
}
export type ImportResult = {
  name: string
  result: 'created' | 'updated' | 'unchanged' | 'dropped'
  message: string
  line?: number
  /** The message in parts: one for each step and kind. */
  remarks?: { step?: string; kind: 'cannot-run' | 'raw-value' | 'no-value' | 'no-effect' | 'note'; tokens?: string[]; text: string }[]
}
export type Decision = {
  allowed: boolean
  rule?: { policy: string; line: number; description: string } | null
  who_could_grant: string[]
  text: string
}
export type Preview = {
  nodes: Node[]
  environment: string
  /** Of one of the nodes: by its environment, or because nobody knows it. */
  production: boolean
  approval: { needed: boolean; need: number; groups: string[] } | null
  problems: { option: string; message: string }[]
  denied?: { text: string } | null
}
export type RunState =
  | 'waiting'
  | 'queued'
  | 'running'
  | 'succeeded'
  | 'failed'
  | 'stopped'
  | 'timed-out'
  | 'unknown'
export type RunSummary = {
  id: string
  number: number
  project: string
  kind: 'job' | 'adhoc'
  job: { id: string; name: string; version: number } | null
  title: string
  state: RunState
  reason: string
  environment: string
  /** One of its nodes needed what production needs when it was asked for. */
  production: boolean
  requested_by: string
  /** Who made the API token it was asked for with, when that is not the person. */
  requested_via?: string
  room_id?: string | null
  incident_id?: string | null
  requested_at: string
  started_at?: string | null
  finished_at?: string | null
  progress: { done: number; total: number; failed: number }
  log_lines: number
}
export type StepState = 'pending' | 'running' | 'succeeded' | 'failed' | 'stopped' | 'skipped' | 'handled'
export type RunStep = {
  n: number
  kind: string
  label: string
  state: StepState
  started_at?: string | null
  finished_at?: string | null
}
export type RunNodeStep = {
  n: number
  state: StepState
  started_at?: string | null
  finished_at?: string | null
  exit?: number | null
  error: string
}
export type RunNode = {
  name: string
  state: StepState
  step: number
  exit?: number | null
  error: string
  steps: RunNodeStep[]
}
export type ApprovalState = 'asked' | 'approved' | 'declined' | 'expired' | 'voided'
export type Approval = {
  id: string
  state: ApprovalState
  need: number
  groups: string[]
  requested_by: string
  expires_at: string
  votes: { user_id: string; decision: string; note: string; at: string }[]
  digest: string
  summary: string
}
export type Run = RunSummary & {
  command?: string
  options: { name: string; value: string }[]
  node_filter: string
  digest: string
  nodes: RunNode[]
  steps: RunStep[]
  approval: Approval | null
  log_sha256: string
  message_id?: string | null
  abilities: Abilities
  denied_approve?: string
  again?: Again
}
/** What asks for the same as a run once more. */
export type Again = {
  options: Record<string, string>
  secure: string[]
  filter: string
  nodes: string[]
  failed: string[]
  command?: string
  threads?: number
  keepgoing?: boolean
}
export type LogLine = { n: number; t: string; node: string; step: number; stream: 'out' | 'err' | 'sys'; text: string }
export type LogPage = { items: LogLine[]; next: number; total: number; done: boolean }
export type PendingApproval = { approval: Approval; run: RunSummary }
export type KeyEntry = {
  path: string
  type: 'private-key' | 'public-key' | 'password'
  size: number
  created_at: string
  modified_at: string
  fingerprint?: string
  nodes: string[]
  environments: string[]
}
export type LedgerRecord = {
  n: number
  id: string
  at: string
  kind: string
  actor_name: string
  resource: string
  room: string
  incident: string
  project: string
  door: string
  session?: string
  token?: string
  via_name?: string
  address?: string
  outcome: string
  fields: Record<string, unknown>
  hash: string
}

// Errors (RFC 9457)

export type Problem = {
  type?: string
  title?: string
  status?: number
  detail?: string
  code?: string
  errors?: { location?: string; message: string }[]
}

// Realtime publications

export type OfficeEvent =
  | { type: 'presence'; presence: Presence }
  | { type: 'room'; room: Partial<Room> & { id: string } } // as I see it; archived: I see it no more
  | { type: 'floor'; floor: Floor }
  | { type: 'floors'; ids: string[] } // those I see, in their order
  | { type: 'incident'; incident: Incident }
  | { type: 'run'; run: RunSummary }
  | { type: 'user'; user: User }
  | { type: 'unread'; room_id: string; seq: number; author?: string; /** the message that was taken back, and by whom it was */ deleted?: number; /** nothing to be read */ quiet?: boolean }
  | { type: 'oncall' }
  | { type: 'call'; call: Call }
  | { type: 'media'; media: { state: MediaState } }
export type UserEvent =
  | { type: 'get'; get: Get }
  | { type: 'knock'; knock: Knock }
  | { type: 'sent_home'; room_id: string; by: string; reason: string; /** Where I sit now; empty: nowhere. */ home_room_id: string }
  | { type: 'notification'; notification: Notification; /** not an update of one that was told before */ fresh: boolean; unread: number }
  | { type: 'reach' }
  | { type: 'session-revoked' }
  | { type: 'mention'; room_id: string; seq: number }
  | { type: 'membership'; room_id: string; member: boolean; read_seq?: number }
  | { type: 'read'; room_id: string; seq: number; unread: number; /** the room's number when that was counted */ as_of: number }
  | { type: 'rights' }
  | { type: 'reaction'; room_id: string; user_id: string; emoji: string }
  | { type: 'desk'; desk: Desk }
/** How those who cannot come into a room take part by other means. */
export type Bridge = { room_id: string; kind: string; url: string; phone: string; code: string; people: string[]; set_by: string; set_at: string }
export type CatchUpLine = { at: string; kind: string; text: string; link?: string }
/** What somebody who comes late needs to know. */
export type CatchUp = {
  incident?: Incident
  happened: CatchUpLine[]
  earlier: number
  decided: CatchUpLine[]
  here: { user_id: string; roles: string[]; inside: boolean }[]
  running: RunSummary[]
  asked: { kind: 'approval' | 'action' | 'question' | 'mention'; text: string; link: string }[]
  call?: Call
  bridge?: Bridge
}
export type RoomEvent =
  | { type: 'message'; seq: number; message: Message }
  | { type: 'typing'; user_id: string }
  | { type: 'bridge' }
export type RunEvent = { type: 'run'; run: Run } | { type: 'log'; from: number; lines: LogLine[] }
export type IncidentEvent = { type: 'incident'; incident: Incident } | { type: 'timeline' }
