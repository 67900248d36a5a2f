// What an administrator does about the office itself, and what somebody reads
// who has more windows open than Muster connects.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { screen, toast, until } from './hands.mjs'
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

test('an administrator gives the office another name', async () => {
  const ines = await person(browser, muster, 'ines')
  await ines.page.goto('/admin/people')
  await ines.page.getByRole('navigation', { name: 'Administration' }).getByRole('link', { name: /^Office/ }).click()
  const name = screen(ines).getByLabel(/^Name/)
  assert.equal(await name.inputValue(), 'Northbank')
  assert.ok(await screen(ines).getByRole('button', { name: 'Save the name' }).isDisabled(), 'the same name can be saved')
  await ines.axe('the office, among the administration')
  await name.fill('Northbank AG')
  await screen(ines).getByRole('button', { name: 'Save the name' }).click()
  await toast(ines, 'The office has a new name').waitFor()
  await ines.page.getByRole('link', { name: 'Northbank AG, floor map' }).waitFor()

  // Others see it when they come, and those who may not change it have no such place.
  const amara = await person(browser, muster, 'amara')
  await amara.page.getByRole('link', { name: 'Northbank AG, floor map' }).waitFor()
  await amara.page.goto('/admin/office')
  await amara.page.getByText('You may not administer anything').waitFor()
  await amara.done()
  await ines.done()
})

test('a window too many says so, and how to mend it', async () => {
  const jonas = await person(browser, muster, 'jonas')
  // Twenty more, as a script or forgotten windows would open them.
  await jonas.page.evaluate(async () => {
    const address = location.origin.replace('http', 'ws') + '/api/v1/socket'
    const opened = Array.from({ length: 20 }, () => {
      const socket = new WebSocket(address)
      return new Promise((settled) => {
        socket.onopen = () => socket.send('{"id":1,"connect":{}}')
        socket.onmessage = (e) => (e.data === '{}' ? socket.send('{}') : settled(socket))
        socket.onclose = () => settled(socket)
      })
    })
    window.others = await Promise.all(opened)
  })
  const context = await browser.newContext({ baseURL: muster.url, storageState: await jonas.context.storageState() })
  const page = await context.newPage()
  await page.goto('/')
  const says = page.getByRole('status').filter({ hasText: 'You have Muster open too many times.' })
  await says.waitFor()
  await jonas.page.evaluate(() => window.others.forEach((socket) => socket.close()))
  await until('the window is connected again', async () => {
    await page.getByRole('button', { name: 'Try now' }).click({ timeout: 500 }).catch(() => {})
    return (await says.count()) === 0 && (await page.getByText('Reconnecting…').count()) === 0
  })
  await context.close()
  await jonas.done()
})
