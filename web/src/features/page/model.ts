// What I am called to and did not answer yet, as the bar under the top bar tells it.
import type { OpenPage } from '@/api/types'

/** "SEV-1 INC-2041 Payments are not acknowledged", as it is read out and shown on the desktop. */
export const pageTitle = (p: OpenPage): string => [p.drill && 'DRILL', p.severity > 0 && `SEV-${p.severity}`, p.ticket, p.title].filter(Boolean).join(' ').replace(/^DRILL (?=.*\bDRILL\b)/, '')

/** Without the words that the chips beside it say already. */
export const pageText = (p: OpenPage): string => p.title.replace(/^DRILL /, '')

/** Red while a page is among them; amber where only approvals wait. */
export const barTone = (pages: readonly OpenPage[]): 'red' | 'amber' => (pages.some((p) => p.kind === 'page') ? 'red' : 'amber')

/** What is new beside what was told already: each is said, and shown on the desktop, once. */
export function news(told: ReadonlySet<string>, pages: readonly OpenPage[]): { fresh: OpenPage[]; over: string[] } {
  const now = new Set(pages.map((p) => p.id))
  return { fresh: pages.filter((p) => !told.has(p.id)), over: [...told].filter((id) => !now.has(id)) }
}

/** "2 more", "1 more and 2 approvals" behind the first. */
export function more(pages: readonly OpenPage[]): string {
  const rest = pages.slice(1)
  const pagesLeft = rest.filter((p) => p.kind === 'page').length
  const approvals = rest.length - pagesLeft
  const words = [pagesLeft > 0 && `${pagesLeft} more`, approvals > 0 && `${approvals} ${approvals === 1 ? 'approval' : 'approvals'}`].filter(Boolean)
  return words.join(' and ')
}
