// Where features meet: app fills these, and a feature shows another one's piece by name, so that no
// feature imports another.
import { createContext, use, type ComponentType, type ReactElement } from 'react'
import { create } from 'zustand'
import type { CallMode, CallTicket, Card, GuestView, Incident, Message, Room } from '@/api/types'

export type CardProps = {
  card: Card
  message: Message
  /** False once the card has left the bottom of the timeline: show two lines. */
  latest: boolean
}
/** What a guest's call asks of the server, by the guest's own way to it. */
export type GuestCallApi = {
  join: (mode: CallMode, consent: boolean) => Promise<CallTicket>
  mode: (mode: CallMode) => Promise<void>
  hand: (raised: boolean) => Promise<void>
}
/** What a job’s form begins with instead of the defaults: the values and nodes of a run that was. */
export type Given = { options: Record<string, string>; filter: string; nodes: string[] }

export type Slots = {
  /** One component per card.type. */
  cards: Record<string, ComponentType<CardProps>>
  /** The panel beside a room that is about something (an incident); by room.subject.kind. */
  roomPanel: Record<string, ComponentType<{ room: Room; onClose: () => void }>>
  /** Bars above the composer: approvals that wait for me. */
  roomBar: ComponentType<{ room: Room }> | null
  /** The Runs tab of a room. */
  roomRuns: ComponentType<{ room: Room }> | null
  /** Beside who is in a room: the way into its voice. */
  roomVoice: ComponentType<{ room: Room }> | null
  /** Below a room's header, while I am in its voice. */
  roomCall: ComponentType<{ room: Room }> | null
  /** Screens and cameras of a room's call, while there are any. */
  roomStage: ComponentType<{ room: Room; talk: boolean; onTalk: () => void }> | null
  /** A guest's part in the call of the one room they are in. */
  guestCall: ComponentType<{ view: GuestView; api: GuestCallApi }> | null
  /** Beside the stage: what the room is about, in brief; by room.subject.kind. */
  stageSide: Record<string, ComponentType<{ room: Room }>>
  /** In the map's room panel: who was paged, has seen it, is on the way, is not here. */
  mapRoom: ComponentType<{ room: Room; incident: Incident | null }> | null
  /** Wraps a trigger so that it opens the person's card. */
  person: ComponentType<{ id: string; children: ReactElement }> | null
  /** Opens the run form of a job, as a dialog. */
  jobForm: ComponentType<{ jobId: string; roomId?: string; again?: Given; open: boolean; onOpenChange: (open: boolean) => void }> | null
  /** Opens the form that declares an incident. */
  declareForm: ComponentType<{ open: boolean; onOpenChange: (open: boolean) => void }> | null
}
export const noSlots: Slots = {
  cards: {},
  roomPanel: {},
  roomBar: null,
  roomRuns: null,
  roomVoice: null,
  roomCall: null,
  roomStage: null,
  guestCall: null,
  stageSide: {},
  mapRoom: null,
  person: null,
  jobForm: null,
  declareForm: null,
}
const Context = createContext<Slots>(noSlots)
export const SlotsProvider = Context.Provider
export const useSlots = (): Slots => use(Context)

/** Wraps a name or avatar so that a click opens the person's card, where the app offers one. */
export function PersonTrigger({ id, children }: { id: string; children: ReactElement }) {
  const { person: Person } = useSlots()
  return Person ? <Person id={id}>{children}</Person> : children
}

// What is open above the screens. Any feature may ask; the shell shows it.
type Overlays = {
  palette: boolean
  shortcuts: boolean
  declare: boolean
  createRoom: boolean
  /** My availability with a word about it. */
  status: boolean
  jobForm: { jobId: string; roomId?: string } | null
  /** A walk through the app, or an administrator's list of what an office needs. */
  tour: 'walk' | 'list' | null
}
export const useOverlays = create<Overlays>(() => ({
  palette: false,
  shortcuts: false,
  declare: false,
  createRoom: false,
  status: false,
  jobForm: null,
  tour: null,
}))
/** Opens the run form of a job, from wherever. */
export const openJobForm = (jobId: string, roomId?: string) => useOverlays.setState({ jobForm: { jobId, roomId }, palette: false })
/** Opens the form that declares an incident. */
export const openDeclare = () => useOverlays.setState({ declare: true, palette: false })
/** Shows somebody around. */
export const startTour = () => useOverlays.setState({ tour: 'walk', palette: false, shortcuts: false })
/** Shows what an office needs before its first incident. */
export const openChecklist = () => useOverlays.setState({ tour: 'list', palette: false, shortcuts: false })
export const openPalette = () => useOverlays.setState({ palette: true })
