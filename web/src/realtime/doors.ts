// Doors that are not open: knocking, answering, turning them.
import { useMemo } from 'react'
import { useShallow } from 'zustand/react/shallow'
import { api, useMyId, useSession } from '@/api'
import type { Door, Knock } from '@/api'
import { useNow } from '@/lib/hooks'
import { ms } from '@/lib/time'
import { insideRooms, keepsOut } from './model'
import { useOffice, usePeopleIn, useRoomInfo } from './office'

const alive = (k: Knock, now: number) => k.state === 'pending' && (ms(k.expires_at) ?? 0) > now

/** Whether a room's door keeps me out as things stand. */
export function keptOut(roomId: string): boolean {
  const { rooms, presence } = useOffice.getState()
  const room = rooms[roomId]
  const me = useSession.getState().me?.user.id ?? ''
  return !!room && presence[me]?.room_id !== roomId && keepsOut(room, insideRooms(presence)[roomId]?.length ?? 0)
}
/** How I stand before a door: whether it keeps me out, who could open, and my knock while it waits. */
export function useDoor(roomId: string): { out: boolean; inside: number; knock?: Knock } {
  const me = useMyId()
  const room = useRoomInfo(roomId)
  const people = usePeopleIn(roomId)
  const mine = useOffice((s) => Object.values(s.knocks).find((k) => k.user_id === me && k.room_id === roomId))
  const now = useNow('second', !!mine)
  const out = !!room && !people.some((u) => u.id === me) && keepsOut(room, people.length)
  return { out, inside: people.length, knock: mine && alive(mine, now) ? mine : undefined }
}
/** Who knocks at the door of the room I am in, the first one first. */
export function useKnocks(): Knock[] {
  const me = useMyId()
  const here = useOffice((s) => s.presence[me]?.room_id)
  const all = useOffice(useShallow((s) => Object.values(s.knocks)))
  const others = useMemo(() => all.filter((k) => k.user_id !== me && k.room_id === here), [all, me, here])
  const now = useNow('second', others.length > 0)
  return others.filter((k) => alive(k, now)).sort((a, b) => a.created_at.localeCompare(b.created_at))
}

const hold = (knock: Knock) =>
  useOffice.setState((s) => {
    const { [knock.id]: _, ...knocks } = s.knocks
    return { knocks: knock.state === 'pending' ? { ...knocks, [knock.id]: knock } : knocks }
  })
export const forgetKnock = (k: Knock) => hold({ ...k, state: 'expired' })
export const knockAt = async (roomId: string, note = '') => hold(await api.post<Knock>(`/rooms/${roomId}/knock`, { note }))
export const withdrawKnock = async (id: string) => hold(await api.post<Knock>(`/knocks/${id}/withdraw`))
export const letIn = async (id: string) => hold(await api.post<Knock>(`/knocks/${id}/admit`))
export const turnAway = async (id: string, note: string) => hold(await api.post<Knock>(`/knocks/${id}/decline`, { note }))
export const turnDoor = (roomId: string, door: Door) => api.put(`/rooms/${roomId}/door`, { door })
export const sendHome = (roomId: string, userId: string, reason: string) => api.post(`/rooms/${roomId}/send-home`, { user_id: userId, reason })
