// Ranks names against what was typed: every typed letter must occur in order. Starts of words and
// unbroken stretches count more, so "pq" finds payments/queue-drain before opaque.

export function score(query: string, text: string): number {
  const q = query.toLowerCase().trim()
  const t = text.toLowerCase()
  if (!q) return 1
  const at = t.indexOf(q)
  if (at === 0) return 1000 - t.length * 0.1
  if (at > 0) return (boundary(t, at) ? 800 : 500) - at - t.length * 0.1
  let total = 0
  let from = 0
  let streak = 0
  for (const ch of q) {
    if (ch === ' ') {
      streak = 0
      continue
    }
    let i = t.indexOf(ch, from)
    if (i < 0) return 0
    // Prefer a letter at the start of a word, if there is one ahead and we're not in a stretch.
    if (i !== from || !streak) {
      for (let j = i; j >= 0; j = t.indexOf(ch, j + 1)) {
        if (boundary(t, j)) {
          i = j
          break
        }
      }
      // Jumping must not make the rest unreachable: that is checked by the caller's retry below.
    }
    streak = i === from && from > 0 ? streak + 1 : 0
    total += boundary(t, i) ? 12 : 2 + streak * 4
    from = i + 1
  }
  return total - t.length * 0.05
}

const boundary = (t: string, i: number) => i === 0 || /[\s/_.\-#@]/.test(t[i - 1]!)

/** The best matches first; ties keep their order. `texts` gives what to match, most telling first. */
export function rank<T>(query: string, items: readonly T[], texts: (item: T) => string[], limit = 50): T[] {
  if (!query.trim()) return items.slice(0, limit)
  return items
    .map((item, i) => ({
      item,
      i,
      s: Math.max(0, ...texts(item).map((t, k) => (t ? matches(query, t) * (1 - k * 0.15) : 0))),
    }))
    .filter((x) => x.s > 0)
    .sort((a, b) => b.s - a.s || a.i - b.i)
    .slice(0, limit)
    .map((x) => x.item)
}

/** From so many letters on, somebody writes a name and not its initials. */
const NAMED = 6
/** Whether each word typed is one stretch of the text, or made of starts of its words. */
function reads(query: string, t: string): boolean {
  let from = 0
  for (const word of query.split(/\s+/)) {
    const at = t.indexOf(word, from)
    from = at >= 0 ? at + word.length : byStarts(t, word, from)
    if (from < 0) return false
  }
  return true
}
/** Where a word of starts ends in the text, or -1. */
function byStarts(t: string, word: string, from: number): number {
  const dead = new Set<number>()
  const go = (k: number, at: number): number => {
    if (k === word.length) return at
    const state = k * (t.length + 1) + at
    if (dead.has(state)) return -1
    for (let j = t.indexOf(word[k]!, at); j >= 0; j = t.indexOf(word[k]!, j + 1)) {
      const end = boundary(t, j) || (k > 0 && j === at) ? go(k + 1, j + 1) : -1
      if (end >= 0) return end
    }
    dead.add(state)
    return -1
  }
  return go(0, from)
}

/** The score; when the greedy walk over word starts ran past a letter, plain order decides. */
function matches(query: string, text: string): number {
  const t = text.toLowerCase()
  const q = query.toLowerCase().trim()
  if (q.replace(/\s+/g, '').length >= NAMED && !reads(q, t)) return 0
  const s = score(query, text)
  if (s > 0) return s
  let from = 0
  for (const ch of query.toLowerCase().replace(/\s+/g, '')) {
    from = t.indexOf(ch, from) + 1
    if (from === 0) return 0
  }
  return 1
}
