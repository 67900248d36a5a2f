// A window of its own that stays above other programs, where the browser has such a thing.
import { useCallback, useEffect, useState } from 'react'
import { toast } from '@/ui'

type Pip = { requestWindow: (o: { width: number; height: number }) => Promise<Window> }
const pip = (): Pip | undefined => (window as unknown as { documentPictureInPicture?: Pip }).documentPictureInPicture
export const canPip = (): boolean => !!pip()

export function usePip() {
  const [win, set] = useState<Window | null>(null)
  useEffect(() => () => win?.close(), [win])
  const open = useCallback(async () => {
    try {
      const w = await pip()!.requestWindow({ width: 360, height: 220 })
      // It starts as an empty page: it gets this one's style sheets and theme.
      for (const sheet of document.querySelectorAll('link[rel="stylesheet"], style')) w.document.head.append(sheet.cloneNode(true))
      for (const { name, value } of document.documentElement.attributes) w.document.documentElement.setAttribute(name, value)
      w.document.title = document.title
      w.addEventListener('pagehide', () => set(null))
      set(w)
    } catch {
      toast('This browser shows no small window', { tone: 'info' })
    }
  }, [])
  return { window: win, open: () => void open() }
}
