// What I keep at hand: my home room, whom I starred; and whom I look for.
import { create } from 'zustand'
import { api, useMyId, useSession } from '@/api'
import type { Desk } from '@/api'
import { useOffice, usePresence } from './office'

const put = (desk: Desk) => useOffice.setState({ desk })
export const setHome = async (roomId: string) => put(await api.put<Desk>('/me/home', { room_id: roomId }))
/** Goes to the home room, and gives it. */
export const goHome = () => api.post<{ id: string; name: string }>('/office/home')
export const star = async (userId: string, starred: boolean) =>
  put(await (starred ? api.put<Desk>(`/me/starred/${userId}`) : api.del<Desk>(`/me/starred/${userId}`)))
export const useStarred = (userId: string): boolean => useOffice((s) => s.desk.starred.includes(userId))

/** Whether I asked not to be disturbed: then nothing but a page, or an incident's commander, makes a sound or comes to the front. */
export const undisturbed = (): boolean => useOffice.getState().presence[useSession.getState().me?.user.id ?? '']?.state === 'dnd'
export const useUndisturbed = (): boolean => usePresence(useMyId())?.state === 'dnd'

/** The person the spotlight is on, and when it was put there: the map shows where they are. */
export const useSpotlight = create<{ userId: string; at: number }>(() => ({ userId: '', at: 0 }))
export const spotlight = (userId: string) => useSpotlight.setState({ userId, at: Date.now() })
