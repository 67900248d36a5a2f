// Whoever opens a room types at once. What they type before the composer is
// there arrives in it: no letter is lost, and none is taken for a shortcut.
// How long the composer takes is not left to the machine: the part of the app
// that holds it is kept back until everything is typed.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { composer, dialog, go, heading, onPlan, sidebar, talk, until } from './hands.mjs'
import { startMuster } from './muster.mjs'
import { person, signInAs, startBrowser } from './people.mjs'

let muster, browser
before(async () => {
  muster = await startMuster()
  browser = await startBrowser()
})
after(async () => {
  await browser?.close()
  await muster?.stop()
})

/** held keeps the room's talk back from somebody's browser until it is let go. */
async function held(p) {
  let letGo
  const promise = new Promise((resolve) => (letGo = resolve))
  await p.context.route(/\/assets\/Chat-[^/]*\.js$/, async (route) => {
    await promise
    await route.continue()
  })
  return letGo
}
const holds = (p, text) => until(`the composer holds ${JSON.stringify(text)} and has the focus`, async () => (await composer(p).inputValue()) === text && composer(p).evaluate((el) => el === document.activeElement))

test('what is typed before the composer is there arrives in it', { timeout: 120_000 }, async () => {
  const jonas = await person(browser, muster, 'jonas', { signIn: false })
  const letGo = await held(jonas)
  await signInAs(jonas.page, muster, 'jonas')
  await onPlan(jonas, 'settlement').waitFor()
  await sidebar(jonas).getByRole('link', { name: /^settlement\b/ }).click()
  await heading(jonas, 'settlement').waitFor()
  await jonas.page.keyboard.type('much? /later') // letters that are shortcuts elsewhere
  assert.equal(await composer(jonas).count(), 0, 'the composer was not kept back')
  assert.equal(await jonas.page.getByRole('dialog').count(), 0, 'a key opened something')
  letGo()
  await holds(jonas, 'much? /later')
  await jonas.page.keyboard.type(' on')
  await holds(jonas, 'much? /later on')
  await jonas.page.keyboard.press('Enter')
  await talk(jonas).getByText('much? /later on').waitFor()

  // Elsewhere the keys are shortcuts again.
  await go(jonas, 'Floor map')
  await onPlan(jonas, 'settlement').waitFor()
  await jonas.page.keyboard.press('?')
  await dialog(jonas, 'Help').waitFor()
  await jonas.done()
})

test('from room to room, nothing goes into the one that was left', { timeout: 120_000 }, async () => {
  const amara = await person(browser, muster, 'amara')
  await sidebar(amara).getByRole('link', { name: /^settlement\b/ }).click()
  await holds(amara, '')
  await amara.page.keyboard.type('for settlement')
  // In one go, as a person who knows the key does it.
  await amara.page.evaluate(() => {
    const key = (init) => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, cancelable: true, ...init }))
    key({ key: 'ArrowDown', altKey: true })
    for (const letter of 'next') key({ key: letter })
  })
  await heading(amara, 'settlement').waitFor({ state: 'detached' })
  await holds(amara, 'next')
  await sidebar(amara).getByRole('link', { name: /^settlement\b/ }).click()
  await holds(amara, 'for settlement')
  await amara.done()
})

test('a log of fifty thousand lines pasted by mistake stops nothing, and a half-made change is still there', { timeout: 120_000 }, async () => {
  const amara = await person(browser, muster, 'amara')
  await sidebar(amara).getByRole('link', { name: /^settlement\b/ }).click()
  await holds(amara, '')
  await composer(amara).fill('and what I had written')
  const pasted = await composer(amara).evaluate((el) => {
    const clipboardData = new DataTransfer()
    clipboardData.setData('text/plain', 'y\n'.repeat(50_000))
    return el.dispatchEvent(new ClipboardEvent('paste', { bubbles: true, cancelable: true, clipboardData }))
  })
  assert.equal(pasted, false, 'the browser is left to take in fifty thousand lines')
  await amara.page.getByText('Too much for a message').waitFor()
  await holds(amara, 'and what I had written')
  await composer(amara).fill('to be changed')
  await amara.page.keyboard.press('Enter')
  await talk(amara).getByText('to be changed').waitFor()
  await composer(amara).press('ArrowUp')
  const editor = amara.page.getByRole('textbox', { name: 'Change the message' })
  await editor.fill('half a change')
  await sidebar(amara).getByRole('link', { name: /^sre-desk\b/ }).click()
  await heading(amara, 'sre-desk').waitFor()
  await sidebar(amara).getByRole('link', { name: /^settlement\b/ }).click()
  await until('the change is still in its field', async () => (await editor.count()) === 1 && (await editor.inputValue()) === 'half a change')
  await editor.press('Enter')
  await talk(amara).getByText('half a change').waitFor()

  // A command that is refused while one looks into another room is told there, and stands where it was typed.
  let letGo
  const promise = new Promise((resolve) => (letGo = resolve))
  await amara.page.route('**/api/v1/rooms/*/messages', async (route) => {
    if (route.request().method() === 'POST') await promise
    await route.continue()
  })
  await composer(amara).fill('/nonsense now')
  await composer(amara).press('Enter')
  await sidebar(amara).getByRole('link', { name: /^sre-desk\b/ }).click()
  await heading(amara, 'sre-desk').waitFor()
  letGo()
  await amara.page.getByText('In settlement: ').waitFor()
  await sidebar(amara).getByRole('link', { name: /^settlement\b/ }).click()
  await holds(amara, '/nonsense now')
  await amara.done()
})
