// The addresses of headings.

/** The name a heading has in an address; GitHub writes them the same way. */
export function slug(heading: string): string {
  return plain(heading)
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-')
}
/** Gives each heading of a page a name of its own. */
export function slugs(): (heading: string) => string {
  const taken = new Map<string, number>()
  return (heading) => {
    const name = slug(heading)
    const n = taken.get(name) ?? 0
    taken.set(name, n + 1)
    return n ? `${name}-${n}` : name
  }
}

/** A line of markdown as a reader hears it. */
export const plain = (line: string): string =>
  line
    .replace(/!\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/(\*\*|__|`)/g, '')
    .replace(/\\([|*_`\\[\]#<>])/g, '$1')
