// F6 walks the parts of the screen, in the order the eye does; Shift+F6 walks back. A part is what bears
// data-region, or is found by what it is. Each keeps the place one left it at.
import { firstFocusable } from './focus'

/** In walking order; the screen as a whole only where it has no parts. */
const PARTS: [name: string, selector: string][] = [
  ['dialog', '[role=dialog][data-state=open], [role=alertdialog][data-state=open]'],
  ['top', '[data-region=top]'],
  ['bar', '[data-region=bar]'],
  ['requests', '[data-region=requests]'],
  ['messages', '[data-region=messages]'],
  ['places', '[data-region=places]'],
  ['header', '#main header'],
  ['voice', '#main [data-voice]'],
  ['talk', '#main [role=log]'],
  ['composer', '#main [data-composer]'],
  ['panel', '#main [data-region=panel]'],
  ['screen', '#main'],
]
const INSIDE = new Set(['header', 'voice', 'talk', 'composer', 'panel'])
const left = new WeakMap<Element, HTMLElement>()

type Part = { name: string; el: HTMLElement }
const modal = () => document.querySelector('[role=dialog][data-state=open][data-modal], [role=alertdialog][data-state=open]')

/** The parts that can be walked to now. */
export function regions(): Part[] {
  const found: Part[] = []
  for (const [name, selector] of PARTS)
    for (const el of document.querySelectorAll<HTMLElement>(selector)) {
      if (found.some((f) => f.name === name) && name !== 'requests') continue
      if (firstFocusable(el)) found.push({ name, el })
    }
  const open = modal()
  // Behind an open dialog nothing can be used but what stands above it.
  if (open) return found.filter((f) => f.el === open || f.el.closest('[data-over-modal]'))
  const parts = found.filter((f) => f.name !== 'dialog')
  // A screen without a talk is one part: its header is where it begins.
  return parts.some((f) => f.name === 'talk' || f.name === 'composer') ? parts.filter((f) => f.name !== 'screen') : parts.filter((f) => !INSIDE.has(f.name) || f.name === 'panel')
}

/** Goes to the next part, or the one before; says whether there was one. */
export function walk(back = false): boolean {
  const parts = regions()
  if (!parts.length) return false
  const here = document.activeElement
  // The innermost counts: the panel is within the screen.
  const at = parts.reduce((best, p, i) => (p.el.contains(here) && (best < 0 || parts[best]!.el.contains(p.el)) ? i : best), -1)
  if (at >= 0 && here instanceof HTMLElement) left.set(parts[at]!.el, here)
  const next = parts[(at + (back ? -1 : 1) + parts.length + (at < 0 && back ? 1 : 0)) % parts.length]!
  enter(next)
  return true
}
function enter({ name, el }: Part) {
  const before = left.get(el)
  const usable = before && before.isConnected && el.contains(before) && !before.matches(':disabled')
  const to = usable
    ? before
    : name === 'talk'
      ? (el.querySelector<HTMLElement>('[data-message][tabindex="0"]') ?? firstFocusable(el))
      : name === 'composer'
        ? (el.querySelector<HTMLElement>('textarea') ?? firstFocusable(el))
        : name === 'screen' || name === 'panel'
          ? (el.querySelector<HTMLElement>('h1, h2') ?? firstFocusable(el))
          : firstFocusable(el)
  if (!to) return
  if (/^H[1-6]$/.test(to.tagName)) to.tabIndex = -1
  to.focus()
}
