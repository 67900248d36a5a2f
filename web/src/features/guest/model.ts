// What a guest's page holds, and what it says of how the visit stands. Pure.
import type { Message, Visit } from '@/api'

/** Messages with one more, or one of them anew, in the room's order. */
export function withMessage(all: Message[], m: Message): Message[] {
  const old = all.find((x) => x.id === m.id)
  if (old && old.change_seq >= m.change_seq) return all
  return [...all.filter((x) => x.id !== m.id), m].sort((a, b) => a.seq - b.seq)
}
/** A page's messages and their answers, one after the other. */
export const flat = (all: Message[]): Message[] => all.flatMap((m) => [m, ...(m.replies ?? [])]).sort((a, b) => a.seq - b.seq)

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
