// Somebody without an account comes into one room by a link: at the door, let in
// or turned away with a word, inside with the room from then on, and out at once
// when the link is revoked.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { dialog, open, screen } from './hands.mjs'
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

/** makeLink makes a link in the room on the screen, and gives its address. */
async function makeLink(p, label) {
  await screen(p).getByRole('tab', { name: /^People/ }).click()
  await button(p, 'Make a link').click()
  const form = dialog(p, /^A link to/)
  await form.getByLabel('For whom').fill(label)
  await p.axe('the form of a link', { themes: ['light'] })
  await form.getByRole('button', { name: 'Make the link' }).click()
  const made = dialog(p, 'The link is made')
  const url = await made.getByLabel('Give this to your guest').inputValue()
  await made.getByRole('button', { name: 'Done' }).click()
  return url
}

/** arrive opens the link and knocks. */
async function arrive(g, url, name, note = '') {
  await g.page.goto(url)
  await g.page.getByLabel('Your name').fill(name)
  if (note) await g.page.getByLabel(/^What for/).fill(note)
  await g.page.getByRole('button', { name: 'Knock', exact: true }).click()
  await g.page.getByRole('heading', { name: 'You knocked' }).waitFor()
}

test('a guest knocks, is turned away with a word, let in, talks, and is out when the link is revoked', async () => {
  const ines = await person(browser, muster, 'ines')
  await open(ines, 'payments-ops')
  await screen(ines).getByRole('button', { name: 'Enter', exact: true }).click()
  await ines.page.getByRole('textbox', { name: /^Message/ }).fill('The password of the test bank is swordfish')
  await ines.page.keyboard.press('Enter')
  await screen(ines).getByText('swordfish').waitFor()
  const url = await makeLink(ines, 'Auditors')

  const guest = await person(browser, muster, 'guest', { signIn: false })
  const phone = await person(browser, muster, 'guest', { signIn: false, size: 'phone', theme: 'dark' })
  await guest.page.goto(url)
  await guest.page.getByLabel('Your name').waitFor()
  assert.equal(new URL(guest.page.url()).pathname, '/guest', 'the secret stays in the address bar')
  await guest.axe('the door')
  await guest.shot('guest-door')

  // Turned away with a word, and marked for the name.
  await guest.page.getByLabel('Your name').fill('Amara Okаfor') // the а is a Cyrillic one
  await guest.page.getByRole('button', { name: 'Knock', exact: true }).click()
  await guest.page.getByText(/Write each word of your name in one script/).waitFor()
  await arrive(guest, url, 'Amara 0kafor', 'About the third quarter')
  await guest.axe('waiting')
  const asked = popup(ines, /knocks$/)
  await asked.getByText(/could be taken for Amara Okafor/).waitFor()
  await ines.axe('a guest at the door')
  await ines.shot('guest-knock')
  await asked.getByRole('button', { name: 'Not now' }).click()
  await asked.getByLabel('Say why').fill('Please use your own name')
  await asked.getByRole('button', { name: 'Turn away' }).click()
  await guest.page.getByText('You were told: Please use your own name').waitFor()
  await guest.axe('turned away', { themes: ['light'] })

  // Two tabs are one visit.
  await guest.page.getByRole('button', { name: 'Knock again' }).click()
  await guest.page.getByLabel('Your name').fill('Zoë Audit')
  await guest.page.getByRole('button', { name: 'Knock', exact: true }).click()
  await asked.getByText('Zoë Audit').waitFor()
  const tab = await guest.context.newPage()
  await tab.goto('/guest')
  await tab.getByRole('heading', { name: 'You knocked' }).waitFor()
  await asked.getByRole('button', { name: 'Let in' }).click()
  await guest.page.getByRole('heading', { name: 'payments-ops' }).waitFor()
  await tab.getByRole('heading', { name: 'payments-ops' }).waitFor()
  await tab.close()

  // The room from now on.
  await guest.page.getByText('Nothing was said since you came in').waitFor()
  await screen(ines).getByRole('tab', { name: 'Chat' }).click()
  await ines.page.getByRole('textbox', { name: /^Message/ }).fill('Welcome, Zoë')
  await ines.page.keyboard.press('Enter')
  await guest.page.getByText('Welcome, Zoë').waitFor()
  await guest.page.getByRole('textbox', { name: 'Message' }).fill('Good afternoon')
  await guest.page.getByRole('button', { name: 'Send' }).click()
  await screen(ines).getByText('Good afternoon', { exact: true }).waitFor()
  await screen(ines).getByRole('article', { name: /^Zoë Audit/ }).getByText('Guest', { exact: true }).waitFor()
  await guest.page.getByRole('textbox', { name: 'Message' }).fill('/get @jonas')
  await guest.page.getByRole('button', { name: 'Send' }).click()
  await guest.page.getByText('Guests cannot use commands').waitFor()
  assert.ok(!(await guest.page.content()).includes('swordfish'), 'the guest reads what was said before')
  await guest.axe('the room as a guest sees it')
  await guest.shot('guest-room')
  await ines.axe('a room with a guest')
  await screen(ines).getByRole('tab', { name: /^People/ }).click()
  await screen(ines).getByText('1 inside').waitFor()
  await ines.axe('the links of a room')
  await ines.shot('guest-panel')

  // Reloaded, they are where they were; on a phone, too.
  await guest.page.reload()
  await guest.page.getByText('Welcome, Zoë').waitFor()
  await phone.context.addCookies(await guest.context.cookies())
  await phone.page.goto('/guest')
  await phone.page.getByText('Welcome, Zoë').waitFor()
  await phone.axe('the room on a phone')
  await phone.shot('guest-room-phone')
  await phone.done()

  // Nothing else is theirs.
  for (const path of ['/api/v1/me', '/api/v1/office', '/api/v1/rooms', '/api/v1/users']) {
    assert.equal(await guest.page.evaluate(async (p) => (await fetch(p)).status, path), 401, path)
  }

  await button(ines, 'Revoke the link Auditors').click()
  await dialog(ines, 'Revoke this link?').getByRole('button', { name: 'Revoke' }).click()
  await guest.page.getByText('The link was revoked.').waitFor()
  await guest.axe('the end', { themes: ['light'] })
  await guest.page.goto(url)
  await guest.page.getByRole('button', { name: 'Knock again' }).click()
  await guest.page.getByText(/does not work any more/).waitFor()
  await guest.done()
  await ines.done()
})
