// A page wakes: it stands on every screen until it is answered, sounds again
// and again in one tab, outlives a reload, and ends everywhere at once.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { heading, screen, until } from './hands.mjs'
import { cli, startMuster } from './muster.mjs'
import { person, startBrowser } from './people.mjs'

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

const bar = (page) => page.getByRole('region', { name: 'What calls you' })

/** listening notes each tone and each desktop notification of the pages to come. */
const listening = (p) =>
  p.context.addInitScript(() => {
    window.tones = 0
    window.desktop = []
    class Param {
      setValueAtTime() {}
      linearRampToValueAtTime() {}
    }
    class Node extends EventTarget {
      frequency = new Param()
      gain = new Param()
      connect(to) {
        return to
      }
      start() {
        window.tones++
      }
      stop() {
        setTimeout(() => this.dispatchEvent(new Event('ended')))
      }
    }
    window.AudioContext = class {
      state = 'running'
      currentTime = 0
      destination = {}
      createOscillator = () => new Node()
      createGain = () => new Node()
      close = async () => {}
    }
    window.Notification = class {
      static permission = 'granted'
      constructor(title) {
        window.desktop.push(title)
      }
      close() {}
    }
  })
const heard = (page) => page.evaluate(() => window.tones)

test('a page survives a reload, sounds in one tab, and ends in both', { timeout: 180_000 }, async () => {
  const jonas = await person(browser, muster, 'jonas')
  await listening(jonas)
  await jonas.page.reload()
  const other = await jonas.context.newPage()
  await other.goto('/incidents')
  await heading({ page: other }, 'Incidents').waitFor()
  assert.equal(await bar(jonas.page).count(), 0)

  const incident = await cli(muster.dir, 'incident', 'declare', 'Payments are not acknowledged', '--severity', '1', '--service', 'payments-api', '--json')
  for (const page of [jonas.page, other]) await bar(page).getByText('Payments are not acknowledged').waitFor()
  await bar(jonas.page).getByText(`${incident.ticket}`, { exact: true }).waitFor()
  await bar(jonas.page).getByText(/is next in/).waitFor()
  await until('it sounds', async () => (await heard(jonas.page)) + (await heard(other)) > 0)
  assert.ok(!(await heard(jonas.page)) || !(await heard(other)), 'both tabs sound')
  await until('it is shown on the desktop', async () => (await jonas.page.evaluate(() => window.desktop)).some((t) => t.startsWith(`SEV-1 ${incident.ticket}`)))
  assert.match(await jonas.page.title(), new RegExp(`^Paged ${incident.ticket}!`))
  await jonas.axe('a page')
  await jonas.shot('page-bar')

  // Gone from sight, not from the record.
  await jonas.page.reload()
  await bar(jonas.page).getByText('Payments are not acknowledged').waitFor()
  await jonas.page.goto('/inbox')
  await screen(jonas).getByRole('button', { name: /^Acknowledge/ }).waitFor()
  await jonas.page.setViewportSize({ width: 390, height: 844 })
  await jonas.axe('a page on a phone')
  await jonas.shot('page-bar-phone')
  await jonas.page.setViewportSize({ width: 1440, height: 900 })

  // With a dialog open, the keyboard still comes to it.
  await jonas.page.keyboard.press('?')
  await jonas.page.getByRole('dialog').waitFor()
  await jonas.page.keyboard.press('Alt+a')
  assert.match(await jonas.page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? ''), /^Acknowledge/)
  await jonas.page.keyboard.press('Enter')
  for (const page of [jonas.page, other]) await bar(page).waitFor({ state: 'detached' })
  await jonas.done()
})

test('who is not paged is told of a new SEV-1, once', { timeout: 120_000 }, async () => {
  const farah = await person(browser, muster, 'farah')
  const incident = await cli(muster.dir, 'incident', 'declare', 'T2 does not answer', '--severity', '1', '--service', 'settlement-api', '--json')
  const told = farah.page.getByRole('region', { name: 'Messages from the app' }).getByText(`SEV-1 ${incident.ticket} T2 does not answer`)
  await told.waitFor()
  assert.equal(await told.count(), 1)
  assert.equal(await bar(farah.page).count(), 0)
  await farah.done()
})
