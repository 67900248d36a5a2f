import { describe, expect, it } from 'vitest'
import { chapters, INDEX, loadPage, loadSections, search, sections } from './guide'
import { slug, slugs } from './slug'

describe('the guide', () => {
  it('names headings as GitHub does', () => {
    expect(slug('Why was I refused?')).toBe('why-was-i-refused')
    expect(slug('`GET /api/v1/me` – who I am')).toBe('get-apiv1me--who-i-am')
    const name = slugs()
    expect([name('Run'), name('Run'), name('Run')]).toEqual(['run', 'run-1', 'run-2'])
  })
  it('cuts a page into sections and takes code for no heading', () => {
    const all = sections('x', '# The page\n\nIntro **bold** [link](y.md).\n\n## One\n\n```sh\n# not a heading\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n### Two')
    expect(all.map((s) => [s.depth, s.id, s.heading])).toEqual([
      [1, '', 'The page'],
      [2, 'one', 'One'],
      [3, 'two', 'Two'],
    ])
    expect(all[0]!.text).toBe('Intro bold link.')
    expect(all[1]!.text).toContain('# not a heading')
    expect(all[1]!.text).toContain('1 – 2')
    expect(all[2]!.title).toBe('The page')
  })
  it('reads chapters and pages from the index', () => {
    expect(chapters('# G\n\n## Begin\n\n| Page | For |\n|---|---|\n| [A b](a-b.md) | **all** |\n\n## Other\n\ntext [c](c.md)')).toEqual([{ title: 'Begin', entries: [{ title: 'A b', page: 'a-b', about: 'all' }] }])
  })
  it('finds sections that hold every word, headings first', () => {
    const all = sections('a', '# Alpha\n\nnothing\n\n## Escalation\n\nthe next person is paged\n\n## Other\n\nescalation of a page; a person is told').concat(sections('reference-x', '# X\n\n## Escalation\n\nperson'))
    expect(search('escalation person', all).map((h) => h.section.page + ' ' + h.section.heading)).toEqual(['a Escalation', 'a Other', 'reference-x Escalation'])
    expect(search('paged', all)[0]).toMatchObject({ before: 'the next person is ', match: 'paged', after: '' })
    expect(search('zebra', all)).toEqual([])
    expect(search('  ', all)).toEqual([])
  })
  it('bundles every page the index names, titled as the index says', async () => {
    const index = await loadPage(INDEX)
    const entries = chapters(index ?? '').flatMap((c) => c.entries)
    expect(entries.length).toBeGreaterThan(9)
    for (const e of entries) {
      const text = await loadPage(e.page)
      expect(text, `${e.page}.md is in the index but not in docs/guide`).not.toBeNull()
      expect(sections(e.page, text!)[0]?.heading).toBe(e.title)
    }
    expect((await loadSections()).some((s) => s.id === 'why-was-i-refused')).toBe(true)
  })
})
