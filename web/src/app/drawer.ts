import { create } from 'zustand'

/** The sidebar as a drawer, at phone width. */
export const useDrawer = create<{ open: boolean }>(() => ({ open: false }))
