// What of a call the map shows: who speaks, whose microphone, camera or screen is on, how many are in it. The one place
// where the map reads calls; the rest of it knows bits and counts.
import { useMemo } from 'react'
import type { Call } from '@/api'
import { useOffice } from '@/realtime'

/** Marks of one person, as bits, so that nothing is drawn anew while they stay. */
export const SPEAKING = 1
export const MUTED = 2
export const CAMERA = 4
export const SHARES = 8
export const HAND = 16
export const LISTENS = 32

export type Media = {
  people: ReadonlyMap<string, number>
  /** By room: how many are in its call, and whether it is recorded. */
  rooms: ReadonlyMap<string, { count: number; speaking: number; recording: boolean }>
}
const none: Media = { people: new Map(), rooms: new Map() }

export function mediaOf(calls: Record<string, Call>): Media {
  const list = Object.values(calls)
  if (list.length === 0) return none
  const people = new Map<string, number>()
  const rooms = new Map<string, { count: number; speaking: number; recording: boolean }>()
  for (const c of list) {
    if (c.people.length === 0) continue
    const was = rooms.get(c.room_id)
    rooms.set(c.room_id, { count: (was?.count ?? 0) + c.people.length, speaking: (was?.speaking ?? 0) + c.people.filter((p) => p.speaking).length, recording: c.recording || (was?.recording ?? false) })
    for (const p of c.people) {
      const listens = p.mode === 'gallery'
      const bits = (p.speaking ? SPEAKING : 0) | (!p.mic && !listens ? MUTED : 0) | (p.camera ? CAMERA : 0) | (p.shares > 0 ? SHARES : 0) | (p.hand_at ? HAND : 0) | (listens ? LISTENS : 0)
      // Who listens to a second call is shown as they are at their own table.
      const old = people.get(p.user_id)
      if (old === undefined || !listens) people.set(p.user_id, bits)
    }
  }
  return { people, rooms }
}
export function useMedia(): Media {
  const calls = useOffice((s) => s.calls)
  return useMemo(() => mediaOf(calls), [calls])
}

/** The marks in words, for the list and for screen readers. */
export function marksInWords(bits: number): string[] {
  const out: string[] = []
  if (bits & SPEAKING) out.push('speaking')
  else if (bits & LISTENS) out.push('listening')
  else if (bits & MUTED) out.push('muted')
  if (bits & CAMERA) out.push('camera on')
  if (bits & SHARES) out.push('sharing a screen')
  if (bits & HAND) out.push('hand raised')
  return out
}
