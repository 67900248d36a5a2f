import { rank, score } from './fuzzy'
import { fuzz } from './fuzz'
import { ago, clock, dateTime, day, length, local, ms, running, sameDay, utc } from './time'

const NAMES = ['payments', '/', 'queue', '-', 'drain', ' ', 'é', 'İ', 'ß', '振込', '#', '@', '.', 'a', 'PAY', '\ud800', '\n']

fuzz('rank', (r) => {
  const items = Array.from({ length: r.below(6) }, () => r.text(NAMES, 5))
  const query = r.below(3) ? r.text(NAMES, 3) : r.pick([...items, ''])
  const got = rank(query, items, (x) => [x, x + ' again'], 4)
  if (got.length > 4 || got.some((x) => !items.includes(x)) || new Set(got).size > items.length) throw new Error(`${JSON.stringify(query)} in ${JSON.stringify(items)} gives ${JSON.stringify(got)}`)
  for (const x of items) {
    const s = score(query, x)
    if (!Number.isFinite(s)) throw new Error(`${JSON.stringify(query)} in ${JSON.stringify(x)} scores ${s}`)
    // What was typed as it is written is always found.
    const typed = query.toLowerCase().trim()
    if (items.length <= 4 && x.length < 100 && typed && x.toLowerCase().includes(typed) && !got.includes(x)) throw new Error(`${JSON.stringify(query)} does not find ${JSON.stringify(x)}`)
  }
})

const TIMES = ['2026-11-22T14:32:07Z', '2026-03-29T01:59:59.999Z', '0001-01-01T00:00:00Z', '9999-12-31T23:59:59Z', '-000001-01-01T00:00:00Z', '275760-09-13T00:00:00.001Z', '2026-02-30', 'now', '', '1e99', 'T', '2026', '+', '-', ':', '1']

fuzz('time', (r) => {
  const at = r.pick([r.text(TIMES, 2), r.pick(TIMES), (r.below(2 ** 32) - 2 ** 31) * r.pick([1, 1000, 1e6, 1e12]), null, undefined, new Date(NaN)])
  const now = r.pick([0, Date.parse(TIMES[0]!), r.below(2 ** 32) * 1000])
  const shown = [clock(at), clock(at, true), dateTime(at, now), day(at, now), utc(at), local(at), ago(at, now)]
  for (const s of shown) if (/NaN|undefined|Invalid|null/.test(s)) throw new Error(`${String(at)} is shown as ${s}`)
  if (ms(at) === null && (shown.join('') !== '' || sameDay(at, at))) throw new Error(`${String(at)} is no time and shown as ${shown.join()}`)
  const span = (r.below(2 ** 32) - 2 ** 20) * r.pick([1, 1000])
  for (const s of [running(span), length(span)]) if (/NaN|undefined/.test(s)) throw new Error(`${span} ms are shown as ${s}`)
})
