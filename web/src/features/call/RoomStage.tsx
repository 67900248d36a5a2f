import type { Room } from '@/api'
import CallStage from './CallStage'
import { InOffice } from './InOffice'

export default function RoomStage(p: { room: Room; talk: boolean; onTalk: () => void }) {
  return (
    <InOffice>
      <CallStage {...p} />
    </InOffice>
  )
}
