// How the sidebar orders the rooms: favourites, then the rest; many of them by floor, each part foldable,
// and all of them by a few letters. No DOM.
import type { Room } from '@/api/types'

/** From so many rooms on they stand by floor, with a field to find one. */
export const MANY = 13
export type Part = { id: string; title: string; rooms: Room[]; folded: boolean; /** not shown while folded */ hidden: number }

/** What is shown of a folded part: where I am, what is new to me, and where people talk. */
const stays = (r: Room, o: { current: string; talking: ReadonlySet<string> }) => r.id === o.current || r.mentions > 0 || r.unread > 0 || o.talking.has(r.id)

export function sections(
  rooms: readonly Room[],
  floors: readonly { id: string; name: string }[],
  o: { favourites: readonly string[]; folded: readonly string[]; filter: string; current: string; talking: ReadonlySet<string> },
): Part[] {
  const words = o.filter.trim().toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length) {
    const found = rooms.filter((r) => words.every((w) => `${r.name} ${r.topic}`.toLowerCase().includes(w)))
    return [{ id: 'found', title: `${found.length} found`, rooms: found, folded: false, hidden: 0 }]
  }
  const liked = new Set(o.favourites)
  const part = (id: string, title: string, all: Room[]): Part => {
    const folded = o.folded.includes(id)
    const shown = folded ? all.filter((r) => stays(r, o)) : all
    return { id, title, rooms: shown, folded, hidden: all.length - shown.length }
  }
  const first = rooms.filter((r) => liked.has(r.id))
  const rest = rooms.filter((r) => !liked.has(r.id))
  const out = first.length ? [part('favourites', 'Favourites', first)] : []
  if (rooms.length < MANY || floors.length < 2) return rest.length || !first.length ? [...out, part('rooms', 'Rooms', [...rest])] : out
  for (const f of floors) {
    const here = rest.filter((r) => r.floor === f.id)
    if (here.length) out.push(part(f.id, f.name, here))
  }
  const other = rest.filter((r) => !floors.some((f) => f.id === r.floor))
  if (other.length) out.push(part('other', 'Other rooms', other))
  return out
}
export const toggled = (list: readonly string[], id: string): string[] => (list.includes(id) ? list.filter((x) => x !== id) : [...list, id])
