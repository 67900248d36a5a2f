// Light or dark: the person's choice is kept in this browser, else the system's preference holds.
import { create } from 'zustand'
import { store, stored } from './hooks'

export type Theme = 'light' | 'dark'
const preferred = (): Theme => (matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark')
const apply = (t: Theme) => {
  document.documentElement.dataset.theme = t
}
export const useTheme = create<{ theme: Theme; toggle: () => void }>((set, get) => ({
  theme: 'dark',
  toggle: () => {
    const theme = get().theme === 'dark' ? 'light' : 'dark'
    store('theme', theme)
    apply(theme)
    set({ theme })
  },
}))
/** Called once before the first paint. */
export function startTheme() {
  const chosen = stored<Theme | null>('theme', null)
  const theme = chosen ?? preferred()
  apply(theme)
  useTheme.setState({ theme })
  matchMedia('(prefers-color-scheme: light)').addEventListener('change', () => {
    if (stored<Theme | null>('theme', null)) return
    apply(preferred())
    useTheme.setState({ theme: preferred() })
  })
}
