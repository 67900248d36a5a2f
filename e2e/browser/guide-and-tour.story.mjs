// Learning Muster in Muster: the walk for newcomers, the list of what an empty
// office needs, help, the guide and its search, and the way from a refusal to why.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { dialog, heading, open, screen, type, until } from './hands.mjs'
import { startMuster } from './muster.mjs'
import { person, sizes, startBrowser } from './people.mjs'

let browser
let muster
let empty
before(async () => {
  ;[muster, empty] = await Promise.all([startMuster(), startMuster({ demo: false })])
  browser = await startBrowser()
})
after(async () => {
  await browser?.close()
  await Promise.all([muster?.stop(), empty?.stop()])
})
const article = (p) => screen(p).getByRole('article')

test('a newcomer is shown around, by keyboard, and can go on later', async () => {
  const p = await person(browser, muster, 'daniel', { newcomer: true })
  const walk = p.page.getByRole('dialog')
  await walk.getByRole('heading', { name: /^Welcome to/ }).waitFor()
  await p.axe('the welcome', { themes: ['light'] })
  const titles = ['The floor map', /^A room: /, 'Write, or command', 'Ctrl+K goes anywhere']
  for (const title of titles) {
    await p.page.keyboard.press('ArrowRight')
    await walk.getByRole('heading', { name: title }).waitFor()
    assert.ok(await walk.evaluate((el) => el.contains(document.activeElement)), `the focus left the walk at ${title}`)
  }
  await p.axe('the walk', { themes: ['light'] })
  await p.page.keyboard.press('Escape')
  await walk.waitFor({ state: 'detached' })

  // It waits at the step where one left.
  await p.page.reload()
  await p.page.getByRole('button', { name: 'Help', exact: true }).click()
  await dialog(p, 'Help').getByRole('button', { name: /^Show me around/ }).click()
  await walk.getByRole('button', { name: 'Go on' }).click()
  await walk.getByRole('heading', { name: 'Ctrl+K goes anywhere' }).waitFor()
  for (const title of ['Jobs', 'Approvals', 'The record writes itself', 'The guide is always here']) {
    await p.page.keyboard.press('ArrowRight')
    await walk.getByRole('heading', { name: title }).waitFor()
  }
  await walk.getByRole('link', { name: 'Begin with your first incident' }).click()
  await heading(p, 'Your first incident').waitFor()
  await walk.waitFor({ state: 'detached' })

  // Every picture of the page is the product's own.
  const pictures = article(p).getByRole('img')
  await pictures.first().scrollIntoViewIfNeeded()
  await until('the picture is drawn', () => pictures.first().evaluate((el) => el.complete && el.naturalWidth > 300))
  await p.axe('a page of the guide')

  // A refusal leads to the page that explains it.
  await open(p, 'payments-ops')
  await type(p, '/run payments/restart-service service=payments-api env=dev')
  await p.page.getByText('You may not do this').waitFor()
  await p.page.getByRole('link', { name: 'Why, and who can allow it' }).click()
  await heading(p, 'Access policy').waitFor()
  await article(p).getByRole('heading', { name: 'Why was I refused?' }).and(p.page.locator(':focus')).waitFor()

  // Search here, in help and in the palette.
  await p.page.getByRole('searchbox', { name: 'Search the guide' }).fill('escalation acknowledged')
  await p.page.getByRole('navigation', { name: 'Guide', exact: true }).getByRole('link', { name: /Paging/ }).first().click()
  await heading(p, 'On call').waitFor()
  await p.page.keyboard.press('Control+k')
  await p.page.getByRole('combobox', { name: 'Go to or do anything' }).fill('checkpoint')
  await p.page.getByRole('option', { name: /Keep a checkpoint elsewhere/ }).click()
  await heading(p, 'The ledger').waitFor()
  await p.page.getByRole('navigation', { name: 'Before and after' }).getByRole('link', { name: /^Next/ }).click()
  await heading(p, 'Security model').waitFor()
  await p.done()
})

test('whoever is not signed in can read, and nothing else', async () => {
  const p = await person(browser, muster, 'farah', { signIn: false, size: 'phone', theme: 'dark' })
  await p.page.goto('/guide/on-call')
  await heading(p, 'On call').waitFor()
  await article(p).getByRole('heading', { name: 'Paging' }).waitFor()
  await p.axe('the guide before sign-in, on a phone')
  await p.page.getByRole('combobox', { name: 'Page of the guide' }).selectOption('ledger')
  await heading(p, 'The ledger').waitFor()
  await p.page.getByRole('link', { name: 'Sign in' }).click()
  await p.page.getByRole('button', { name: 'Sign in' }).waitFor()
  await p.done()
})

test('the first administrator sees what the office needs, as it is', async () => {
  const link = await empty.says(/https?:\/\/\S*\/setup\?token=\S+(?=\n)/)
  const p = await person(browser, empty, 'amara', { signIn: false, newcomer: true })
  await p.page.goto(link)
  await p.page.getByLabel('Name of the office').fill('Northwind Bank')
  await p.page.getByLabel('Your full name').fill('Amara Okafor')
  await p.page.getByLabel('Sign-in name').fill('amara')
  await p.page.getByLabel(/^Password/).fill('a long enough pass phrase 7')
  await p.page.getByRole('button', { name: 'Create the office' }).click()
  const list = dialog(p, 'Set up this office')
  await list.getByText('1 of 8').waitFor()
  await p.axe('what an office needs')
  await empty.cli('room', 'create', 'operations')
  await list.getByText('2 of 8').waitFor()
  await list.getByRole('link', { name: /^Make a room ?, done/ }).waitFor()
  await list.getByRole('link', { name: /^Add people ?, not yet/ }).click()
  await p.page.getByRole('region', { name: 'Administration: People' }).waitFor()
  await list.waitFor() // it stays beside the screens it leads to

  // On a phone it makes room for the screen it leads to, and comes back when asked.
  await p.page.setViewportSize(sizes.phone)
  await list.getByRole('link', { name: /^Make a room ?, done/ }).click()
  await list.getByRole('button', { name: 'Show the list' }).waitFor()
  assert.ok((await list.boundingBox()).height < 120, 'the list covers the screen')
  await p.axe('the folded list')
  await list.getByRole('button', { name: 'Show the list' }).click()
  await list.getByRole('link', { name: /^Connect an alert source/ }).first().waitFor()
  await p.done()
})
