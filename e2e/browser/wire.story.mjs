// What travels to a browser that comes for the first time, and what becomes of
// words said while nothing travels.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { composer, message, open, say, sidebar, type, until } from './hands.mjs'
import { startMuster } from './muster.mjs'
import { person, sizes, startBrowser } from './people.mjs'

let browser
let muster
before(async () => {
  muster = await startMuster()
  browser = await startBrowser()
})
after(async () => {
  await browser?.close()
  await muster?.stop()
})

const SCRIPT = 160_000
const ROOM = 250_000

test('a room comes within its budget, compressed', async () => {
  const jonas = await person(browser, muster, 'jonas')
  await open(jonas, 'settlement')
  await say(jonas, 'A **bold** word')
  const address = new URL(jonas.page.url()).pathname
  // The same person in a browser that holds nothing but their session.
  const context = await browser.newContext({ baseURL: muster.url, storageState: await jonas.context.storageState(), viewport: sizes.desktop })
  const page = await context.newPage()
  const wire = await context.newCDPSession(page)
  await wire.send('Network.enable')
  const answers = new Map()
  wire.on('Network.responseReceived', ({ requestId, response }) => answers.set(requestId, { path: new URL(response.url).pathname, coding: response.headers['Content-Encoding'] ?? response.headers['content-encoding'] ?? '', bytes: 0 }))
  wire.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => answers.has(requestId) && (answers.get(requestId).bytes = encodedDataLength))
  await page.goto(address)
  await page.getByRole('log').getByText('bold').waitFor()
  await page.waitForLoadState('networkidle')
  const all = [...answers.values()]
  const weigh = (some) => some.reduce((n, a) => n + a.bytes, 0)
  const list = all.sort((a, b) => b.bytes - a.bytes).map((a) => `${a.bytes} ${a.path} ${a.coding}`).join('\n')
  for (const a of all) if (/\.(js|css)$/.test(a.path)) assert.equal(a.coding, 'br', a.path)
  // What the page itself names is there before anything is drawn.
  const first = await (await fetch(muster.url)).text()
  const named = new Set([...first.matchAll(/(?:src|href)="(\/assets\/[^"]+\.js)"/g)].map((m) => m[1]))
  const entry = weigh(all.filter((a) => named.has(a.path)))
  assert.ok(entry > 0 && entry <= SCRIPT, `the entry is ${entry} bytes of script, at most ${SCRIPT} fit\n${list}`)
  assert.ok(weigh(all) <= ROOM, `a cold room is ${weigh(all)} bytes, at most ${ROOM} fit\n${list}`)
  await context.close()
  await jonas.done()
})

test('what is said offline goes out by itself, after a reload too, once and in order', async () => {
  const jonas = await person(browser, muster, 'jonas')
  const amara = await person(browser, muster, 'amara')
  await open(amara, 'settlement')
  await open(jonas, 'settlement')
  await jonas.page.waitForLoadState('networkidle') // what draws the room is there
  await jonas.offline(async () => {
    await type(jonas, 'first into the dark')
    await type(jonas, 'second into the dark')
    await jonas.page.getByRole('article', { name: 'Not sent' }).nth(1).waitFor()
    await sidebar(jonas).getByText('2 not sent').waitFor()
  })
  await until('both arrived at the other', async () => (await message(amara, 'second into the dark').count()) === 1)
  await jonas.page.getByRole('article', { name: 'Not sent' }).first().waitFor({ state: 'detached' })

  // The server refuses connections while the page is loaded anew: the words are still there, and go out.
  await jonas.page.route('**/api/v1/rooms/*/messages', (route) => (route.request().method() === 'POST' ? route.abort() : route.continue()))
  await type(jonas, 'kept over a reload')
  await jonas.page.getByRole('article', { name: 'Not sent' }).getByText('kept over a reload').waitFor()
  await composer(jonas).fill('a draft')
  await jonas.page.unroute('**/api/v1/rooms/*/messages')
  await jonas.page.reload()
  await until('it arrived at the other', async () => (await message(amara, 'kept over a reload').count()) === 1)
  assert.equal(await composer(jonas).inputValue(), 'a draft')
  const order = await message(amara, /into the dark|kept over/).allInnerTexts()
  assert.deepEqual(order.map((t) => /(first|second|kept)/.exec(t)[1]), ['first', 'second', 'kept'])

  // Somebody else signs in here: nothing of it is left to them.
  await composer(jonas).fill('')
  await jonas.page.evaluate(() => {
    localStorage.setItem('muster.outbox.somebody-else.k', JSON.stringify({ key: 'k', room: 'r', text: 'theirs', at: new Date().toISOString(), state: 'sending' }))
    localStorage.setItem('muster.draft.somebody-else.r', '"theirs"')
  })
  await jonas.page.reload()
  await until('it is gone', () => jonas.page.evaluate(() => !Object.keys(localStorage).some((k) => k.includes('somebody-else'))))
  await amara.done()
  await jonas.done()
})
