// What a call asks of the server.
import { api, type CallMode, type CallTicket } from '@/api'

const at = (room: string, what: string) => `/rooms/${room}/call/${what}`
export const callApi = {
  join: (room: string, mode: CallMode, consent: boolean) => api.post<CallTicket>(at(room, 'join'), { mode, ...(consent && { consent }) }),
  hand: (room: string, raised: boolean) => api.put(at(room, 'hand'), { raised }),
  react: (room: string, emoji: string) => api.post(at(room, 'reactions'), { emoji }),
  whisper: (room: string, user: string) => api.put(at(room, 'whisper'), { user_id: user }),
  mute: (room: string, user: string) => api.post(at(room, 'mute'), { user_id: user }),
  mode: (room: string, user: string, mode: CallMode) => api.post(at(room, 'mode'), { user_id: user, mode }),
}
export type CallApi = typeof callApi
