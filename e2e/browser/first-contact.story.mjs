// Somebody sees Muster for the first time: from the address that `make run` prints
// to a job in production that a second person approved, in at most five clicks and
// without a terminal. Simulated colleagues play the other parts.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { screen, sidebar, talk, until } from './hands.mjs'
import { startMuster } from './muster.mjs'
import { person, startBrowser } from './people.mjs'

let muster, browser
before(async () => {
  muster = await startMuster({ colleagues: true })
  browser = await startBrowser()
})
after(async () => {
  await browser?.close()
  await muster?.stop()
})

/** counted clicks, and counts them. */
function counted(locator) {
  counted.clicks++
  return locator.click()
}
counted.clicks = 0

test('from the address to an approved run in five clicks', { timeout: 240_000 }, async () => {
  const jonas = await person(browser, muster, 'jonas', { signIn: false })
  const { page } = jonas
  await page.goto('/')
  const card = page.getByRole('button', { name: /^Jonas Lindqvist/ })
  await card.waitFor()
  await jonas.axe('the sign-in of a demo')
  await jonas.shot('first-contact-sign-in')
  await counted(card)

  // Colleagues sit in their rooms, and two of them talk.
  const drill = page.getByRole('region', { name: 'Drill', exact: true })
  await until('colleagues are at work', async () => (await page.getByText('Marta Nowak').count()) > 0)
  await counted(page.getByRole('button', { name: 'Start a drill' }))
  await page.waitForURL(/\/rooms\//)
  await counted(drill.getByRole('button', { name: 'Acknowledge' }))
  await counted(drill.getByRole('button', { name: 'Run the repair' }))
  await talk(jonas).getByText('Helena Brandt').first().waitFor({ timeout: 60_000 })
  await talk(jonas).getByText('Succeeded').first().waitFor({ timeout: 60_000 })
  assert.ok(counted.clicks <= 5, `it took ${counted.clicks} clicks`)
  console.log(`from the printed address to an approved run: ${counted.clicks} clicks`)

  await drill.getByRole('button', { name: 'Resolve' }).waitFor({ timeout: 60_000 })
  await jonas.axe('a drill')
  await jonas.shot('first-contact-drill')
  await drill.getByRole('button', { name: 'Resolve' }).click()
  await page.getByRole('heading', { name: 'The drill is over' }).waitFor({ timeout: 30_000 })
  await screen(jonas).waitFor()
  await sidebar(jonas).waitFor()
  await jonas.done()
})

test('whoever cannot act is shown the whole course, and approves where they may', { timeout: 240_000 }, async () => {
  const daniel = await person(browser, muster, 'daniel', { signIn: false, size: 'phone' })
  const { page } = daniel
  await page.goto('/')
  await page.getByRole('button', { name: /^Daniel Weiss/ }).tap()
  await page.getByRole('button', { name: /^Start a(nother)? drill/ }).tap()
  await page.waitForURL(/\/rooms\//)
  const drill = page.getByRole('region', { name: 'Drill', exact: true })
  await drill.getByText('A second person approves exactly that').waitFor({ timeout: 60_000 })
  await daniel.shot('first-contact-phone')
  await daniel.axe('a drill on a phone')
  await page.getByRole('button', { name: 'Review and approve' }).first().tap()
  await page.getByRole('dialog').getByRole('button', { name: /^Approve/ }).tap()
  await page.getByRole('heading', { name: 'The drill is over' }).waitFor({ timeout: 120_000 })
  await daniel.done()
})
