import { useEffect, useRef, useState } from 'react'
import type { Presence } from '@/api'
import { useOffice } from '@/realtime'

type All = Record<string, Presence>

/** Where everybody is, at most once in `pace` milliseconds (0: in each frame); where I am myself, at once. */
export function usePacedPresence(me: string, pace: number): All {
  const [shown, show] = useState<All>(() => useOffice.getState().presence)
  const mine = useRef<Presence | undefined>(undefined)
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    let frame = 0
    const now = () => {
      clearTimeout(timer)
      cancelAnimationFrame(frame)
      timer = undefined
      frame = 0
      const all = useOffice.getState().presence
      mine.current = all[me]
      show(all)
    }
    now()
    const stop = useOffice.subscribe((s, before) => {
      if (s.presence === before.presence) return
      if (s.presence[me] !== mine.current) now()
      else if (pace > 0) timer ??= setTimeout(now, pace)
      else frame ||= requestAnimationFrame(now)
    })
    return () => {
      stop()
      clearTimeout(timer)
      cancelAnimationFrame(frame)
    }
  }, [me, pace])
  return shown
}
