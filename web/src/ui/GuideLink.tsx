import { BookOpen } from 'lucide-react'
import type { MouseEvent, ReactNode } from 'react'
import { go } from '@/lib/go'
import s from './GuideLink.module.css'

/** Leads to a page of the built-in guide: "jobs-and-approvals" or "access-policy#why-was-i-refused". */
export const GuideLink = ({ to, children }: { to: string; children: ReactNode }) => {
  const href = '/guide/' + to
  const follow = (e: MouseEvent) => {
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return
    e.preventDefault()
    go(href)
  }
  return (
    <a href={href} className={s.link} onClick={follow}>
      <BookOpen size={12} aria-hidden="true" />
      {children}
    </a>
  )
}
/** Where a refusal is explained. */
export const WhyDenied = () => <GuideLink to="access-policy#why-was-i-refused">Why, and who can allow it</GuideLink>
