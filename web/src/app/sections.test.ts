import { expect, it } from 'vitest'
import type { Room } from '@/api/types'
import { MANY, sections, toggled } from './sections'

const room = (id: string, over: Partial<Room> = {}): Room => ({ id, name: id, topic: '', floor: '', unread: 0, mentions: 0, ...over }) as Room
const calm = { favourites: [], folded: [], filter: '', current: '', talking: new Set<string>() }
const shape = (parts: ReturnType<typeof sections>) => parts.map((p) => `${p.title}: ${p.rooms.map((r) => r.id).join(' ')}${p.hidden ? ` +${p.hidden}` : ''}`)
const floors = [
  { id: 'f1', name: 'Ground' },
  { id: 'f2', name: 'First' },
]

it('a few rooms are one list, favourites before it', () => {
  const rooms = ['a', 'b', 'c'].map((x) => room(x))
  expect(shape(sections(rooms, floors, calm))).toEqual(['Rooms: a b c'])
  expect(shape(sections(rooms, floors, { ...calm, favourites: ['c', 'gone'] }))).toEqual(['Favourites: c', 'Rooms: a b'])
  expect(shape(sections([], floors, calm))).toEqual(['Rooms: '])
})
it('two hundred stand by floor, fold, and keep in sight what is new', () => {
  const many = Array.from({ length: 200 }, (_, i) => room('r' + i, { floor: i < 120 ? 'f1' : i < 199 ? 'f2' : 'elsewhere' }))
  many[3] = room('r3', { floor: 'f1', unread: 2 })
  many[5] = room('r5', { floor: 'f1', mentions: 1 })
  const parts = sections(many, floors, { ...calm, favourites: ['r150'], folded: ['f1'], current: 'r9', talking: new Set(['r7']) })
  expect(parts.map((p) => [p.title, p.rooms.length, p.hidden])).toEqual([
    ['Favourites', 1, 0],
    ['Ground', 4, 116],
    ['First', 78, 0],
    ['Other rooms', 1, 0],
  ])
  expect(parts[1]!.rooms.map((r) => r.id)).toEqual(['r3', 'r5', 'r7', 'r9'])
  expect(many.length).toBeGreaterThan(MANY)
})
it('a few letters find one on whatever floor, folded or not', () => {
  const many = Array.from({ length: 40 }, (_, i) => room(`payments ${i}`, { floor: 'f1', topic: i === 4 ? 'pacs.008 queue' : '' }))
  expect(shape(sections(many, floors, { ...calm, folded: ['f1'], filter: 'pay pacs' }))).toEqual(['1 found: payments 4'])
  expect(toggled(toggled(['a'], 'b'), 'a')).toEqual(['b'])
})
