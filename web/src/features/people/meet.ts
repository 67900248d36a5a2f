// Going to somebody, and finding them: the same from the list, the card and the palette.
import { useNavigate } from '@tanstack/react-router'
import { enterRoom, keptOut, spotlight, useOffice } from '@/realtime'
import { toast, toastError } from '@/ui'

export function useMeet() {
  const navigate = useNavigate()
  return {
    /** Into the room they are in; before a door that keeps me out, its screen has the knock. */
    go: (roomId: string) => {
      const name = useOffice.getState().rooms[roomId]?.name ?? 'the room'
      if (!keptOut(roomId)) void enterRoom(roomId).catch((e) => toastError(`You could not enter ${name}`, e))
      void navigate({ to: '/rooms/$id', params: { id: roomId } })
    },
    /** Shows on the map where they are, or says that they are nowhere on it. */
    find: (userId: string) => {
      const { users, presence } = useOffice.getState()
      const name = users[userId]?.display ?? 'They'
      const p = presence[userId]
      if (!p || p.state === 'offline') return void toast(`${name} is not in the office`, { tone: 'info' })
      if (!p.room_id) return void toast(`${name} is in no room that you can see`, { tone: 'info' })
      spotlight(userId)
      void navigate({ to: '/' })
    },
  }
}
