// A door that is closed: whoever stands before it knocks, whoever is inside
// answers, and nobody is left without a way on.
import { after, before, test } from 'node:test'
import { dialog, heading, open, press, screen, toast, youAreIn } from './hands.mjs'
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

const button = (p, name) => p.page.getByRole('button', { name, exact: true })
const popup = (p, name) => p.page.getByRole('region', { name: 'Requests to come' }).getByRole('region', { name })

/** knock says a word at the door on the screen. */
async function knock(p, room, word) {
  await button(p, `Knock at ${room}`).click()
  const asking = dialog(p, `Knock at ${room}`)
  await asking.getByLabel('What for').fill(word)
  await asking.getByRole('button', { name: 'Knock' }).click()
  await screen(p).getByText(/Knocking… 0?4:\d\d/).waitFor()
}

test('closed, knocked, turned away with a word, let in, sent home', async () => {
  const ines = await person(browser, muster, 'ines')
  const jonas = await person(browser, muster, 'jonas', { size: 'phone' })
  await open(ines, 'treasury')
  await screen(ines).getByRole('button', { name: 'Enter', exact: true }).click()
  await youAreIn(ines, 'treasury').waitFor()
  await press(ines, button(ines, 'More about this room'), 'Close the door')
  await screen(ines).getByText('Door closed').waitFor()

  // Outside there is no Enter that would be refused.
  const id = new URL(ines.page.url()).pathname
  await jonas.page.goto(id)
  await heading(jonas, 'treasury').waitFor()
  await knock(jonas, 'treasury', 'The cut-off moved')
  const asked = popup(ines, /knocks$/)
  await asked.getByText('The cut-off moved').waitFor()
  await ines.axe('a knock', { themes: ['light'] })
  await ines.shot('doors-knock')
  await jonas.axe('knocking, on a phone', { themes: ['light'] })
  await jonas.shot('doors-knocking-phone')
  await asked.getByRole('button', { name: 'Not now' }).click()
  await asked.getByLabel('Say why').fill('In ten minutes')
  await asked.getByRole('button', { name: 'Turn away' }).click()
  await toast(jonas, 'In ten minutes').waitFor()
  await asked.waitFor({ state: 'detached' })

  // Taken back, it is gone inside; the next one is answered.
  await knock(jonas, 'treasury', 'Now?')
  await asked.waitFor()
  await button(jonas, 'Withdraw your knock at treasury').click()
  await asked.waitFor({ state: 'detached' })
  await knock(jonas, 'treasury', 'I have the figures')
  // Within the app: what is told while a page loads anew comes with its snapshot.
  await jonas.page.getByRole('navigation', { name: 'Places' }).getByRole('link', { name: /^Inbox/ }).click()
  await heading(jonas, 'Inbox').waitFor()
  await asked.getByRole('button', { name: 'Let in' }).click()
  await heading(jonas, 'treasury').waitFor()
  await button(jonas, 'Knock at treasury').waitFor({ state: 'detached' })
  await button(jonas, 'More about this room').click()
  await jonas.page.getByRole('menuitem', { name: 'Open the door' }).waitFor()
  await jonas.page.keyboard.press('Escape')

  await screen(ines).getByRole('tab', { name: /^People/ }).click()
  await button(ines, 'Send home Jonas Lindqvist').click()
  const why = dialog(ines, 'Send Jonas Lindqvist home')
  await why.getByLabel('Reason').fill('Two persons only')
  await ines.shot('doors-send-home')
  await why.getByRole('button', { name: 'Send home' }).click()
  const sent = popup(jonas, 'You were sent home')
  await sent.getByText('Two persons only').waitFor()
  await jonas.shot('doors-sent-home-phone')
  await sent.getByRole('button', { name: 'Understood' }).click()
  await button(jonas, 'Knock at treasury').waitFor()

  // The map says it as well.
  await ines.page.goto('/')
  await ines.page.getByRole('complementary', { name: 'Room treasury' }).getByText('Door closed: others knock').waitFor()
  await ines.shot('doors-map')
  await ines.done()
  await jonas.done()
})
