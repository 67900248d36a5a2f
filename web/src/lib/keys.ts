// Keys that act by themselves, without Ctrl or Alt: M, Space, / and ?. Whoever speaks to their machine
// says words, and each letter of them would be such a key: so they can be switched off.
import { create } from 'zustand'
import { store, stored } from './hooks'

const KEY = 'keys.single'
const useKeys = create<{ on: boolean }>(() => ({ on: stored(KEY, true) }))

/** Whether single keys act in this browser. */
export const singleKeys = (): boolean => useKeys.getState().on
export const useSingleKeys = (): boolean => useKeys((k) => k.on)
export function setSingleKeys(on: boolean) {
  store(KEY, on)
  useKeys.setState({ on })
}
