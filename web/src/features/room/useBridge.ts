import { useQuery } from '@tanstack/react-query'
import { api, type Bridge, type Room } from '@/api'
import { useBridgeTurn } from '@/realtime'

/** The bridge of a room, where one was put up. */
export function useBridge(room: Room): Bridge | undefined {
  const turn = useBridgeTurn(room.id)
  const q = useQuery({ queryKey: ['bridge', room.id, turn], queryFn: () => api.get<{ bridge?: Bridge }>(`/rooms/${room.id}/bridge`), staleTime: 60_000, placeholderData: (before) => before })
  return q.data?.bridge?.room_id === room.id ? q.data.bridge : undefined
}
