// The floor as a place: walked by keyboard and read as a screen reader reads it,
// followed, edited, saved against somebody who was faster, and never lost.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { asList, asPlan, dialog, heading, onList, onPlan, plan, screen, toast, until } from './hands.mjs'
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
const item = (p, name) => p.page.getByRole('application').getByRole('button', { name: new RegExp(`^${name}, `) })
const said = (p) => p.page.getByRole('status').filter({ hasText: /from the left|Undid|Did again|Put back|taken off|things on the plan/ })
const back = (p) => p.page.getByRole('link', { name: 'Back to the map' })
const chosen = (p) => p.page.getByRole('complementary', { name: 'What is chosen' })

/** choose opens a menu of the editor and takes an entry. */
async function choose(p, menu, entry) {
  await p.page.getByRole('toolbar', { name: 'Editing' }).getByRole('button', { name: menu, exact: true }).click()
  await p.page.getByRole('menuitem', { name: entry, exact: true }).click()
}
async function edit(p, floor = 'Operations') {
  await button(p, `Floor ${floor}`).click()
  await p.page.getByRole('menuitem', { name: 'Edit the plan' }).click()
  await p.page.getByRole('application', { name: `${floor}, floor plan to edit` }).waitFor()
}
/** call asks the API as who sits at the screen. */
const call = (p, method, path, body) =>
  p.page.evaluate(
    async ([method, path, body]) => {
      const { csrf } = await (await fetch('/api/v1/me')).json()
      const res = await fetch('/api/v1' + path, { method, headers: { 'X-CSRF-Token': csrf, 'Content-Type': 'application/json' }, body: body && JSON.stringify(body) })
      const text = await res.text()
      return { status: res.status, body: text ? JSON.parse(text) : null }
    },
    [method, path, body],
  )

test('the map is walked by keyboard, and says what it shows', async () => {
  const jonas = await person(browser, muster, 'jonas')
  const amara = await person(browser, muster, 'amara')
  await plan(jonas).waitFor()
  await onPlan(jonas, 'trading-floor-support').focus()
  const focused = () => jonas.page.evaluate(() => document.activeElement.getAttribute('aria-label'))
  await jonas.page.keyboard.press('ArrowDown')
  assert.match(await focused(), /^payments-ops, team room, nobody here/)
  await jonas.page.keyboard.press('ArrowRight')
  assert.match(await focused(), /^settlement, /)
  await jonas.page.keyboard.type('tre')
  assert.match(await focused(), /^treasury, meeting room/)
  // One tab stop for the whole floor.
  assert.equal(await plan(jonas).locator('[data-room][tabindex="0"]').count(), 1)
  await jonas.page.keyboard.press('Enter')
  await heading(jonas, 'treasury').waitFor()
  await jonas.page.getByRole('navigation', { name: 'Workspace' }).getByRole('link', { name: 'Floor map' }).click()
  await onPlan(jonas, 'treasury', 'you are here').waitFor()
  assert.equal(await onPlan(jonas, 'treasury').getAttribute('aria-current'), 'location')
  const heard = await plan(jonas).ariaSnapshot()
  for (const line of [/group "Operations, floor plan"/, /button "treasury, meeting room, 1 person, you are here"/, /button "lounge, lounge, nobody here/]) assert.match(heard, line)
  assert.doesNotMatch(heard, /risk-controls/) // private, and jonas is no member

  // Keys look closer, and the floor stays whole in a corner.
  await onPlan(jonas, 'treasury').focus()
  const wide = await plan(jonas).getAttribute('viewBox')
  await jonas.page.keyboard.press('+')
  await jonas.page.keyboard.press('+')
  assert.notEqual(await plan(jonas).getAttribute('viewBox'), wide)
  await jonas.axe('the map, closer')
  await jonas.shot('map-closer')
  await jonas.page.keyboard.press('Escape')
  assert.equal(await plan(jonas).getAttribute('viewBox'), wide)

  // The view goes with a person.
  await jonas.page.getByRole('combobox', { name: 'Find a person' }).fill('amara')
  await jonas.page.getByRole('option', { name: /^Amara Okafor/ }).click()
  await jonas.page.getByRole('status').filter({ hasText: 'Amara Okafor is in no room now' }).waitFor()
  await button(jonas, 'Follow').click()
  const enter = async (room) => {
    const { body } = await call(amara, 'GET', `/rooms/${room}`)
    assert.equal((await call(amara, 'POST', `/rooms/${body.id}/enter`, {})).status, 204)
  }
  await enter('lounge')
  await jonas.page.getByRole('status').filter({ hasText: 'Amara Okafor followed, in lounge' }).waitFor()
  await until('the lounge is chosen', async () => (await onPlan(jonas, 'lounge').getAttribute('aria-pressed')) === 'true')
  const there = await plan(jonas).getAttribute('viewBox')
  await enter('change-board')
  await until('the view goes with her', async () => (await plan(jonas).getAttribute('viewBox')) !== there)
  await jonas.shot('map-following')
  await jonas.axe('following somebody')
  await button(jonas, 'Look for Amara Okafor no more').click()

  // The list says and does the same.
  await asList(jonas)
  await onList(jonas, 'change-board').getByText('Amara Okafor').waitFor()
  assert.equal(await onList(jonas, 'treasury').getAttribute('aria-current'), 'location')
  await jonas.axe('the floor as a list')
  await asPlan(jonas)
  assert.equal(await jonas.page.getByRole('button', { name: /^Floor / }).count(), 0) // nothing to manage for him
  await jonas.done()
  await amara.done()
})

test('a floor is edited by keyboard, undone, and saved', async () => {
  const ines = await person(browser, muster, 'ines')
  await plan(ines).waitFor()
  await edit(ines)
  await item(ines, 'trading-floor-support').focus()
  await ines.page.keyboard.press('PageDown')
  await ines.page.keyboard.press('PageUp')
  await item(ines, 'payments-ops').focus()
  for (let n = 0; n < 4; n++) await ines.page.keyboard.press('ArrowRight')
  await said(ines).filter({ hasText: 'payments-ops, 29 by 22, 6 from the left, 38 from the top. Overlaps settlement.' }).waitFor()
  await chosen(ines).getByText('settlement overlaps payments-ops.').waitFor()
  await ines.axe('rooms that overlap')
  await ines.shot('map-edit-overlap')
  // What overlaps is not saved, and says so.
  await button(ines, 'Save').click()
  await ines.page.getByRole('alert').filter({ hasText: 'settlement overlaps payments-ops. Mend it, then save.' }).waitFor()
  await ines.page.keyboard.press('Escape')
  await item(ines, 'payments-ops').focus()
  await ines.page.keyboard.press('Control+z')
  await said(ines).filter({ hasText: 'Undid: Move payments-ops' }).waitFor()
  assert.equal(await chosen(ines).getByText('overlaps').count(), 0)
  assert.ok(await button(ines, 'Save').isDisabled())
  await ines.page.keyboard.press('Control+y')
  await chosen(ines).getByText('settlement overlaps payments-ops.').waitFor()
  // Smaller by keys, it fits again.
  await item(ines, 'payments-ops').focus()
  for (let n = 0; n < 4; n++) await ines.page.keyboard.press('Shift+ArrowLeft')
  await said(ines).filter({ hasText: /^payments-ops, 25 by 22.*top\.$/ }).waitFor()

  // A room that is made with the plan, and one that leaves it.
  await choose(ines, 'Add', 'Gallery')
  await chosen(ines).getByLabel('Name').fill('Town hall')
  await chosen(ines).getByLabel('Seats').fill('24')
  await button(ines, 'Add a door').click()
  await item(ines, 'lounge').focus()
  await ines.page.keyboard.press('Delete')
  await said(ines).filter({ hasText: 'lounge was taken off the plan' }).waitFor()
  await ines.page.keyboard.press('Control+z')
  await item(ines, 'lounge').waitFor()
  await ines.page.keyboard.press('Control+s')
  await toast(ines, 'Operations is saved').waitFor()
  await ines.axe('the editor')
  await ines.shot('map-edit')
  await back(ines).click()
  await onPlan(ines, 'Town hall', 'gallery').waitFor()
  const { body } = await call(ines, 'GET', '/rooms/town%20hall')
  assert.equal(body.kind, 'gallery')
  await ines.done()
})

test('whoever was faster is told by name, and nothing is lost', async () => {
  const ines = await person(browser, muster, 'ines')
  await plan(ines).waitFor()
  await edit(ines)
  const id = new URL(ines.page.url()).pathname.split('/')[2]
  await item(ines, 'treasury').focus()
  await ines.page.keyboard.press('ArrowUp')
  // Another window of hers.
  const { body: now } = await call(ines, 'GET', `/floors/${id}`)
  const theirs = { ...now.layout, rooms: now.layout.rooms.map((r) => (r.name === 'lounge' ? { ...r, w: r.w - 4 } : r)) }
  assert.equal((await call(ines, 'PUT', `/floors/${id}`, { version: now.version, layout: theirs })).status, 200)
  await button(ines, 'Save').click()
  const asked = dialog(ines, /changed this floor$/)
  await asked.getByText('Nothing of yours is lost').waitFor()
  await ines.axe('two plans of one floor')
  await ines.shot('map-conflict')
  await asked.getByRole('button', { name: 'Take theirs' }).click()
  await item(ines, 'lounge, lounge, 32 by 26').waitFor()
  await ines.page.keyboard.press('Control+z')
  await item(ines, 'lounge, lounge, 36 by 26').waitFor()
  await button(ines, 'Save').click()
  await toast(ines, 'Operations is saved').waitFor()
  assert.equal((await call(ines, 'GET', `/floors/${id}`)).body.layout.rooms.find((r) => r.name === 'lounge').w, 36)

  // What is not saved holds one back.
  await item(ines, 'treasury').focus()
  await ines.page.keyboard.press('ArrowDown')
  await back(ines).click()
  const leaving = dialog(ines, 'Leave without saving?')
  await leaving.getByRole('button', { name: 'Stay here' }).click()
  await item(ines, 'treasury').waitFor()
  await back(ines).click()
  await leaving.getByRole('button', { name: 'Leave', exact: true }).click()
  await plan(ines).waitFor()
  await ines.done()
})

test('a plan is taken from a file only when it is sound; floors are added, ordered, removed', async () => {
  const ines = await person(browser, muster, 'ines')
  await plan(ines).waitFor()
  await edit(ines)
  await choose(ines, 'Plan', 'Import a file')
  const importing = dialog(ines, 'Import a plan')
  const file = (layout) => ({ name: 'floor.json', mimeType: 'application/json', buffer: Buffer.from(typeof layout === 'string' ? layout : JSON.stringify({ format: 'muster-floor-1', name: 'x', layout })) })
  const room = (name, x) => ({ name, kind: 'team', x, y: 2, w: 20, h: 20, seats: 4, doors: [] })
  for (const [bad, says] of [
    [file('{"rooms":'), 'This file is not JSON.'],
    [file({ width: 80, height: 40, rooms: [room('North', 2), room('South', 12)] }), 'South overlaps North.'],
    [file({ width: 80, height: 40, rooms: [{ ...room('North', 2), seats: 10_000 }] }), 'North has 10000 seats.'],
  ]) {
    await importing.getByLabel('File').setInputFiles(bad)
    await importing.getByRole('alert').filter({ hasText: says }).waitFor()
    assert.ok(await importing.getByRole('button', { name: 'Use this plan' }).isDisabled())
  }
  await ines.axe('a plan that cannot be used')
  await ines.shot('map-import')
  await importing.getByLabel('File').setInputFiles(file({ width: 80, height: 40, rooms: [room('sre-desk', 2), room('North', 24)] }))
  await importing.getByRole('button', { name: 'Use this plan' }).click()
  await item(ines, 'North').waitFor()
  await ines.page.keyboard.press('Control+z')
  await item(ines, 'payments-ops').waitFor()

  await choose(ines, 'Plan', 'Arrange by teams')
  const arranging = dialog(ines, 'Arrange a floor by itself')
  await arranging.getByLabel('Teams').fill('payments-ops 9\nT2S desk 6\nT2S desk 6')
  await arranging.getByRole('button', { name: 'Arrange' }).click()
  await arranging.getByText('Line 3: T2S desk is there twice.').waitFor()
  await arranging.getByLabel('Teams').fill('payments-ops 9\nT2S desk 6')
  await arranging.getByRole('button', { name: 'Arrange' }).click()
  await item(ines, 'T2S desk').waitFor()
  await ines.shot('map-arranged')
  await ines.page.keyboard.press('Control+z')
  await back(ines).click()

  await button(ines, 'Floor Operations').click()
  await ines.page.getByRole('menuitem', { name: 'Add a floor' }).click()
  const adding = dialog(ines, 'Add a floor')
  await adding.getByLabel('Name').fill('Response')
  await adding.getByRole('button', { name: /^Incident floor/ }).click()
  await ines.axe('adding a floor')
  await ines.shot('map-add-floor')
  await adding.getByRole('button', { name: 'Add the floor' }).click()
  await item(ines, 'Briefing').waitFor()
  await back(ines).click()
  const floors = ines.page.getByRole('tablist', { name: 'Floors' })
  await floors.getByRole('tab', { name: /^Response/ }).click()
  await onPlan(ines, 'Briefing', 'meeting room').waitFor()
  await ines.axe('a floor of war rooms')
  await ines.shot('map-floors')
  await button(ines, 'Floor Response').click()
  await ines.page.getByRole('menuitem', { name: 'Move to the left' }).click()
  await until('Response stands first', async () => /^Response/.test(await floors.getByRole('tab').first().innerText()))
  await button(ines, 'Floor Response').click()
  await ines.page.getByRole('menuitem', { name: 'Remove the floor' }).click()
  const removing = dialog(ines, 'Remove Response?')
  await removing.getByRole('button', { name: 'Remove the floor' }).click()
  await removing.getByText(/Response is not empty: .*Briefing/).waitFor()
  await removing.getByRole('button', { name: 'Cancel' }).click()
  await ines.done()
})

test('on a phone, too', async () => {
  const ines = await person(browser, muster, 'ines', { size: 'phone' })
  const { body } = await call(ines, 'GET', '/floors')
  await ines.page.goto(`/floors/${body.items.find((f) => f.name === 'Operations').id}/edit`)
  await item(ines, 'lounge').waitFor()
  await ines.axe('the editor on a phone')
  await ines.shot('map-edit-phone')
  await screen(ines).getByText('The floor', { exact: true }).waitFor()
  await ines.done()
})
