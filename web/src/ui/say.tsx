// The one place where the app speaks to who reads with their ears. A screen says what came of
// something with `say`; nothing else needs a live region of its own for that.
import { create } from 'zustand'

type Said = { id: number; text: string; key: string }
type Level = 'polite' | 'assertive'
const useSaid = create<Record<Level, Said[]>>(() => ({ polite: [], assertive: [] }))
let next = 1

/** How long words stand: a reader takes a new node up at once, and who wanders through the page should not find them again. */
const STANDS = 4000

export type SayOptions = {
  /** Interrupts what is being read: for what went wrong, and for what cannot wait. */
  urgent?: boolean
  /** What it is about, such as "microphone": the newest word on it takes the place of an older one. */
  key?: string
}
/** Has a sentence read out, once: words that still stand are not said again, whichever screen says them. Each is a node of its own, so that a burst replaces nothing. */
export function say(text: string, { urgent = false, key = '' }: SayOptions = {}) {
  const words = text.trim()
  const level: Level = urgent ? 'assertive' : 'polite'
  const standing = useSaid.getState()[level]
  if (!words || standing.some((x) => x.text === words && x.key === key)) return
  const said: Said = { id: next++, text: words, key }
  useSaid.setState({ [level]: [...(key ? standing.filter((x) => x.key !== key) : standing), said] })
  setTimeout(() => useSaid.setState((s) => ({ [level]: s[level].filter((x) => x.id !== said.id) })), STANDS)
}

/** Stands once, in the app's root. */
export const Sayer = () => {
  const said = useSaid()
  return (
    <div className="sr">
      {(['polite', 'assertive'] as const).map((level) => (
        <div key={level} aria-live={level} aria-relevant="additions" data-say={level}>
          {said[level].map((x) => (
            <p key={x.id}>{x.text}</p>
          ))}
        </div>
      ))}
    </div>
  )
}
