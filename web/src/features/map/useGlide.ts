import { useCallback, useEffect, useRef, useState } from 'react'
import type { Box } from './model'

const TIME = 320
const ease = (t: number) => 1 - (1 - t) ** 3

/** The part of the floor that is looked at; null is all of it. `glide` goes there so that the eye can follow, or at once
 * for who asked for less motion. */
export function useGlide(): { view: Box | null; look: (v: Box | null) => void; glide: (to: Box, full: Box) => void } {
  const [view, setView] = useState<Box | null>(null)
  const at = useRef<Box | null>(null)
  const frame = useRef(0)
  const look = useCallback((v: Box | null) => {
    cancelAnimationFrame(frame.current)
    at.current = v
    setView(v)
  }, [])
  const glide = useCallback(
    (to: Box, full: Box) => {
      if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
        look(to)
        return
      }
      cancelAnimationFrame(frame.current)
      const from = at.current ?? full
      const began = performance.now()
      const step = (now: number) => {
        const k = ease(Math.min(1, Math.max(0, (now - began) / TIME)))
        const mix = (a: number, b: number) => a + (b - a) * k
        at.current = { x: mix(from.x, to.x), y: mix(from.y, to.y), w: mix(from.w, to.w), h: mix(from.h, to.h) }
        setView(at.current)
        if (k < 1) frame.current = requestAnimationFrame(step)
      }
      frame.current = requestAnimationFrame(step)
    },
    [look],
  )
  useEffect(() => () => cancelAnimationFrame(frame.current), [])
  return { view, look, glide }
}
