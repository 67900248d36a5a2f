// What I began to write, by room: kept in this browser until it is said.
import { create } from 'zustand'
import { useSession } from '@/api'
import { store, stored, storedKeys } from '@/lib/hooks'

const me = () => useSession.getState().me?.user.id ?? ''
const slot = (room: string) => `draft.${me()}.${room}`
const useDrafts = create<{ rooms: Record<string, boolean> }>(() => ({ rooms: {} }))

export const draftOf = (room: string): string => stored(slot(room), '') || stored('draft.' + room, '')
export function keepDraft(room: string, text: string) {
  store(slot(room), text)
  store('draft.' + room, null) // where an earlier version kept it
  const has = !!text.trim()
  if (!!useDrafts.getState().rooms[room] !== has) useDrafts.setState((d) => ({ rooms: { ...d.rooms, [room]: has } }))
}
export const useHasDraft = (room: string): boolean => useDrafts((d) => !!d.rooms[room])

/** Begins with who is signed in: their drafts are known, and those of somebody else gone. */
export function beginDrafts() {
  const mine = `draft.${me()}.`
  for (const key of storedKeys('draft.')) if (key.split('.').length === 3 && !key.startsWith(mine)) store(key, null)
  useDrafts.setState({ rooms: Object.fromEntries(storedKeys(mine).filter((k) => stored(k, '').trim()).map((k) => [k.slice(mine.length), true])) })
}
