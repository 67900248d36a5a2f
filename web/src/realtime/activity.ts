// When something was last done on this device: what active and away are told by. Only that, never what.
let last: number | null = null
const noted = () => {
  last = Date.now()
}
const EVENTS = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'] as const

/** Notes the use of this device until it is stopped. Opening the page is a use; a tab in the background is none. */
export function watchActivity(): () => void {
  noted()
  const shown = () => {
    if (!document.hidden) noted()
  }
  for (const e of EVENTS) window.addEventListener(e, noted, { passive: true, capture: true })
  document.addEventListener('visibilitychange', shown)
  return () => {
    for (const e of EVENTS) window.removeEventListener(e, noted, { capture: true })
    document.removeEventListener('visibilitychange', shown)
    last = null
  }
}
/** Seconds since then; null while nobody watches. */
export const idleSeconds = (now = Date.now()): number | null => (last === null ? null : Math.max(0, Math.round((now - last) / 1000)))
