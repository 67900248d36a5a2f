// Measures the web app in headless Chromium: node bench/browser/measure.mjs '{"url":…}'
// prints one JSON object. The Go side (bench/browser) fills the server and says
// what to look at; floor is a server of static pages with the same rows.
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
  args: [
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--enable-precise-memory-info', '--js-flags=--expose-gc',
  ],
})

const newContext = async () => {
  const context = await browser.newContext({ baseURL: given.url, viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce' })
  context.setDefaultTimeout(120_000)
  await context.addInitScript(() => {
    window.__lcp = 0
    try {
      new PerformanceObserver((list) => {
        for (const e of list.getEntries()) window.__lcp = e.startTime
      }).observe({ type: 'largest-contentful-paint', buffered: true })
    } catch {}
  })
  return context
}

/** paints waits until a page stands and says when it was first and mostly painted. */
async function paints(page, path, ready) {
  await page.goto(path)
  await ready(page)
  const shown = await page.evaluate(() => performance.now())
  await page.waitForTimeout(300) // later candidates for the largest paint
  const p = await page.evaluate(() => ({ fcp: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0, lcp: window.__lcp }))
  return { ...p, shown }
}

/** scroll moves a box by hand for some seconds and looks at the frames. */
async function scroll(page, selector, { step, seconds, upwards }) {
  return page.evaluate(
    async ({ selector, step, seconds, upwards }) => {
      const el = selector === 'document' ? document.scrollingElement : document.querySelector(selector)
      const gaps = []
      let last = performance.now()
      const end = last + seconds * 1000
      let moved = 0
      await new Promise((done) => {
        const tick = (now) => {
          gaps.push(now - last)
          last = now
          const before = el.scrollTop
          el.scrollTop += upwards ? -step : step
          moved += Math.abs(el.scrollTop - before)
          now < end ? requestAnimationFrame(tick) : done()
        }
        requestAnimationFrame((now) => {
          last = now
          requestAnimationFrame(tick)
        })
      })
      const sum = gaps.reduce((a, b) => a + b, 0)
      return { fps: (gaps.length / sum) * 1000, long: gaps.filter((g) => g > 50).length, worst: Math.max(...gaps), moved }
    },
    { selector, step, seconds, upwards },
  )
}

const heap = (page) => page.evaluate(() => (window.gc?.(), performance.memory ? performance.memory.usedJSHeapSize / 1048576 : 0))
const out = { login: [], room: [], roomWarm: [], floorPage: [], scroll: [], floorScroll: [], log: [] }

/** box finds the element that scrolls around some content, and names it. */
const box = (page, inside) =>
  page.evaluate((inside) => {
    let el = document.querySelector(inside)
    while (el && !(el.scrollHeight > el.clientHeight + 50 && /auto|scroll/.test(getComputedStyle(el).overflowY))) el = el.parentElement
    if (!el) throw new Error(`nothing scrolls around ${inside}`)
    el.dataset.bench = 'box'
    return '[data-bench=box]'
  }, inside)

async function signedIn() {
  const context = await newContext()
  const answer = await context.request.post('/api/v1/session', { data: { name: given.name, password: given.password }, headers: { Origin: given.url } })
  if (!answer.ok()) throw new Error(`sign in: ${answer.status()} ${await answer.text()}`)
  return context
}

for (let round = 0; round < given.rounds; round++) {
  // The login, in a browser that was never here.
  let context = await newContext()
  let page = await context.newPage()
  out.login.push(await paints(page, '/', (p) => p.getByLabel(/^password/i).waitFor()))
  await context.close()
  // The floor: the same number of rows in one static page.
  context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  page = await context.newPage()
  out.floorPage.push(await paints(page, given.floor + '/file/few.html', (p) => p.locator('text=the end').waitFor()))
  await page.goto(given.floor + '/file/rows.html')
  await page.locator('text=the end').waitFor()
  out.floorScroll.push(await scroll(page, 'document', { step: given.step, seconds: given.seconds }))
  await context.close()
  // A room, cold and warm.
  context = await signedIn()
  page = await context.newPage()
  const inRoom = (p) => p.getByText(given.newest).first().waitFor()
  out.room.push(await paints(page, `/rooms/${given.room}`, inRoom))
  out.roomWarm.push(await paints(page, `/rooms/${given.room}`, inRoom))
  // Back through its messages: pages are fetched as they come near. Rows first
  // gathered, then scrolled over.
  const rows = await box(page, '[role=log]')
  const gathered = await page.evaluate(
    async ({ rows, want }) => {
      const el = document.querySelector(rows)
      const until = performance.now() + 60_000
      let same = 0
      while (performance.now() < until && same < 40) {
        const before = el.scrollHeight
        el.scrollTop = 0
        el.dispatchEvent(new WheelEvent('wheel', { deltaY: -100, bubbles: true }))
        await new Promise((r) => setTimeout(r, 25))
        same = el.scrollHeight === before ? same + 1 : 0
        if (el.scrollHeight > want) break
      }
      return { height: el.scrollHeight, whole: same >= 40 }
    },
    { rows, want: Number.MAX_SAFE_INTEGER },
  )
  out.scroll.push({ ...(await scroll(page, rows, { step: given.step, seconds: given.seconds })), ...gathered, heap: await heap(page) })
  await context.close()
  // The log.
  context = await signedIn()
  page = await context.newPage()
  const began = Date.now()
  await page.goto(`/runs/${given.run}`)
  await page.locator('[role=log]').filter({ hasText: given.aLine }).first().waitFor()
  const first = Date.now() - began
  const lines = await box(page, '[role=log]')
  const jump = await page.evaluate(
    async ({ lines, last }) => {
      const el = document.querySelector(lines)
      const at = performance.now()
      el.dispatchEvent(new WheelEvent('wheel', { deltaY: 100, bubbles: true }))
      el.scrollTop = el.scrollHeight
      while (!el.textContent.includes(last)) {
        if (performance.now() - at > 20_000) throw new Error('the end of the log did not come: ' + el.textContent.slice(-200))
        await new Promise((r) => requestAnimationFrame(r))
      }
      return performance.now() - at
    },
    { lines, last: given.lastLine },
  )
  await page.evaluate((lines) => (document.querySelector(lines).scrollTop = 100_000), lines)
  const moved = await scroll(page, lines, { step: given.step, seconds: given.seconds })
  out.log.push({ first, jump, ...moved, heap: await heap(page) })
  await context.close()
}
await browser.close()
console.log(JSON.stringify(out))
