import { useRef } from 'react'
import { useWindow } from '@/lib/hooks'
import { singleKeys } from '@/lib/keys'
import { useAround } from './around'
import { targetOf, talksBySpace, typesIn } from './keys'

/** M mutes and unmutes; Space speaks while it is held. */
export function useKeys() {
  const { session } = useAround()
  const down = useRef(false)
  const release = () => {
    if (!down.current) return
    down.current = false
    void session.hold(false)
  }
  useWindow('keydown', (e) => {
    const { main } = session.use.getState()
    if (!main || !singleKeys() || e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return
    const t = targetOf(e)
    if (e.key === ' ' && !e.shiftKey) {
      if (down.current) return e.preventDefault()
      if (e.repeat || !talksBySpace(t)) return
      e.preventDefault()
      down.current = true
      void session.hold(true)
    } else if (e.key.toLowerCase() === 'm' && !e.repeat && !typesIn(t)) {
      e.preventDefault()
      void session.toggleMic()
    }
  })
  useWindow('keyup', (e) => {
    if (e.key !== ' ' || !down.current) return
    e.preventDefault() // a button that was clicked before is not pressed again
    release()
  })
  useWindow('blur', release)
}
