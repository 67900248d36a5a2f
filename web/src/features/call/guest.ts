// A guest's part in a call: the same session as a member's, that knows one room and asks by the guest's
// own way. It has no office to look into: what it knows is the view of the visit, told anew at each change.
import { create } from 'zustand'
import type { GuestPerson, GuestView } from '@/api'
import type { GuestCallApi } from '@/ui'
import { createSession, type Deps } from './session'

const notForGuests = () => Promise.reject(new Error('Guests cannot do that in a call.'))

/** Somebody's name as it stands in sentences. */
export const named = (p: GuestPerson | undefined): string => (p ? p.display + (p.kind === 'guest' ? ' (guest)' : '') : 'Somebody')

export function createGuest(first: GuestView, api: GuestCallApi, d: Pick<Deps, 'connect' | 'devices' | 'choice' | 'remember' | 'agent' | 'now' | 'later' | 'talks'>) {
  const seen = create<GuestView>(() => first)
  const now = seen.getState
  const inside = () => now().visit.state === 'inside'
  const nameOf = (id: string) => named(now().people.find((p) => p.id === id))
  const session = createSession({
    ...d,
    api: {
      join: (_, mode, consent) => api.join(mode, consent),
      mode: (_, user, mode) => (user === now().visit.id ? api.mode(mode) : notForGuests()),
      hand: (_, raised) => api.hand(raised),
      react: notForGuests,
      whisper: notForGuests,
      mute: notForGuests,
    },
    me: () => now().visit.id,
    myRoom: () => (inside() ? now().visit.room_id : null),
    mayRead: (room) => inside() && now().visit.room_id === room,
    roomName: () => now().room,
    nameOf,
    records: () => now().records,
    media: () => now().media.state,
  })
  return {
    session,
    seen,
    /** The visit as it stands now. */
    tell(view: GuestView) {
      const was = now()
      if (was === view) return
      seen.setState(view, true)
      if (view.media.state !== was.media.state) session.media(view.media.state)
      if (view.call && view.call !== was.call) session.call(view.call)
      if (view.records && !was.records) session.recorded()
    },
    end() {
      session.stop()
      session.forget()
    },
  }
}
export type Guest = ReturnType<typeof createGuest>
