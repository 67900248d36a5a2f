// Where features meet: each piece is loaded when it is first shown.
import { lazy, Suspense, type ComponentType, type ReactNode } from 'react'
import { PersonCard } from '@/features/people/PersonCard'
import type { Room } from '@/api'
import { useOffice, useVoiceWanted } from '@/realtime'
import { Skeleton, type Slots } from '@/ui'

function piece<P extends object>(load: () => Promise<ComponentType<P>>, meanwhile?: ReactNode): ComponentType<P> {
  const Piece = lazy(async () => ({ default: (await load()) as ComponentType<object> }))
  return function Slot(props: P) {
    return (
      <Suspense fallback={meanwhile}>
        <Piece {...props} />
      </Suspense>
    )
  }
}

/** Nobody talks and I sit nowhere: there is nothing to show of a call. */
function whenVoice<P extends object>(Piece: ComponentType<P>): ComponentType<P> {
  return function Voice(props: P) {
    return useVoiceWanted() ? <Piece {...props} /> : null
  }
}

/** No run of the room waits: nobody is asked. */
function whenAsked(Piece: ComponentType<{ room: Room }>): ComponentType<{ room: Room }> {
  return function Asked({ room }) {
    const waits = useOffice((o) => Object.values(o.runs).some((r) => r.state === 'waiting' && r.room_id === room.id))
    return waits ? <Piece room={room} /> : null
  }
}

export const slots: Slots = {
  cards: {
    alert: piece(async () => (await import('@/features/alert/cards')).AlertCard, <Skeleton lines={3} />),
    incident: piece(async () => (await import('@/features/incident/cards')).IncidentCard, <Skeleton lines={3} />),
    run: piece(async () => (await import('@/features/run/cards')).RunCard, <Skeleton lines={3} />),
  },
  roomPanel: { incident: piece(async () => (await import('@/features/incident/IncidentPanel')).default) },
  roomBar: whenAsked(piece(async () => (await import('@/features/run/RoomBar')).default)),
  roomRuns: piece(async () => (await import('@/features/run/RoomRuns')).default),
  roomVoice: whenVoice(piece(async () => (await import('@/features/call/CallBar')).Offer)),
  roomCall: whenVoice(piece(async () => (await import('@/features/call/CallBar')).default)),
  roomStage: piece(async () => (await import('@/features/call/RoomStage')).default),
  guestCall: piece(async () => (await import('@/features/call/GuestCall')).default),
  stageSide: { incident: piece(async () => (await import('@/features/incident/WarSide')).default) },
  mapRoom: piece(async () => (await import('@/features/incident/MapRoom')).default),
  person: PersonCard,
  jobForm: piece(async () => (await import('@/features/run/JobForm')).default),
  declareForm: piece(async () => (await import('@/features/incident/DeclareForm')).default),
}
