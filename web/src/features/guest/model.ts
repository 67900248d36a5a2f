// What a guest's page holds, and what it says of how the visit stands. Pure.
import type { Call, CallPerson, GuestView, Message, Visit } from '@/api'

/** Messages with one more, or one of them anew, in the room's order. */
export function withMessage(all: Message[], m: Message): Message[] {
  const old = all.find((x) => x.id === m.id)
  if (old && old.change_seq >= m.change_seq) return all
  return [...all.filter((x) => x.id !== m.id), m].sort((a, b) => a.seq - b.seq)
}
/** A page's messages and their answers, one after the other. */
export const flat = (all: Message[]): Message[] => all.flatMap((m) => [m, ...(m.replies ?? [])]).sort((a, b) => a.seq - b.seq)

/** The view with a call as it was just told; without people it is over. */
export const withCall = (v: GuestView, call: Call): GuestView => ({ ...v, call: call.people.length ? call : undefined })
/** Somebody came into the call or went: who they are is asked anew. */
export function otherPeople(a: Call | null | undefined, b: Call | null | undefined): boolean {
  const ids = (c: Call | null | undefined) => (c?.people ?? []).map((p) => p.user_id).sort().join()
  return ids(a) !== ids(b)
}
/** How somebody takes part in the call: on their picture, and in words. */
export function part(v: GuestView, id: string): { talk: '' | 'listens' | 'muted' | 'open' | 'speaks'; words: string } {
  const p: CallPerson | undefined = v.call?.people.find((x) => x.user_id === id)
  if (!p) return { talk: '', words: '' }
  if (p.mode === 'gallery') return { talk: 'listens', words: 'Listens' }
  if (p.speaking) return { talk: 'speaks', words: 'Speaking' }
  return p.mic ? { talk: 'open', words: 'Microphone on' } : { talk: 'muted', words: 'In the call, muted' }
}
/** Who somebody is and what they do, in one line. */
export const inWords = (who: string, says: string): string => (who && says ? `${who}, ${says.toLowerCase()}` : who || says)

export const over = (v: Visit): boolean => v.state !== 'waiting' && v.state !== 'inside'

/** The title and what to do, once a visit is over. */
export function farewell(v: Visit): [string, string] {
  switch (v.state) {
    case 'declined':
      return ['Not now', v.word ? `You were told: ${v.word}` : 'Somebody inside cannot let you in now.']
    case 'expired':
      return ['Nobody answered', 'They may be busy. Knock again, or tell whoever invited you that you are here.']
    case 'withdrawn':
      return ['You went away from the door', 'Knock again if you still want to come in.']
    default:
      return ['Your visit has ended', v.word || 'The time of your visit is up.']
  }
}
