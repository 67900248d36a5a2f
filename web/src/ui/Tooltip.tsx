// A word about what the pointer or the focus is on. Drawn by ourselves: it stands behind every time
// and every icon, so it has to cost nothing until it is shown.
import { cloneElement, useCallback, useEffect, useId, useLayoutEffect, useRef, useState, type FocusEvent, type PointerEvent, type ReactElement, type ReactNode } from 'react'
import { createPortal } from 'react-dom'
import { Kbd } from './Kbd'
import s from './Tooltip.module.css'

type Side = 'top' | 'bottom' | 'left' | 'right'
type Handlers = {
  onPointerEnter?: (e: PointerEvent) => void
  onPointerLeave?: (e: PointerEvent) => void
  onPointerDown?: (e: PointerEvent) => void
  onFocus?: (e: FocusEvent) => void
  onBlur?: (e: FocusEvent) => void
  'aria-describedby'?: string
  'aria-label'?: string
}
const DELAY = 350
/** Moving on from one tooltip to the next shows the next at once. */
let lastClosed = 0

/** Shows text on hover and focus. It explains; what must be read stands on the screen. */
export function Tooltip({ text, side = 'top', shortcut, children }: { text: ReactNode; side?: Side; shortcut?: string; children: ReactElement }) {
  const [anchor, setAnchor] = useState<HTMLElement | null>(null)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const id = useId()
  const show = useCallback((el: HTMLElement, delay: number) => {
    clearTimeout(timer.current)
    // What it opens covers it: then the word has done its work.
    timer.current = setTimeout(() => el.dataset.state !== 'open' && setAnchor(el), delay)
  }, [])
  const hide = useCallback(() => {
    clearTimeout(timer.current)
    setAnchor((a) => {
      if (a) lastClosed = Date.now()
      return null
    })
  }, [])
  useEffect(() => () => clearTimeout(timer.current), [])
  if (!text) return children
  const own = children.props as Handlers
  const child = cloneElement(children as ReactElement<Handlers>, {
    onPointerEnter: (e) => {
      own.onPointerEnter?.(e)
      if (e.pointerType !== 'touch') show(e.currentTarget as HTMLElement, Date.now() - lastClosed < 200 ? 0 : DELAY)
    },
    onPointerLeave: (e) => {
      own.onPointerLeave?.(e)
      hide()
    },
    onPointerDown: (e) => {
      own.onPointerDown?.(e)
      hide()
    },
    onFocus: (e) => {
      own.onFocus?.(e)
      const el = e.currentTarget as HTMLElement
      if (el.matches(':focus-visible')) show(el, 0)
    },
    onBlur: (e) => {
      own.onBlur?.(e)
      hide()
    },
    'aria-describedby': anchor && own['aria-label'] !== text ? id : own['aria-describedby'],
  })
  return (
    <>
      {child}
      {anchor && createPortal(<Tip anchor={anchor} id={id} side={side} text={text} shortcut={shortcut} onGone={hide} />, document.getElementById('overlays') ?? document.body)}
    </>
  )
}

const GAP = 6
function Tip({ anchor, id, side, text, shortcut, onGone }: { anchor: HTMLElement; id: string; side: Side; text: ReactNode; shortcut?: string; onGone: () => void }) {
  const box = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => {
    const el = box.current
    if (!el) return
    const a = anchor.getBoundingClientRect()
    const b = el.getBoundingClientRect()
    let at = side
    if (at === 'top' && a.top - b.height - GAP < 4) at = 'bottom'
    else if (at === 'bottom' && a.bottom + b.height + GAP > innerHeight - 4) at = 'top'
    else if (at === 'right' && a.right + b.width + GAP > innerWidth - 4) at = 'left'
    else if (at === 'left' && a.left - b.width - GAP < 4) at = 'right'
    const across = at === 'top' || at === 'bottom'
    const x = across ? a.left + a.width / 2 - b.width / 2 : at === 'left' ? a.left - b.width - GAP : a.right + GAP
    const y = across ? (at === 'top' ? a.top - b.height - GAP : a.bottom + GAP) : a.top + a.height / 2 - b.height / 2
    el.style.left = Math.max(4, Math.min(x, innerWidth - b.width - 4)) + 'px'
    el.style.top = Math.max(4, Math.min(y, innerHeight - b.height - 4)) + 'px'
  }, [anchor, side, text])
  useEffect(() => {
    // Esc closes it; and what it belongs to may scroll away or vanish.
    const key = (e: KeyboardEvent) => e.key === 'Escape' && onGone()
    addEventListener('keydown', key)
    addEventListener('scroll', onGone, true)
    const gone = setInterval(() => !anchor.isConnected && onGone(), 300)
    return () => {
      removeEventListener('keydown', key)
      removeEventListener('scroll', onGone, true)
      clearInterval(gone)
    }
  }, [anchor, onGone])
  return (
    <div ref={box} id={id} role="tooltip" className={s.tip}>
      {text}
      {shortcut && <Kbd>{shortcut}</Kbd>}
    </div>
  )
}
