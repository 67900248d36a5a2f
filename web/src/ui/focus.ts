// Where the keyboard is, and where it goes when what it stood on is no longer there. A dialog closes, a
// pressed button turns into something else, a screen makes way for another: each time a browser drops
// the focus on the page as a whole, from where Tab begins anew and letters become shortcuts. It is
// watched here, once, instead of in each place that may vanish.
//
//   what vanished left something in its place        → that
//   it stood in a dialog, menu or pop-up that closed → back to where the keyboard was before
//   it was a message that scrolled away              → the talk
//   another screen came                              → its heading, unless the screen took the focus
//   a caller knows better (focusNext)                → what the caller named, as soon as it is there

/** Which children led to an element, from the nearest parent upwards. */
type Place = { el: HTMLElement; up: { parent: HTMLElement; at: number }[] }

const FOCUSABLE =
  'a[href], button:not(:disabled), input:not(:disabled):not([type=hidden]), select:not(:disabled), textarea:not(:disabled), summary, [tabindex]:not([tabindex="-1"])'
/** What comes and goes as a whole. */
const PASSING = '[role=dialog], [role=alertdialog], [role=menu], [data-passing]'
const LANDMARK = 'article, section, aside, main, header, footer, nav, [role=region], [role=group]'
/** How far back it is remembered. */
const KEPT = 16
/** How long what was named may take to come. */
const PATIENCE = 5000
/** How long the first choice is waited for before another one will do. */
const FIRST = 400

const visible = (el: HTMLElement) => el.checkVisibility?.({ visibilityProperty: true }) ?? true
const usable = (el: HTMLElement) => el.isConnected && !el.matches(':disabled') && !el.closest('[inert]') && visible(el)
/** The first thing in an element, itself included, that takes the focus. */
export function firstFocusable(el: Element): HTMLElement | null {
  if (el instanceof HTMLElement && el.matches(FOCUSABLE) && usable(el)) return el
  for (const x of el.querySelectorAll<HTMLElement>(FOCUSABLE)) if (usable(x)) return x
  return null
}
const modal = () => [...document.querySelectorAll<HTMLElement>('[role=dialog][data-state=open], [role=alertdialog][data-state=open], [aria-modal=true]')].at(-1) ?? null
const allowed = (el: HTMLElement) => {
  const open = modal()
  return !open || open.contains(el) || !!el.closest('[data-over-modal]')
}

function placeOf(el: HTMLElement): Place {
  const up: Place['up'] = []
  for (let child: Element = el, parent = el.parentElement; parent && parent !== document.body; child = parent, parent = parent.parentElement)
    up.push({ parent, at: Array.prototype.indexOf.call(parent.children, child) })
  return { el, up }
}
/** Focus for what takes none by Tab: a heading, a card. */
function stand(el: HTMLElement) {
  if (!el.matches(FOCUSABLE) && !el.hasAttribute('tabindex')) el.tabIndex = -1
  move(el)
}
let moved: HTMLElement | null = null
function move(el: HTMLElement) {
  moved = el
  el.focus({ preventScroll: true })
}

/** What stands where this stood; nothing, where the whole of what held it is gone. */
export function insteadOf(p: Place): HTMLElement | null {
  for (const { parent, at } of p.up) {
    if (!parent.isConnected) continue
    const log = parent.closest<HTMLElement>('[role=log]')
    if (log && !parent.closest('[data-message]')) return log
    const children = [...parent.children]
    for (const child of [...children.slice(at), ...children.slice(0, at).reverse()]) {
      const found = firstFocusable(child)
      if (found) return found
    }
    if (parent.matches(PASSING)) return null
    if (parent.matches(LANDMARK)) return parent.querySelector<HTMLElement>('h1, h2, h3') ?? parent
  }
  return null
}

let last: Place | null = null
const before: Place[] = []
let awaited: { wanted: string[]; from: HTMLElement | null; since: number } | null = null
/** Another screen comes: its heading is to be read. */
let arriving = 0

function note(el: Element | null) {
  if (!(el instanceof HTMLElement) || el === document.body) return
  const i = before.findIndex((p) => p.el === el)
  if (i >= 0) before.splice(i, 1)
  last = placeOf(el)
  before.push(last)
  if (before.length > KEPT) before.shift()
}

/** What is to have the focus next, best first, though it may take a moment to come; whoever moves on meanwhile is left alone. */
export function focusNext(...wanted: string[]) {
  const now = document.activeElement
  awaited = { wanted, from: now instanceof HTMLElement && now !== document.body ? now : null, since: Date.now() }
  for (const ms of [FIRST, PATIENCE]) setTimeout(look, ms + 10)
  queueMicrotask(look)
}
/** Another screen comes: when it is there, its heading takes the focus, unless something on it did. */
export function screenComes() {
  arriving = Date.now() + PATIENCE
  setTimeout(look, PATIENCE + 10)
}
export function screenCame() {
  if (arriving) look()
}

const nowhere = () => {
  const el = document.activeElement
  return !el || el === document.body || el === document.documentElement
}

/** Brings the focus to where it belongs, if it is nowhere. */
function look() {
  if (awaited) {
    const waited = Date.now() - awaited.since
    const el = awaited.wanted
      .slice(0, waited < FIRST ? 1 : undefined)
      .flatMap((w) => [...document.querySelectorAll<HTMLElement>(w)])
      .find((x) => usable(x) && allowed(x))
    const here = document.activeElement
    if (el) {
      // What was pressed may still turn into something.
      if (here === awaited.from && waited < FIRST) return
      const idle = nowhere() || here === awaited.from || here === moved
      awaited = null
      if (idle) move(el)
      return
    }
    if (waited < PATIENCE) return
    awaited = null
  }
  // The heading that was read is drawn anew, with its screen: it is the same place.
  if (!arriving && nowhere() && last && !last.el.isConnected && last.el.tagName === 'H1') arriving = Date.now() + PATIENCE
  if (arriving && toHeading()) return
  if (!nowhere() || !last || usable(last.el)) return
  for (let i = before.length - 1; i >= 0; i--) {
    const p = before[i]!
    const to = usable(p.el) ? p.el : insteadOf(p)
    if (!to || !allowed(to)) continue
    before.length = i + 1
    return stand(to)
  }
  last = null
}

/** True while there is more to wait for, or the heading took it. */
function toHeading(): boolean {
  const main = document.getElementById('main')
  const here = document.activeElement
  if (modal() || (here instanceof HTMLElement && here !== main && main?.contains(here))) {
    arriving = 0
    return false
  }
  const h1 = main?.querySelector<HTMLElement>('h1:not([data-loading])')
  if (h1) {
    arriving = 0
    stand(h1)
    return true
  }
  if (Date.now() < arriving) return true
  arriving = 0
  if (main && nowhere()) move(main)
  return true
}

/** Watches for as long as the app runs; gives the end of it. */
export function watchFocus(): () => void {
  const focused = (e: FocusEvent) => {
    note(e.target as Element)
    if (e.target !== moved) {
      moved = null
      if (awaited && e.target !== awaited.from) awaited = null
    }
  }
  // Who clicks on nothing has put the keyboard down on purpose.
  const pressed = () =>
    setTimeout(() => {
      if (nowhere()) last = null
      else note(document.activeElement)
    })
  // A dialog holds the focus in itself; what may be answered above it is not its business.
  const above = (e: FocusEvent) => {
    const to = e.type === 'focusin' ? e.target : e.relatedTarget
    if (to instanceof Element && to.closest('[data-over-modal]')) e.stopPropagation()
  }
  const eye = new MutationObserver(look)
  document.addEventListener('focusin', focused, true)
  document.addEventListener('mousedown', pressed, true)
  document.body.addEventListener('focusin', above)
  document.body.addEventListener('focusout', above)
  eye.observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ['disabled', 'inert', 'hidden'] })
  return () => {
    document.removeEventListener('focusin', focused, true)
    document.removeEventListener('mousedown', pressed, true)
    document.body.removeEventListener('focusin', above)
    document.body.removeEventListener('focusout', above)
    eye.disconnect()
    last = awaited = moved = null
    before.length = arriving = 0
  }
}
