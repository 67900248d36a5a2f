// The user guide as the app knows it: the pages of docs/guide, their order, their headings, and a
// search over all of them. The pages come with the app, so that the guide works without a network.
import { plain, slugs } from './slug'

/** A part of a page: a heading and what stands under it until the next. */
export type Section = { page: string; title: string; id: string; heading: string; depth: number; text: string }
/** A page as the index names it. */
export type Entry = { page: string; title: string; about: string }
export type Chapter = { title: string; entries: Entry[] }

/** Cuts a page into its sections. Lines of code that look like headings are none. */
export function sections(page: string, text: string): Section[] {
  const name = slugs()
  const out: Section[] = []
  let title = page
  let fence = ''
  let current: Section | null = null
  for (const line of text.split('\n')) {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1]
    if (mark) fence = fence ? (mark.startsWith(fence) ? '' : fence) : mark
    const h = fence || mark ? null : /^(#{1,4})\s+(.+?)\s*#*$/.exec(line)
    if (h) {
      const depth = h[1]!.length
      const heading = plain(h[2]!)
      if (depth === 1) title = heading
      current = { page, title, id: depth === 1 ? '' : name(h[2]!), heading, depth, text: '' }
      out.push(current)
    } else if (current && !mark && !/^\s*\|?\s*:?-{3,}/.test(line)) {
      const said = plain(line.replace(/^\s*\|/, '').replace(/\|\s*$/, '').replace(/\s*(?<!\\)\|\s*/g, ' – ')).trim()
      if (said) current.text += (current.text ? ' ' : '') + said
    }
  }
  return out
}

/** The chapters of the index page: its headings, and the pages it links to under each. */
export function chapters(index: string): Chapter[] {
  const out: Chapter[] = []
  for (const line of index.split('\n')) {
    const h = /^##\s+(.+)$/.exec(line)
    if (h) {
      out.push({ title: plain(h[1]!), entries: [] })
      continue
    }
    const row = /^\|\s*\[([^\]]+)\]\(([\w-]+)\.md\)\s*\|\s*(.*?)\s*\|?$/.exec(line)
    if (row) out.at(-1)?.entries.push({ title: row[1]!, page: row[2]!, about: plain(row[3]!) })
  }
  return out.filter((c) => c.entries.length > 0)
}

export type Hit = { section: Section; before: string; match: string; after: string }
/** The sections that hold every word, the most telling first. */
export function search(query: string, all: readonly Section[], limit = 30): Hit[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  if (!words.length) return []
  const hits: { hit: Hit; score: number; at: number }[] = []
  all.forEach((section, at) => {
    const head = section.heading.toLowerCase()
    const title = section.title.toLowerCase()
    const text = section.text.toLowerCase()
    let score = 0
    for (const w of words) {
      const inHead = found(head, w)
      const inText = found(text, w)
      if (!inHead && !inText && !title.includes(w)) return
      score += inHead * 8 + inText * 2 + (title.includes(w) ? 3 : 0)
    }
    // A page's own heading counts only by what stands there: its title is on every section.
    if (!words.some((w) => head.includes(w) || text.includes(w))) return
    if (head === words.join(' ')) score += 20
    // The references name everything; a page that explains it comes first.
    if (section.page.startsWith('reference-')) score /= 4
    hits.push({ hit: { section, ...excerpt(section.text, text, words) }, score: score - section.depth * 0.1, at })
  })
  return hits
    .sort((a, b) => b.score - a.score || a.at - b.at)
    .slice(0, limit)
    .map((h) => h.hit)
}
/** 0: not there, 1: within a word, 2: at the start of a word. */
function found(text: string, word: string): number {
  let best = 0
  for (let i = text.indexOf(word); i >= 0 && best < 2; i = text.indexOf(word, i + 1)) best = i === 0 || !/[\p{L}\p{N}]/u.test(text[i - 1]!) ? 2 : 1
  return best
}
function excerpt(text: string, lower: string, words: string[]) {
  const at = words.map((w) => [lower.indexOf(w), w.length] as const).filter(([i]) => i >= 0).sort((a, b) => a[0] - b[0])[0]
  if (!at) return { before: text.slice(0, 110) + (text.length > 110 ? '…' : ''), match: '', after: '' }
  const [i, n] = at
  const from = i < 50 ? 0 : text.indexOf(' ', i - 46) + 1 || i
  const to = Math.min(text.length, i + 80)
  return { before: (from ? '…' : '') + text.slice(Math.min(from, i), i), match: text.slice(i, i + n), after: text.slice(i + n, to) + (to < text.length ? '…' : '') }
}

// -- the pages themselves

const files = import.meta.glob<string>('../../../docs/guide/*.md', { query: '?raw', import: 'default' })
const name = (path: string) => path.slice(path.lastIndexOf('/') + 1, -'.md'.length)
const loaders = new Map(Object.entries(files).map(([path, load]) => [name(path), load]))

/** The index page. */
export const INDEX = 'README'
export const hasPage = (page: string): boolean => loaders.has(page)
/** The text of a page; null when there is none. */
export const loadPage = async (page: string): Promise<string | null> => (await loaders.get(page)?.()) ?? null

let everything: Promise<Section[]> | null = null
/** Every section of every page the index names, in its order. Loaded once, when somebody searches. */
export function loadSections(): Promise<Section[]> {
  everything ??= (async () => {
    const order = chapters((await loadPage(INDEX)) ?? '').flatMap((c) => c.entries.map((e) => e.page))
    const texts = await Promise.all(order.map(async (page) => sections(page, (await loadPage(page)) ?? '')))
    return texts.flat()
  })()
  everything.catch(() => (everything = null))
  return everything
}
