import { describe, expect, it } from 'vitest'
import type { Message, MessagePage } from '@/api/types'
import { message, pick, random } from './fixtures'
import {
  applyBefore,
  applyChanges,
  applyPage,
  applyPosted,
  applyRoom,
  emptyRoom,
  hasGap,
  type RoomState,
} from './roomModel'

/** A room as the database holds it: every version takes the next number. */
class Truth {
  seq = 0
  roots: Message[] = []
  log: { seq: number; message: Message }[] = []
  constructor(private next: () => number) {}
  private tell(m: Message) {
    this.log.push({ seq: this.seq, message: structuredClone(m) })
  }
  private all = () => this.roots.flatMap((m) => [m, ...(m.replies ?? [])])
  step() {
    const seq = ++this.seq
    const what = this.roots.length ? Math.floor(this.next() * 6) : 0
    if (what <= 2) {
      const m = message(seq, { replies: [] })
      this.roots.push(m)
      this.tell({ ...m, replies: undefined })
    } else if (what === 3) {
      const root = pick(this.next, this.roots)
      const m = message(seq, { thread: root.id })
      root.replies!.push(m)
      this.tell(m)
    } else {
      const m = pick(this.next, this.all())
      m.change_seq = seq
      if (what === 4) {
        m.text = 'edited at ' + seq
        m.edited_at = m.created_at
      } else m.reactions = [{ emoji: '👍', users: ['u' + seq] }]
      this.tell({ ...m, replies: undefined })
    }
  }
  page(limit = 1e9): MessagePage {
    const items = this.roots.slice(-limit)
    return { items: structuredClone(items), has_before: items.length < this.roots.length, has_after: false, seq: this.seq }
  }
  changes(after: number, limit = 1e9): MessagePage {
    const all = this.all().filter((m) => m.change_seq > after).sort((a, b) => a.change_seq - b.change_seq)
    const items = all.slice(0, limit).map((m) => ({ ...structuredClone(m), replies: undefined }))
    return { items, has_before: false, has_after: items.length < all.length, seq: this.seq }
  }
}
const event = (e: { seq: number; message: Message }) => ({ type: 'message' as const, ...e })
const shape = (s: RoomState) => ({ seq: s.seq, messages: s.messages })

describe('a room', () => {
  it('events applied to a page give the next page', () => {
    for (let seed = 1; seed <= 80; seed++) {
      const t = new Truth(random(seed))
      for (let i = 0; i < 10; i++) t.step()
      let s = applyPage(emptyRoom, t.page())
      const from = t.log.length
      for (let i = 0; i < 30; i++) t.step()
      for (const e of t.log.slice(from)) s = applyRoom(s, event(e))
      expect(shape(s)).toEqual(shape(applyPage(emptyRoom, t.page())))
    }
  })

  it('loses nothing and doubles nothing, whatever is lost, doubled or late on the way', () => {
    for (let seed = 1; seed <= 150; seed++) {
      const next = random(seed * 7919)
      const t = new Truth(next)
      for (let i = 0; i < 8; i++) t.step()
      let s = applyPage(emptyRoom, t.page())
      for (let i = 0; i < 40; i++) {
        t.step()
        const e = t.log.at(-1)!
        const luck = next()
        if (luck < 0.25) continue // lost
        s = applyRoom(s, event(e))
        if (luck > 0.85) s = applyRoom(s, event(e)) // twice
        if (luck > 0.7) s = applyRoom(s, event(t.log[Math.floor(next() * t.log.length)]!)) // an old one again
        if (hasGap(s) && next() < 0.6) s = applyChanges(s, t.changes(s.seq, 3))
      }
      // A reconnect: what changed after our number is fetched until nothing is missing.
      for (let i = 0; i < 100 && (i === 0 || s.seq < t.seq); i++) s = applyChanges(s, t.changes(s.seq, 4))
      expect(hasGap(s)).toBe(false)
      expect(shape(s)).toEqual(shape(applyPage(emptyRoom, t.page())))
    }
  })

  it('sets events after a gap aside until it is closed', () => {
    let s = applyPage(emptyRoom, { items: [message(1)], has_before: false, has_after: false, seq: 1 })
    s = applyRoom(s, { type: 'message', seq: 3, message: message(3) })
    expect(hasGap(s)).toBe(true)
    expect(s.messages.map((m) => m.seq)).toEqual([1])
    s = applyRoom(s, { type: 'message', seq: 2, message: message(2) })
    expect(hasGap(s)).toBe(false)
    expect(s.messages.map((m) => m.seq)).toEqual([1, 2, 3])
    expect(s.seq).toBe(3)
  })

  it('history goes before, and what changed in it meanwhile is kept', () => {
    const t = new Truth(random(5))
    for (let i = 0; i < 40; i++) t.step()
    const s = applyPage(emptyRoom, t.page(5))
    expect(s.hasBefore).toBe(true)
    const older = { items: structuredClone(t.roots.slice(0, -5)), has_before: false, has_after: true, seq: t.seq }
    expect(shape(applyBefore(s, older))).toEqual(shape(applyPage(emptyRoom, t.page())))
  })

  it('an edit of a message above what is loaded does not tear a hole', () => {
    const s = applyPage(emptyRoom, { items: [message(8), message(9)], has_before: true, has_after: false, seq: 9 })
    const next = applyRoom(s, { type: 'message', seq: 10, message: message(2, { change_seq: 10, text: 'changed' }) })
    expect(next.messages.map((m) => m.seq)).toEqual([8, 9])
    expect(next.seq).toBe(10)
  })

  it('a window of the past does not take new messages in, but takes changes', () => {
    const s = applyPage(emptyRoom, { items: [message(3), message(4)], has_before: true, has_after: true, seq: 90 })
    let next = applyRoom(s, { type: 'message', seq: 91, message: message(91) })
    expect(next.messages.map((m) => m.seq)).toEqual([3, 4])
    next = applyRoom(next, { type: 'message', seq: 92, message: message(4, { change_seq: 92, text: 'changed' }) })
    expect(next.messages[1]!.text).toBe('changed')
  })

  it('a post stands once: by its answer, by its event, in either order', () => {
    const mine = message(2, { key: 'k', text: 'hello' })
    const start = applyPage(emptyRoom, { items: [message(1)], has_before: false, has_after: false, seq: 1 })
    const a = applyRoom(applyPosted(start, mine), { type: 'message', seq: 2, message: mine })
    const b = applyPosted(applyRoom(start, { type: 'message', seq: 2, message: mine }), mine)
    for (const s of [a, b]) {
      expect(s.messages.map((m) => m.seq)).toEqual([1, 2])
      expect(s.seq).toBe(2)
    }
  })

  it("an answer ahead of others' messages does not hide that they are missing", () => {
    const start = applyPage(emptyRoom, { items: [message(1)], has_before: false, has_after: false, seq: 1 })
    let s = applyPosted(start, message(3, { key: 'k' }))
    expect(s.seq).toBe(1)
    s = applyRoom(s, { type: 'message', seq: 2, message: message(2) })
    s = applyRoom(s, { type: 'message', seq: 3, message: message(3, { key: 'k' }) })
    expect(s.messages.map((m) => m.seq)).toEqual([1, 2, 3])
    expect(s.seq).toBe(3)
  })

  it('what I may do with a message outlives versions that do not say it', () => {
    const start = applyPage(emptyRoom, { items: [message(1, { abilities: { edit: true } })], has_before: false, has_after: false, seq: 1 })
    const s = applyRoom(start, { type: 'message', seq: 2, message: message(1, { change_seq: 2, text: 'changed', abilities: undefined }) })
    expect(s.messages[0]).toMatchObject({ text: 'changed', abilities: { edit: true } })
  })
})
