// What links and pictures of a page mean inside the app.
import { Link } from '@tanstack/react-router'
import { hasPage, INDEX } from '@/lib/guide'
import type { PageOptions } from '@/ui'

const pictures = import.meta.glob<string>('../../../../docs/img/*.png', { query: '?url', import: 'default', eager: true })
const byName = new Map(Object.entries(pictures).map(([path, url]) => [path.slice(path.lastIndexOf('/') + 1), url]))

/** The address in the app of a link as the page writes it; null when it leads out of the guide's files. */
export function guideHref(href: string): string | null {
  if (/^(https?:|mailto:)/i.test(href)) return href
  if (href.startsWith('#')) return href
  const [, page, hash = ''] = /^(?:\.\/)?([\w-]+)\.md(#[\w\p{L}-]*)?$/u.exec(href) ?? []
  if (page && hasPage(page)) return (page === INDEX ? '/guide' : '/guide/' + page) + hash
  return null // a file of the repository, which a reader of the app doesn't have
}

export const pageOptions: PageOptions = {
  href: guideHref,
  image: (src) => byName.get(src.slice(src.lastIndexOf('/') + 1)) ?? null,
  Link: ({ href, className, children }) => {
    const [path = '', hash] = href.split('#')
    return (
      <Link to={path || '.'} hash={hash} className={className}>
        {children}
      </Link>
    )
  },
}
