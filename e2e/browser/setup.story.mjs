// The first administrator: an empty folder prints a one-time link, and the link
// makes an office.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startMuster } from './muster.mjs'
import { person, startBrowser } from './people.mjs'

let browser
let muster
before(async () => {
  muster = await startMuster({ demo: false })
  browser = await startBrowser()
})
after(async () => {
  await browser?.close()
  await muster?.stop()
})

test('an empty office is set up by its one-time link, once', async () => {
  const link = await muster.says(/https?:\/\/\S*\/setup\?token=\S+(?=\n)/)

  const first = await person(browser, muster, 'amara', { signIn: false })
  await first.page.goto(link)
  await first.page.getByLabel('Name of the office').fill('Northwind Bank')
  await first.page.getByLabel('Your full name').fill('Amara Okafor')
  await first.page.getByLabel('Sign-in name').fill('amara')
  assert.ok(await first.page.getByLabel(/Page me where nobody else is on call/).isChecked())
  await first.axe('set-up')
  await first.shot('setup')

  // A password that is too short is named as the field that is wrong.
  await first.page.getByLabel(/^Password/).fill('short')
  await first.page.getByRole('button', { name: 'Create the office' }).click()
  await first.page.getByText(/12 characters/).first().waitFor()
  await first.page.getByLabel(/^Password/).fill('a long enough pass phrase 7')
  await first.page.getByRole('button', { name: 'Create the office' }).click()
  await first.page.getByText('Northwind Bank').first().waitFor()
  await first.axe('the empty office')
  await first.shot('empty-office')

  // Somebody is paged where nobody else is on call: the first administrator.
  await first.page.goto(new URL('/admin/services', muster.url).href)
  await first.page.getByText('catch-all', { exact: true }).first().waitFor()
  assert.equal(await first.page.getByText('No rotation is the catch-all').count(), 0)
  await first.axe('services with the catch-all')
  await first.shot('catch-all')

  // The link works once; who comes later is told.
  const late = await person(browser, muster, 'mallory', { signIn: false })
  const status = await late.page.goto(link).then(() =>
    late.page.evaluate(async (token) => {
      const answer = await fetch('/api/v1/setup', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ token, name: 'mallory', display: 'Mallory', password: 'a long enough pass phrase 8' }),
      })
      return answer.status
    }, new URL(link).searchParams.get('token')),
  )
  assert.ok(status >= 400 && status < 500, `the link worked twice: ${status}`)

  // Signing out and in again.
  await first.context.clearCookies()
  muster.logins.amara = 'a long enough pass phrase 7'
  const again = await person(browser, muster, 'amara', { theme: 'dark', size: 'phone' })
  await again.axe('the empty office on a phone')
  for (const p of [first, late, again]) await p.done()
})
