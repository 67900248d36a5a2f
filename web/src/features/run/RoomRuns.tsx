import { useQuery } from '@tanstack/react-query'
import { CirclePlay } from 'lucide-react'
import { api, type Items, type Room, type RunSummary } from '@/api'
import { Empty, ErrorState, Loading } from '@/ui'
import { RunTable } from './RunsView'

/** The Runs tab of a room. */
export default function RoomRuns({ room }: { room: Room }) {
  const { data, error, isPending, refetch } = useQuery({ queryKey: ['runs', 'room', room.id], queryFn: () => api.get<Items<RunSummary>>('/runs', { room_id: room.id, limit: 200 }) })
  if (isPending) return <Loading label="Loading the runs of this room" />
  if (error && !data) return <ErrorState error={error} onRetry={() => void refetch()} />
  return (
    <RunTable
      runs={data?.items ?? []}
      empty={
        <Empty icon={<CirclePlay size={20} />} title="Nothing has run in this room">
          Type /run and the name of a job; it asks for the rest.
        </Empty>
      }
    />
  )
}
