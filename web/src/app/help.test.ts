import { expect, it } from 'vitest'
import { loadSections } from '@/lib/guide'
import { helpFor, helpPages } from './help'

it('knows a page for each screen', () => {
  expect(helpFor('/admin/services').page).toBe('on-call')
  expect(helpFor('/admin/people').page).toBe('people-and-roles')
  expect(helpFor('/rooms/1').page).toBe('commands')
  expect(helpFor('/').page).toBe('first-incident')
})

it('leads to pages and headings that exist', async () => {
  const all = await loadSections()
  for (const to of helpPages()) {
    const [page, id = ''] = to.split('#')
    expect(all.some((s) => s.page === page && s.id === id), to).toBe(true)
  }
})
