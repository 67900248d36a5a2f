// What the composer offers while a word is typed. Pure: where the word is, and what picking does.
import type { Completion, User } from '@/api'
import { NAMES } from '@/lib/emoji'
import { rank } from '@/lib/fuzzy'

export type Offer = { key: string; label: string; detail: string; kind: Completion['kind']; userId?: string; glyph?: string; text: string; caret: number }

const MENTION = /(^|[\s(])@([\w.-]*)$/
/** The @word that ends at the caret. */
export function mentionAt(text: string, caret: number): { start: number; word: string } | null {
  const m = MENTION.exec(text.slice(0, caret))
  return m ? { start: caret - m[2]!.length - 1, word: m[2]! } : null
}

export function mentionOffers(text: string, caret: number, users: readonly User[], inRoom: ReadonlySet<string>): Offer[] {
  const at = mentionAt(text, caret)
  if (!at) return []
  const here = users.filter((u) => !u.disabled).sort((a, b) => Number(inRoom.has(b.id)) - Number(inRoom.has(a.id)) || a.display.localeCompare(b.display))
  return rank(at.word, here, (u) => [u.name, u.display, u.title], 8).map((u) => {
    const next = text.slice(0, at.start) + '@' + u.name + ' '
    return {
      key: u.id,
      label: u.display,
      detail: '@' + u.name + (inRoom.has(u.id) ? ', in the room' : ''),
      kind: 'user',
      userId: u.id,
      text: next + text.slice(caret).replace(/^ /, ''),
      caret: next.length,
    }
  })
}

const EMOJI = /(?:^|[\s([{>])(:([a-z0-9_+-]{2,24}))$/
/** Emoji whose name begins with what stands behind a colon; two letters at least, for ":P" and ":)" are written, not chosen. */
export function emojiOffers(text: string, caret: number): Offer[] {
  const before = text.slice(0, caret)
  const m = EMOJI.exec(before)
  if (!m || text.startsWith('/') || (before.match(/`/g)?.length ?? 0) % 2) return []
  const start = caret - m[1]!.length
  return Object.entries(NAMES)
    .filter(([name]) => name.startsWith(m[2]!))
    .slice(0, 8)
    .map(([name, glyph]) => {
      const next = text.slice(0, start) + glyph + ' '
      return { key: name, label: `:${name}:`, detail: '', kind: 'value', glyph, text: next + text.slice(caret).replace(/^ /, ''), caret: next.length }
    })
}

export const commandOffers = (items: readonly Completion[]): Offer[] =>
  items.map((c, i) => ({ key: c.kind + i + c.value, label: c.label, detail: c.detail, kind: c.kind, text: c.value, caret: c.value.length }))

/** Completion is asked for a command whose caret is at its end. */
export const wantsCommand = (text: string, caret: number): boolean => text.startsWith('/') && caret === text.length && !text.includes('\n')
