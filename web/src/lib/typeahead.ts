// What somebody types while the thing they opened is still being loaded.
let typed = ''
let owner = ''

function keep(e: KeyboardEvent) {
  if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return
  const t = e.target instanceof Element ? e.target : null
  const toRoom = owner !== PALETTE
  if (toRoom) {
    // Who moves on by key is not writing; a field that is open meanwhile keeps its own letters.
    if (e.key === 'Tab' || e.key === 'Escape' || t?.closest(`[data-composer="${CSS.escape(owner)}"]`)) return stopKeeping()
    if (t?.closest('input, textarea, select, [contenteditable=true], [role=dialog], [role=menu]') && !t.closest('[data-composer]')) return
  }
  if (e.key === 'Backspace') typed = typed.slice(0, -1)
  else if ([...e.key].length === 1) typed += e.key
  else if (e.key !== 'Enter') return
  else if (toRoom) typed += '\n'
  e.preventDefault()
  e.stopPropagation()
}
// Who points at something else is not writing either. What was typed still waits for its owner.
const pointed = () => owner !== PALETTE && stopKeeping()

function stopKeeping() {
  removeEventListener('keydown', keep, true)
  removeEventListener('pointerdown', pointed, true)
}

export const PALETTE = 'palette'

/** From now on letters are kept for the palette, or for a room's composer by the room's ID, and do nothing else. */
export function keepTyped(forWhom: string) {
  if (forWhom === owner) return
  typed = ''
  owner = forWhom
  addEventListener('keydown', keep, true)
  addEventListener('pointerdown', pointed, true)
}

/** The letters kept, if they were for this one; those that follow go their own way again. */
export function takeTyped(forWhom: string): string {
  if (forWhom !== owner) return ''
  stopKeeping()
  const all = typed
  typed = ''
  owner = ''
  return all
}
