// What somebody types while the thing they opened is still being loaded.
let typed = ''

function keep(e: KeyboardEvent) {
  if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return
  if (e.key === 'Backspace') typed = typed.slice(0, -1)
  else if ([...e.key].length === 1) typed += e.key
  else if (e.key !== 'Enter') return
  e.preventDefault()
  e.stopPropagation()
}

/** From now on letters are kept, and do nothing else. */
export function keepTyped() {
  typed = ''
  addEventListener('keydown', keep, true)
}

/** The letters kept; those that follow go their own way again. */
export function takeTyped(): string {
  removeEventListener('keydown', keep, true)
  const all = typed
  typed = ''
  return all
}
