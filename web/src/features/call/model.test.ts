import { describe, expect, it } from 'vitest'
import { call, caller } from '@/realtime/fixtures'
import { announce, aside, bars, browserOf, centred, emptyView, FIT, hands, hasStage, joinWords, keptWords, micWords, panBy, REACTIONS, recordedWords, retryDelay, seats, seatWords, troubleOf, troubleWords, zoomAt, type Heard, type Line, type Trouble } from './model'

const heard = (o: Partial<Heard> = {}): Heard => ({ mic: false, camera: '', speaking: false, quality: '', ...o })
const line = (o: Partial<Line> = {}): Line => ({ ...emptyView, room: 'r1', mode: 'table', phase: 'on', recording: false, ...o })
const ids = (list: { id: string }[]) => list.map((x) => x.id)
const named = (error: string) => Object.assign(new Error(error), { name: error })

describe('who sits where', () => {
  it('the table before the gallery, by role, then who speaks, then who spoke last, then by name', () => {
    const c = call('c', 'r1', [caller('zoe'), caller('gil', { mode: 'gallery' }), caller('amara'), caller('ben', { speaking: true }), caller('kofi'), caller('sam')])
    const list = seats(c, null, { me: 'zoe', roles: { kofi: 'commander', sam: 'scribe' }, spoke: { zoe: 5 } })
    expect(ids(list)).toEqual(['kofi', 'sam', 'ben', 'zoe', 'amara', 'gil'])
    expect(list.map((s) => s.role)).toEqual(['commander', 'scribe', '', '', '', ''])
  })
  it('what this browser hears is newer than what the office tells', () => {
    const c = call('c', 'r1', [caller('amara', { speaking: true, quality: 'good', shares: 3 })])
    const [a] = seats(c, line({ people: { amara: heard({ mic: true, camera: 'v1' }) }, shares: [{ id: 's', by: 'amara', order: 1 }] }), { me: 'me' })
    expect(a).toMatchObject({ speaking: false, mic: true, camera: 'v1', quality: 'good', shares: 1 })
    // While I am cut off, the office knows better.
    const [b] = seats(c, line({ phase: 'reconnecting', people: { amara: heard({ mic: true }) } }), { me: 'me' })
    expect(b).toMatchObject({ speaking: true, mic: false, shares: 3 })
  })
  it('who is gone is gone, though the engine still believes in them', () => {
    const c = call('c', 'r1', [caller('amara', { mic: true, quality: 'lost' })])
    const [a] = seats(c, line({ people: { amara: heard({ mic: true, speaking: true, quality: 'excellent' }) } }), { me: 'me' })
    expect(a).toMatchObject({ speaking: false, quality: 'lost' })
    expect(seatWords(a!, (id) => id)).toContain('Connection lost')
  })
  it('says why nothing is heard of who whispers to another', () => {
    const list = seats(call('c', 'r1', [caller('amara', { mic: true, whisper_to: 'jonas' }), caller('jonas'), caller('ines', { mode: 'gallery' })]), null, { me: '' })
    expect(aside(list, 'ines', (id) => id)).toBe('amara whispers to jonas; nobody else hears it.')
    expect(aside(list, 'jonas', (id) => id)).toBe('')
    expect(aside(list, 'amara', (id) => id)).toBe('')
  })
  it('my own microphone is said as it opens and closes, and not while a key holds it', () => {
    const at = (mic: 'off' | 'starting' | 'on' | 'muted' | 'denied', held = false) => ({ mic, held })
    expect(micWords(at('off'), at('starting'))).toBe('')
    expect(micWords(at('starting'), at('on'))).toBe('Microphone on')
    expect(micWords(at('on'), at('muted'))).toBe('Muted')
    expect(micWords(at('on'), at('off'))).toBe('Muted')
    expect(micWords(at('on'), at('denied'))).toBe('') // that is told with its remedy
    expect(micWords(at('muted'), at('on', true))).toBe('')
    expect(micWords(at('on', true), at('muted'))).toBe('')
  })
  it('somebody the office has not told of yet is there already', () => {
    expect(ids(seats(undefined, line({ mode: 'gallery', people: { me: heard(), kofi: heard() } }), { me: 'me' }))).toEqual(['kofi', 'me'])
  })
  it('raised hands queue up', () => {
    const c = call('c', 'r1', [caller('a', { hand_at: '2026-11-22T14:00:02Z' }), caller('b'), caller('c', { hand_at: '2026-11-22T14:00:01Z' })])
    expect(ids(hands(seats(c, null, { me: '' })))).toEqual(['c', 'a'])
  })
  it('is said in words', () => {
    const [a] = seats(call('c', 'r1', [caller('kofi', { mic: true, shares: 1, hand_at: 'x', whisper_to: 'amara', quality: 'poor' })]), null, { me: 'kofi', roles: { kofi: 'commander' } })
    expect(seatWords(a!, (id) => id)).toBe('kofi (you), commander, microphone on, shows 1 screen, hand raised, whispers to amara, Poor connection')
  })
  it('the way in says how many talk', () => {
    expect(joinWords(undefined, 'me')).toBe('Start voice')
    expect(joinWords(call('c', 'r1', [caller('me'), caller('x', { mode: 'gallery' })]), 'me')).toBe('Start voice')
    expect(joinWords(call('c', 'r1', [caller('me'), caller('x'), caller('y')]), 'me')).toBe('Join voice · 2 here')
  })
})

describe('what a reader hears', () => {
  const name = (id: string) => id.toUpperCase()
  const told = (before: ReturnType<typeof caller>[], after: ReturnType<typeof caller>[]) => announce(call('c', 'r1', before), call('c', 'r1', after), 'me', name)
  it('who comes, goes, raises a hand and shows something', () => {
    expect(told([caller('a')], [caller('a', { hand_at: 'x', shares: 1 }), caller('b'), caller('g', { mode: 'gallery' })])).toEqual(['A raised a hand', 'A shows a screen', 'B joined the call', 'G listens from the gallery'])
    expect(told([caller('a', { shares: 1 }), caller('b')], [caller('a')])).toEqual(['A stopped showing a screen', 'B left the call'])
  })
  it('whispers are no secret', () => {
    expect(told([caller('a')], [caller('a', { whisper_to: 'me' })])).toEqual(['A whispers to you'])
    expect(told([caller('me')], [caller('me', { whisper_to: 'a' })])).toEqual(['You whisper to A'])
    expect(told([caller('a', { whisper_to: 'b' })], [caller('a')])).toEqual(['A speaks to everybody again'])
  })
  it('moves are told, speaking is not, nor what I do', () => {
    expect(told([caller('a'), caller('me')], [caller('a', { mode: 'gallery' }), caller('me', { mode: 'gallery' })])).toEqual(['A moved to the gallery', 'You moved to the gallery'])
    expect(told([caller('a')], [caller('a', { speaking: true, mic: true }), caller('me', { hand_at: 'x' })])).toEqual([])
    expect(announce(undefined, call('c', 'r1', [caller('a')]), 'me', name)).toEqual([])
    expect(announce(call('c', 'r1', [caller('a')]), call('d', 'r1', [caller('b')]), 'me', name)).toEqual([])
  })
})

describe('the stage', () => {
  const shares = [
    { id: 'old', by: 'a', order: 1 },
    { id: 'new', by: 'b', order: 2 },
  ]
  it('puts the newest share in the middle, unless another was picked', () => {
    expect(centred(shares, '')).toMatchObject({ main: { id: 'new' }, strip: [{ id: 'old' }] })
    expect(centred(shares, 'old')).toMatchObject({ main: { id: 'old' }, strip: [{ id: 'new' }] })
    // What was picked and ended gives way.
    expect(centred(shares, 'gone')).toMatchObject({ main: { id: 'new' } })
    // My own screen I see anyway.
    expect(centred(shares, '', 'b')).toMatchObject({ main: { id: 'old' } })
    expect(centred([shares[1]!], '', 'b')).toMatchObject({ main: { id: 'new' } })
    expect(centred([], '')).toEqual({ main: undefined, strip: [] })
  })
  it('is there while something is shown', () => {
    expect(hasStage(null)).toBe(false)
    expect(hasStage({ people: { a: heard() }, shares: [] })).toBe(false)
    expect(hasStage({ people: { a: heard({ camera: 'v' }) }, shares: [] })).toBe(true)
    expect(hasStage({ people: {}, shares })).toBe(true)
  })
  it('zooms about a point, and never shows what is beyond the edge', () => {
    const frame = { w: 400, h: 200 }
    const z = zoomAt(FIT, 2, { x: 100, y: 0 }, frame)
    expect(z).toEqual({ scale: 2, x: -100, y: 0 })
    expect(panBy(z, -1000, 1000, frame)).toEqual({ scale: 2, x: -200, y: 100 })
    expect(zoomAt(z, 0.01, { x: 0, y: 0 }, frame)).toEqual(FIT)
    expect(zoomAt(FIT, 100, { x: 0, y: 0 }, frame).scale).toBe(6)
  })
})

describe('trouble', () => {
  it('knows what a browser refuses for', () => {
    expect(['NotAllowedError', 'NotFoundError', 'OverconstrainedError', 'NotReadableError', 'InsecureContext', 'TypeError'].map((n) => troubleOf(named(n)))).toEqual(['denied', 'missing', 'missing', 'busy', 'insecure', 'failed'])
    expect(troubleOf(undefined)).toBe('failed')
  })
  it('says what to do, in each browser', () => {
    for (const what of ['microphone', 'camera', 'screen'] as const)
      for (const t of ['denied', 'missing', 'busy', 'insecure', 'failed'] as Trouble[])
        for (const b of ['chrome', 'firefox', 'safari', 'other'] as const) {
          const words = troubleWords(what, t, b)
          expect(words.title.length).toBeGreaterThan(8)
          expect(words.text).toMatch(/\.$/)
        }
    expect(troubleWords('microphone', 'denied', 'firefox').text).toMatch(/address.*listen/)
  })
  it('tells browsers apart', () => {
    expect(browserOf('Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0')).toBe('firefox')
    expect(browserOf('Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36')).toBe('chrome')
    expect(browserOf('Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15')).toBe('safari')
    expect(browserOf('')).toBe('other')
  })
  it('waits longer, but not for ever', () => {
    expect([0, 1, 2, 6, 7, 100].map(retryDelay)).toEqual([0, 250, 500, 4000, 5000, 5000])
  })
  it('draws and names what there is', () => {
    expect((['excellent', 'good', 'poor', 'lost', ''] as const).map(bars)).toEqual([3, 2, 1, 0, 0])
    expect(REACTIONS).toHaveLength(10)
  })
})

describe('recorded', () => {
  it('is said to who comes, who is in, and when it is over', () => {
    const joining = line({ phase: 'connecting' })
    expect(recordedWords(joining, line({ recording: true }))).toBe('You are in a call that is recorded')
    expect(recordedWords(line({}), line({ recording: true }))).toBe('This call is recorded from now on')
    expect(recordedWords(line({ recording: true }), line({}))).toBe('This call is not recorded any more')
    expect(recordedWords(line({ recording: true, phase: 'reconnecting' }), line({ recording: true }))).toBe('')
    expect(recordedWords(line({ recording: true }), line({ room: 'r2', recording: true }))).toBe('You are in a call that is recorded')
    expect(recordedWords(line({ recording: true }), null)).toBe('')
  })
  it('is kept so long', () => {
    expect([0, 1, 90].map(keptWords)).toEqual(['It is kept for good.', 'It is kept for 1 day, then deleted.', 'It is kept for 90 days, then deleted.'])
  })
})
