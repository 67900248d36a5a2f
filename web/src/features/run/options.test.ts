import { describe, expect, it } from 'vitest'
import type { JobOption } from '@/api/types'
import * as o from './options'

const opt = (over: Partial<JobOption>): JobOption => ({ name: 'x', label: '', description: '', type: 'text', required: false, enforced: false, values: [], regex: '', multivalued: false, delimiter: ',', all_selected: false, secure: false, stored: false, hidden: false, default: '', is_date: false, date_format: '', ...over })

describe('option rules', () => {
  it('asks for what is required, by its label', () => {
    expect(o.problem(opt({ required: true, label: 'Service' }), '')).toBe('Service is required.')
    expect(o.problem(opt({ required: true, name: 'env' }), [])).toBe('env is required.')
    expect(o.problem(opt({}), '')).toBe('')
    expect(o.problem({ ...opt({ required: true, secure: true }), stored: true }, '')).toBe('')
  })
  it('allows only enforced values and names them', () => {
    const env = opt({ name: 'env', enforced: true, values: ['dev', 'prod'] })
    expect(o.problem(env, 'qa')).toContain('dev, prod')
    expect(o.problem(env, 'prod')).toBe('')
    expect(o.problem(opt({ values: ['a'] }), 'anything')).toBe('')
  })
  it('matches the whole value against the pattern', () => {
    const r = opt({ regex: '[a-z]+' })
    expect(o.problem(r, 'abc')).toBe('')
    expect(o.problem(r, 'abc1')).toContain('[a-z]+')
    expect(o.problem(opt({ regex: '(' }), 'x')).toBe('')
    expect(o.problem(opt({ regex: '\\d+', secure: true }), 'secret')).toBe('')
  })
  it('checks each of several values', () => {
    const many = opt({ multivalued: true, enforced: true, values: ['a', 'b'] })
    expect(o.problem(many, ['a', 'b'])).toBe('')
    expect(o.problem(many, ['a', 'z'])).toContain('“z”')
    expect(o.problem(many, 'a, z')).toContain('“z”')
    expect(o.toSend([opt({ multivalued: true })], { x: 'a, b' })).toEqual({ x: ['a', 'b'] })
  })
  it('knows dates by their format', () => {
    const d = opt({ is_date: true, date_format: 'YYYY-MM-DD' })
    expect(o.problem(d, '2026-11-22')).toBe('')
    expect(o.problem(d, '22.11.2026')).toContain('2026-11-22')
    expect(o.looksLikeDate('22/11/2026 14:30', 'DD/MM/YYYY HH:mm')).toBe(true)
  })
  it('keeps values as they are, whatever a shell would make of them', () => {
    const nasty = `a'b "c" $(rm -rf /)\nd`
    expect(o.problem(opt({}), nasty)).toBe('')
    expect(o.toSend([opt({})], { x: nasty })).toEqual({ x: nasty })
  })
})

describe('forms', () => {
  it('chooses one control per option', () => {
    expect(o.control(opt({ secure: true }))).toBe('password')
    expect(o.control(opt({ values: ['a'], enforced: true }))).toBe('select')
    expect(o.control(opt({ values: ['a'] }))).toBe('suggest')
    expect(o.control(opt({ values: ['a'], multivalued: true, enforced: true }))).toBe('choices')
    expect(o.control(opt({ values: ['a'], multivalued: true }))).toBe('many')
    expect(o.control(opt({ hidden: true }))).toBe('none')
  })
  it('starts from defaults, never from a secret', () => {
    expect(o.defaults([opt({ default: 'd' }), opt({ name: 'm', multivalued: true, enforced: true, values: ['a', 'b'], default: 'a, b' }), opt({ name: 's', secure: true, default: 'hush' })])).toEqual({ x: 'd', m: ['a', 'b'], s: '' })
  })
  it('starts with all values where the job takes all', () => {
    const all = opt({ name: 'all', multivalued: true, all_selected: true, values: ['a', 'b'], default: 'a' })
    expect(o.defaults([{ ...all, enforced: true }, { ...all, name: 'free', delimiter: ';' }])).toEqual({ all: ['a', 'b'], free: 'a;b' })
    // What everybody ticked away is empty, not all again.
    expect(o.toSend([{ ...all, enforced: true }], { all: [] })).toEqual({ all: '' })
  })
  it('sends what was emptied, and leaves out what never was', () => {
    expect(o.toSend([opt({ default: 'd' }), opt({ name: 'y' }), opt({ name: 'pw', secure: true, default: 'x' })], { x: '', y: '', pw: '' })).toEqual({ x: '' })
    expect(o.asCommand('j', [opt({ default: 'd' })], { x: '' }, '')).toBe('/run j x=')
  })
  it('shows the same run as a command, without secrets and defaults', () => {
    const options = [opt({ name: 'service' }), opt({ name: 'env', default: 'dev' }), opt({ name: 'pw', secure: true })]
    expect(o.asCommand('ops/restart', options, { service: "o'brien x", env: 'dev', pw: 'hush' }, 'tags: web')).toBe(`/run ops/restart service='o'\\''brien x' 'tags: web'`)
  })
  it('groups jobs', () => {
    expect(o.byGroup([{ group: 'b', name: 'x' }, { group: 'a', name: 'z' }, { group: 'a', name: 'y' }]).map((g) => [g.group, g.jobs.map((j) => j.name)])).toEqual([
      ['a', ['y', 'z']],
      ['b', ['x']],
    ])
  })
})

describe('a run once more', () => {
  const options = [opt({ name: 'env', default: 'dev' }), opt({ name: 'list', multivalued: true, enforced: true, values: ['a', 'b', 'c'], default: 'b' }), opt({ name: 'pw', secure: true })]
  it('begins with what was given, secrets apart', () => {
    expect(o.fromRun(options, { env: 'qa', list: 'a,c', gone: 'x' })).toEqual({ env: 'qa', list: ['a', 'c'], pw: '' })
  })
  it('keeps an option empty that was empty', () => {
    expect(o.fromRun(options, { list: '' })).toEqual({ env: '', list: [], pw: '' })
  })
  it('starts with the nodes of the run, or with none where they are picked by hand', () => {
    const left = (was: string[] | undefined, unselected: boolean) => [...o.leftAtFirst(['a', 'b', 'c'], was, unselected)]
    expect(left(undefined, false)).toEqual([])
    expect(left(undefined, true)).toEqual(['a', 'b', 'c'])
    expect(left(['b'], true)).toEqual(['a', 'c'])
    expect(left([], true)).toEqual([])
  })
  it('names the nodes only when some are left out', () => {
    expect(o.chosenNodes(['a', 'b'], new Set())).toEqual([])
    expect(o.chosenNodes(['a', 'b'], new Set(['b', 'x']))).toEqual(['a'])
  })
})

describe('nodes that an option decides', () => {
  const env = opt({ name: 'env', label: 'Environment', required: true })
  it('are not looked for before it has a value', () => {
    expect(o.neededForNodes('tags: app environment: ${option.env}', [env], { env: '' })).toEqual(['Environment'])
    expect(o.neededForNodes('tags: app environment: ${option.env}', [env], { env: 'qa' })).toEqual([])
    expect(o.neededForNodes('tags: app', [env], { env: '' })).toEqual([])
  })
})
