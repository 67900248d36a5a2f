// Looks at the floor plan in headless Chromium while people walk about on it:
// node bench/browser/map.mjs '{"url":…}' prints one JSON object. The Go side
// (bench/browser/map.go) fills the floor and moves the people, all of them
// connected; avatars glide as they do for anybody.
import { createRequire } from 'node:module'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const require = createRequire(new URL('../../web/package.json', import.meta.url))
const { chromium } = require('playwright-core')
const given = JSON.parse(process.argv[2])

const home = mkdtempSync(join(tmpdir(), 'muster-bench-chromium-'))
process.once('exit', () => rmSync(home, { recursive: true, force: true, maxRetries: 10 }))
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  headless: true,
  env: { ...process.env, HOME: home },
  args: [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--enable-precise-memory-info', '--js-flags=--expose-gc'],
})
const context = await browser.newContext({ baseURL: given.url, viewport: { width: 1440, height: 900 }, reducedMotion: 'no-preference' })
context.setDefaultTimeout(120_000)
await context.addInitScript((name) => {
  localStorage.setItem('muster.tour.' + name, '{"state":"done","step":0}')
  localStorage.setItem('muster.map.view', '"plan"')
}, given.name)
const answer = await context.request.post('/api/v1/session', { data: { name: given.name, password: given.password }, headers: { Origin: given.url } })
if (!answer.ok()) throw new Error(`sign in: ${answer.status()} ${await answer.text()}`)
const page = await context.newPage()

/** frames looks at what the page draws for some seconds. */
const frames = () =>
  page.evaluate(async (seconds) => {
    const gaps = []
    await new Promise((done) => {
      let last = 0
      let end = 0
      const tick = (now) => {
        if (last) gaps.push(now - last)
        else end = now + seconds * 1000
        last = now
        now < end ? requestAnimationFrame(tick) : done()
      }
      requestAnimationFrame(tick)
    })
    const sum = gaps.reduce((a, b) => a + b, 0)
    gaps.sort((a, b) => a - b)
    return { fps: (gaps.length / sum) * 1000, long: gaps.filter((g) => g > 50).length, worst: gaps.at(-1), p95: gaps[Math.floor(gaps.length * 0.95)] }
  }, given.seconds)

// What this machine draws at the moment when there is nothing to draw but one small thing that turns.
await page.setContent('<style>@keyframes t{to{rotate:1turn}}i{display:block;width:20px;height:20px;background:#888;animation:t 1s linear infinite}</style><i></i>')
const out = { floor: await frames(), rounds: [] }
await page.goto('/')
await page.getByRole('tab', { name: new RegExp('^' + given.floor) }).click()
await page.getByRole('group', { name: given.floor + ', floor plan' }).waitFor()
await page.locator('[data-person]').nth(given.faces - 1).waitFor({ state: 'attached' })
await page.evaluate(() => document.fonts.ready)
await page.waitForTimeout(1500)

out.faces = await page.locator('[data-person]').count()
const cdp = await context.newCDPSession(page)
await cdp.send('Performance.enable', { timeDomain: 'threadTicks' })
const spent = async () => Object.fromEntries((await cdp.send('Performance.getMetrics')).metrics.map((m) => [m.name, m.value]))
for (let round = 0; round < given.rounds; round++) {
  const before = await spent()
  const seen = await frames()
  const after = await spent()
  const ms = (name) => (after[name] - before[name]) * 1000
  out.rounds.push({ ...seen, busy: ms('TaskDuration') / given.seconds / 10, script: ms('ScriptDuration') / given.seconds / 10 })
}
out.heap = await page.evaluate(() => (window.gc?.(), performance.memory ? performance.memory.usedJSHeapSize / 1048576 : 0))
await browser.close()
console.log(JSON.stringify(out))
