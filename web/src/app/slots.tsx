// Where features meet: each piece is loaded when it is first shown.
import { lazy, Suspense, type ComponentType } from 'react'
import { PersonCard } from '@/features/people/PersonCard'
import type { Slots } from '@/ui'

function piece<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  const Piece = lazy(async () => ({ default: (await load()) as ComponentType<object> }))
  return function Slot(props: P) {
    return (
      <Suspense>
        <Piece {...props} />
      </Suspense>
    )
  }
}

export const slots: Slots = {
  cards: {
    alert: piece(async () => (await import('@/features/alert/cards')).AlertCard),
    incident: piece(async () => (await import('@/features/incident/cards')).IncidentCard),
    run: piece(async () => (await import('@/features/run/cards')).RunCard),
  },
  roomPanel: { incident: piece(async () => (await import('@/features/incident/IncidentPanel')).default) },
  roomBar: piece(async () => (await import('@/features/run/RoomBar')).default),
  roomRuns: piece(async () => (await import('@/features/run/RoomRuns')).default),
  roomVoice: piece(async () => (await import('@/features/call/CallBar')).Offer),
  roomCall: piece(async () => (await import('@/features/call/CallBar')).default),
  roomStage: piece(async () => (await import('@/features/call/RoomStage')).default),
  guestCall: piece(async () => (await import('@/features/call/GuestCall')).default),
  stageSide: { incident: piece(async () => (await import('@/features/incident/WarSide')).default) },
  mapRoom: piece(async () => (await import('@/features/incident/MapRoom')).default),
  person: PersonCard,
  jobForm: piece(async () => (await import('@/features/run/JobForm')).default),
  declareForm: piece(async () => (await import('@/features/incident/DeclareForm')).default),
}
