// Which keys belong to the call: M, and Space while it is held. Never where somebody types, and never
// where the key already does something.

export type Target = {
  tag: string
  editable: boolean
  role: string
  /** The focus came by the keyboard and shows. */
  focused: boolean
}
const TYPING = /^(INPUT|TEXTAREA|SELECT)$/
const PRESSED = /^(BUTTON|A|SUMMARY|VIDEO)$/
const WIDGET = /^(button|link|tab|menuitem|menuitemcheckbox|menuitemradio|option|checkbox|switch|radio|slider|combobox|textbox|searchbox)$/

export const typesIn = (t: Target | null): boolean => !!t && (t.editable || TYPING.test(t.tag) || /^(textbox|searchbox|combobox)$/.test(t.role))
/** May Space open the microphone? A button that was only clicked no longer waits for it; one reached by keyboard does. */
export const talksBySpace = (t: Target | null): boolean => !t || (!typesIn(t) && !((PRESSED.test(t.tag) || WIDGET.test(t.role)) && t.focused))

export function targetOf(e: { target: EventTarget | null }): Target | null {
  const el = e.target as HTMLElement | null
  if (!el?.tagName) return null
  return { tag: el.tagName, editable: el.isContentEditable, role: el.getAttribute('role') ?? '', focused: el.matches(':focus-visible') }
}
