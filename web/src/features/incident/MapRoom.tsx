import type { Incident, Room } from '@/api'
import { PanelSection } from '@/ui'
import { Response } from './parts'

/** On the map, below a war room: who was paged, saw it, is on the way, is here. */
export default function MapRoom({ incident }: { room: Room; incident: Incident | null }) {
  if (!incident) return null
  return (
    <PanelSection title="Called">
      <Response i={incident} full absent />
    </PanelSection>
  )
}
