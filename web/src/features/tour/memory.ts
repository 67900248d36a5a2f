// How far somebody has come in the walk. Apart from its words, which are loaded when it is taken.
import { store, stored } from '@/lib/hooks'

/** How far somebody has come, kept in this browser. */
export type Memory = { state: 'new' | 'left' | 'done'; step: number }
export const recall = (login: string): Memory => stored<Memory>('tour.' + login, { state: 'new', step: 0 })
export const remember = (login: string, m: Memory) => store('tour.' + login, m)
