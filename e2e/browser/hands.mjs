// What a person's hands do on Muster's screens, found by role and label as a
// screen reader would find them.
import assert from 'node:assert/strict'

/** until asks again and again until the answer is yes, and gives it. */
export async function until(what, ask, ms = 20_000) {
  const end = Date.now() + ms
  for (;;) {
    const answer = await ask()
    if (answer) return answer
    if (Date.now() > end) assert.fail(`In ${ms / 1000} s it did not happen that ${what}.`)
    await new Promise((again) => setTimeout(again, 50))
  }
}

// -- places

export const sidebar = (p) => p.page.getByRole('complementary', { name: 'Places' })
export const screen = (p) => p.page.getByRole('main')
export const plan = (p) => p.page.getByRole('group', { name: /floor plan$/ })
/** A room on the floor plan; its name says who and what is in it. */
export const onPlan = (p, name, says = '') => plan(p).getByRole('button', { name: new RegExp(`^${name}\\b.*${says}`) })
/** A room in the floor's list. */
export const onList = (p, name) => p.page.getByRole('region', { name: /^Rooms on / }).getByRole('listitem').filter({ hasText: name })
export const chips = (p) => p.page.getByRole('navigation', { name: 'Open incidents' })
export const bell = (p, n) => p.page.getByRole('link', { name: n ? `Notifications, ${n} new` : 'Notifications', exact: true })
export const youAreIn = (p, room) => p.page.getByRole('group', { name: `You are in ${room}` })
export const heading = (p, name) => p.page.getByRole('heading', { level: 1, name })
export const toast = (p, text) => p.page.getByRole('region', { name: 'Messages from the app' }).getByText(text)
export const dialog = (p, name) => p.page.getByRole('dialog', { name })
export const panel = (p, ticket) => p.page.getByRole('region', { name: `Incident ${ticket}`, exact: true })

/** go follows a link of the sidebar's workspace. */
export async function go(p, place) {
  await p.page.getByRole('navigation', { name: 'Workspace' }).getByRole('link', { name: place }).click()
}

/** open shows a room by its row in the sidebar. */
export async function open(p, room) {
  await sidebar(p).getByRole('link', { name: new RegExp(`^${room}\\b`) }).click()
  await heading(p, room).waitFor()
}

/** press chooses an entry of the menu a button opens. */
export async function press(p, button, entry) {
  await button.click()
  await p.page.getByRole('menuitem', { name: entry }).click()
}

/** asList and asPlan turn the floor from one into the other. */
export const asList = (p) => p.page.getByRole('button', { name: 'Show as a list' }).click()
export const asPlan = (p) => p.page.getByRole('button', { name: 'Show as a plan' }).click()

/** loaded waits until nothing on the screen is still on its way. */
export async function loaded(p) {
  await p.page.getByRole('status').filter({ hasText: /^Loading/ }).first().waitFor({ state: 'detached' })
}

/** jump types into the palette and takes the first hit by key. */
export async function jump(p, words, hit, key = 'Enter') {
  await p.page.keyboard.press('Control+k')
  await p.page.getByRole('combobox', { name: 'Go to or do anything' }).fill(words)
  await p.page.getByRole('option', { name: hit, selected: true }).waitFor()
  await p.page.keyboard.press(key)
}

// -- talk

export const composer = (p) => p.page.getByRole('textbox', { name: /^Message / })
export const talk = (p) => p.page.getByRole('log', { name: /^Messages in / })
/** The messages that hold a text. */
export const message = (p, text) => talk(p).locator('[data-message]').filter({ hasText: text })
/** What the composer answers to its author only. */
export const answer = (p) => p.page.getByText('Only you see this.').locator('xpath=..')

/** say writes into the room and waits until it stands there. */
export async function say(p, text) {
  await type(p, text)
  await message(p, text.split('\n')[0].replace(/[*`]/g, '')).last().waitFor()
  await p.page.getByRole('article', { name: 'Sending' }).waitFor({ state: 'detached' })
}

/** type writes into the room and sends it. */
export async function type(p, text) {
  await composer(p).fill(text)
  await p.page.getByRole('button', { name: 'Send message' }).click()
}

/** tool presses a button of a message's toolbar, which shows on hover. */
export async function tool(p, row, name) {
  await row.hover()
  await row.getByRole('toolbar', { name: 'Message actions' }).getByRole('button', { name }).first().click()
}

/** act chooses an entry of a message's menu. */
export async function act(p, row, entry) {
  await tool(p, row, 'More')
  await p.page.getByRole('menuitem', { name: entry }).click()
}

/** take types a part and takes the completion offered for it. */
export async function take(p, part, offer) {
  await composer(p).pressSequentially(part)
  const offers = p.page.getByRole('listbox', { name: 'Completions' }).getByRole('option')
  await offers.filter({ hasText: offer }).and(p.page.locator('[aria-selected=true]')).waitFor()
  await composer(p).press('Tab')
}

// -- cards

export const run = (p, n) => p.page.getByRole('region', { name: new RegExp(`^Run ${n},`) })
export const output = (p, n) => p.page.getByRole('log', { name: `Output of run ${n}` })
export const alert = (p, title) => p.page.getByRole('region', { name: `Alert ${title}` })
