// Duty in the browser: who is on call and until when, taking it over and handing
// it back, a swap that one proposes and the other accepts, and the calendar
// under its secret address.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { dialog, go, heading, screen, toast, until } from './hands.mjs'
import { startMuster } from './muster.mjs'
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

const shifts = (p) => screen(p).getByRole('list', { name: 'Shifts of payments-primary' }).getByRole('listitem')
const box = (p, name) => screen(p).locator('section').filter({ has: p.page.getByRole('heading', { name }) })
const wishes = (p) => box(p, 'Wishes to swap').getByRole('listitem')
const onCall = (p, name) => shifts(p).first().filter({ hasText: name }).filter({ hasText: 'on call now' }).waitFor()

test('two people of a rotation take over, hand back and swap', { timeout: 240_000 }, async () => {
  const amara = await person(browser, muster, 'amara')
  const jonas = await person(browser, muster, 'jonas', { theme: 'dark' })
  for (const p of [amara, jonas]) {
    await go(p, 'On call')
    await heading(p, 'On call').waitFor()
    await onCall(p, 'Jonas Lindqvist')
  }
  await amara.axe('on call')
  await amara.shot('oncall')

  // Amara takes over. Jonas, whose turn it was, sees it and is told.
  await screen(amara).getByRole('button', { name: 'Take over payments-primary' }).click()
  await dialog(amara, 'Take over payments-primary?').getByRole('button', { name: 'Take over', exact: true }).click()
  await toast(amara, 'You are on call for payments-primary').first().waitFor()
  for (const p of [amara, jonas]) await onCall(p, 'Amara Okafor')
  await shifts(amara).first().getByText('override').waitFor()
  await jonas.page.getByRole('link', { name: /^Notifications, \d+ new/ }).waitFor()
  await amara.axe('on call, taken over')
  await amara.shot('oncall-taken')

  await screen(amara).getByRole('button', { name: 'Hand back payments-primary' }).click()
  for (const p of [amara, jonas]) await onCall(p, 'Jonas Lindqvist')

  // A swap: Amara's next shift for the one of Jonas after it.
  await screen(amara).getByRole('button', { name: 'Swap a shift of payments-primary' }).click()
  const form = dialog(amara, 'Swap a shift of payments-primary')
  await form.getByRole('button', { name: 'Ask' }).click()
  await form.getByText('Choose a shift of yours.').waitFor()
  await form.getByLabel('Your shift').selectOption({ index: 1 })
  await form.getByLabel('For it you take').selectOption({ index: 1 })
  await form.getByLabel('A word to them').fill('My daughter’s concert is that week')
  await amara.axe('a swap')
  await amara.shot('oncall-swap')
  await form.getByRole('button', { name: 'Ask' }).click()
  await wishes(amara).filter({ hasText: 'You ask Jonas Lindqvist' }).waitFor()
  await amara.shot('oncall-asked')

  await wishes(jonas).filter({ hasText: 'Amara Okafor asks you' }).waitFor()
  await jonas.axe('asked to swap')
  await jonas.shot('oncall-asked-dark')
  await jonas.page.setViewportSize({ width: 390, height: 844 })
  await jonas.axe('asked to swap, on a phone')
  await jonas.shot('oncall-asked-phone')
  await jonas.page.setViewportSize({ width: 1440, height: 900 })
  await wishes(jonas).getByRole('button', { name: /^Accept/ }).click()
  for (const p of [amara, jonas]) await wishes(p).first().waitFor({ state: 'detached' })
  // Jonas has Amara's shift after his own, and she has the one after that.
  for (const p of [amara, jonas]) {
    await until('the shifts are swapped', async () => {
      const names = await shifts(p).allTextContents()
      return /^.*Jonas/.test(names[0]) && names.slice(1).some((n) => n.includes('override') && n.includes('Jonas')) && names.some((n) => n.includes('override') && n.includes('Amara'))
    })
  }
  await jonas.shot('oncall-swapped-dark')

  // The calendar: a secret address, read by a program that is not signed in.
  const calendar = box(jonas, 'Your duties in your calendar')
  await calendar.getByRole('button', { name: 'Make an address' }).click()
  const address = await calendar.getByRole('textbox', { name: 'Address of your calendar' }).inputValue()
  assert.match(address, /\/calendar\/[^/]+\.ics$/)
  await jonas.axe('a calendar address')
  await jonas.shot('oncall-calendar-dark')
  await jonas.page.setViewportSize({ width: 390, height: 844 })
  await jonas.shot('oncall-calendar-phone')
  await jonas.page.setViewportSize({ width: 1440, height: 900 })
  const answer = await fetch(new URL(new URL(address).pathname, muster.url))
  assert.equal(answer.status, 200)
  const ics = await answer.text()
  assert.match(ics, /BEGIN:VCALENDAR[\s\S]*payments-primary[\s\S]*END:VCALENDAR/)
  await jonas.page.reload()
  await calendar.getByText(/last read/).waitFor()
  await calendar.getByRole('button', { name: 'End the address of your calendar' }).click()
  await dialog(jonas, 'End the address?').getByRole('button', { name: 'End it' }).click()
  await calendar.getByRole('button', { name: 'Make an address' }).waitFor()
  assert.equal((await fetch(new URL(new URL(address).pathname, muster.url))).status, 404)
  for (const p of [amara, jonas]) await p.done()
})

test('who is in no rotation sees who is on call, and nothing to press', { timeout: 120_000 }, async () => {
  const daniel = await person(browser, muster, 'daniel', { size: 'phone' })
  await daniel.page.goto('/oncall')
  await shifts(daniel).first().waitFor()
  assert.equal(await screen(daniel).getByRole('button', { name: /Take over|Swap|Hand back|Make/ }).count(), 0)
  await daniel.axe('on call on a phone')
  await daniel.shot('oncall-phone')
  await daniel.done()
})
