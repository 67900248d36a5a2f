import { describe, expect, it } from 'vitest'
import { loadSections } from '@/lib/guide'
import { checklist, steps, type Facts } from './model'

const room = { id: 'r1', name: 'payments-ops' }
const auditor = { abilities: { read_ledger: true }, roles: ['auditor'] }
const operator = { abilities: { declare: true, run: true }, roles: ['operator'] }
const admin = { abilities: Object.fromEntries(['rooms', 'users', 'services', 'alert_sources', 'projects'].map((x) => ['manage_' + x, true])), roles: ['administrator'] }
const nothing: Facts = { people: 1, rooms: 0, sources: 0, covered: 0, caught: false, nodes: 0, jobs: 0, runs: 0 }

describe('the walk', () => {
  it('goes where one may go', () => {
    const at = (who: typeof auditor | typeof operator, id: string) => steps(who, room).find((s) => s.id === id)!
    expect(at(auditor, 'ledger').to).toBe('/ledger')
    expect(at(operator, 'ledger').to).toBe('/incidents')
    expect(at(auditor, 'composer').title).toBe('Reading along')
    expect(at(operator, 'job').title).toBe('Run a job')
    expect(steps(operator, room)).toHaveLength(8)
  })
  it('works in an office without a room', () => {
    for (const s of steps(operator, null)) expect(s.to).not.toContain('/rooms/')
  })
  it('leads to pages of the guide that exist', async () => {
    const all = await loadSections()
    const links = [...steps(auditor, room), ...steps(operator, null), ...checklist(nothing, admin)].map((s) => s.guide)
    for (const to of links) {
      const [page, id = ''] = to.split('#')
      expect(all.some((s) => s.page === page && s.id === id), to).toBe(true)
    }
  })
})

describe('what an office needs', () => {
  it('is read from the office', () => {
    expect(checklist(nothing, admin).filter((i) => i.done)).toEqual([])
    expect(checklist({ people: 2, rooms: 1, sources: 1, covered: 1, caught: true, nodes: 3, jobs: 1, runs: 1 }, admin).every((i) => i.done)).toBe(true)
  })
  it('shows only what one may do', () => {
    expect(checklist(nothing, { abilities: { manage_services: true }, roles: [] }).map((i) => i.id)).toEqual(['service', 'catch-all'])
  })
})
