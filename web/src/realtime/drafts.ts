// What I began to write, by room: kept in this browser until it is said.
import { create } from 'zustand'
import { useSession } from '@/api'
import { store, stored, storedKeys } from '@/lib/hooks'

const me = () => useSession.getState().me?.user.id ?? ''
const slot = (room: string) => `draft.${me()}.${room}`
const useDrafts = create<{ rooms: Record<string, boolean> }>(() => ({ rooms: {} }))

export const draftOf = (room: string): string => stored(slot(room), '') || stored('draft.' + room, '')
/** `before` is what this field kept last: an emptied field lets go of its own words only, not of what another tab has written since. */
export function keepDraft(room: string, text: string, before = '') {
  if (!text && before && stored(slot(room), '') !== before) return
  store(slot(room), text)
  store('draft.' + room, null) // where an earlier version kept it
  const has = !!text.trim()
  if (!!useDrafts.getState().rooms[room] !== has) useDrafts.setState((d) => ({ rooms: { ...d.rooms, [room]: has } }))
}
export const useHasDraft = (room: string): boolean => useDrafts((d) => !!d.rooms[room])

// A message of mine that I am changing, by room: a row that scrolls out of sight, or a room that is left, keeps it.
const edit = (room: string) => `edit.${me()}.${room}`
export const editOf = (room: string): { id: string; text: string } | null => stored(edit(room), null)
export const keepEdit = (room: string, id: string, text: string) => store(edit(room), { id, text })
export const endEdit = (room: string) => store(edit(room), null)

/** Begins with who is signed in: their drafts are known, and those of somebody else gone. */
export function beginDrafts() {
  const mine = `draft.${me()}.`
  for (const key of storedKeys('draft.')) if (key.split('.').length === 3 && !key.startsWith(mine)) store(key, null)
  for (const key of storedKeys('edit.')) if (!key.startsWith(`edit.${me()}.`)) store(key, null)
  useDrafts.setState({ rooms: Object.fromEntries(storedKeys(mine).filter((k) => stored(k, '').trim()).map((k) => [k.slice(mine.length), true])) })
}
