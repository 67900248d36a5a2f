// Rooms that are kept at the top of the sidebar, in this browser.
import { create } from 'zustand'
import { store, stored } from './hooks'

const KEY = 'rooms.favourite'
const useList = create<{ ids: string[] }>(() => ({ ids: stored<string[]>(KEY, []) }))
export const useFavourites = (): string[] => useList((l) => l.ids)
export function toggleFavourite(id: string) {
  const ids = useList.getState().ids
  const next = ids.includes(id) ? ids.filter((x) => x !== id) : [...ids, id]
  store(KEY, next.length ? next : null)
  useList.setState({ ids: next })
}
