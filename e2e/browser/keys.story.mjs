// The whole incident without a mouse and without eyes: parts of the screen are found by role and name,
// everything is done by keys, and each key is counted. A click of the way by mouse counts as one key, and
// what has to be typed on both ways counts on both; by keys it may cost half as much again, and no more.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { mediaBrowser, caller, voice } from './call.mjs'
import { chips, heading, message, panel, run, until } from './hands.mjs'
import { startAlertmanager, startMuster } from './muster.mjs'

let muster
let alertmanager
let browser
before(async () => {
  muster = await startMuster()
  alertmanager = await startAlertmanager(muster.webhook)
  browser = await mediaBrowser()
})
after(async () => {
  await browser?.close()
  await alertmanager?.stop()
  await muster?.stop()
})

/** Fingers on a keyboard: they count what they press, and what a mouse would have needed instead. */
function fingers(p) {
  const count = { keys: 0, mouse: 0 }
  const { keyboard } = p.page
  return {
    count,
    /** Presses keys that a mouse has no use for. */
    async press(...keys) {
      for (const key of keys) {
        await keyboard.press(key)
        count.keys++
      }
    },
    /** Types what only the way by keys needs. */
    async say(text) {
      await keyboard.type(text)
      count.keys += text.length
    },
    /** Types what has to be typed on both ways. */
    async write(text) {
      await keyboard.type(text)
      count.keys += text.length
      count.mouse += text.length
    },
    /** What the same takes with a mouse. */
    clicks: (n) => (count.mouse += n),
  }
}
const focus = (p) => p.page.evaluate(() => ({ tag: document.activeElement.tagName, name: document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent ?? '' }))
const inside = (p, ticket) => p.page.getByRole('group', { name: new RegExp(`^You are in ${ticket}`) })
/** Whoever works by keys is somewhere; the page as a whole is nowhere. */
const somewhere = (p, after) => until(`${p.name} is somewhere after ${after}`, async () => (await focus(p)).tag !== 'BODY', 5000)
const at = (p, name) => until(`${p.name} is at ${name}`, async () => name.test((await focus(p)).name), 8000)
/** Walks the parts of the screen until something is at hand. */
async function walk(p, f, name, { back = false, tabs = 0 } = {}) {
  for (let n = 0; n < 10; n++) {
    await f.press(back ? 'Shift+F6' : 'F6')
    for (let t = 0; ; t++) {
      if (name.test((await focus(p)).name)) return
      if (t >= tabs) break
      await f.press('Tab')
    }
  }
  assert.fail(`${p.name} did not come to ${name} by F6; they are at ${JSON.stringify(await focus(p))}`)
}
/** What the page says by itself from now on. */
const listen = (p) =>
  p.page.evaluate(() => {
    window.heard = []
    window.ear?.disconnect()
    const spoken = (el) => {
      const region = el?.closest?.('[aria-live], [role=status], [role=alert], [role=timer], [role=log]')
      return region && region.getAttribute('aria-live') !== 'off' && region.getAttribute('role') !== 'timer' && region.getAttribute('role') !== 'log'
    }
    window.ear = new MutationObserver((all) => {
      for (const m of all) {
        const el = m.target instanceof Element ? m.target : m.target.parentElement
        if (!spoken(el)) continue
        if (m.type === 'characterData') window.heard.push(m.target.textContent)
        for (const n of m.addedNodes) if (n.textContent) window.heard.push(n.textContent)
      }
    })
    window.ear.observe(document.body, { childList: true, subtree: true, characterData: true })
  })
const heard = (p) => p.page.evaluate(() => window.heard)

async function signIn(p, f) {
  await p.page.goto('/')
  await p.page.getByLabel(/^(name|login|user ?name)/i).waitFor()
  await until('the first field has the focus', async () => (await focus(p)).tag === 'INPUT')
  await f.write(p.name)
  await f.press('Tab')
  await f.write(muster.logins[p.name])
  await f.press('Enter')
  f.clicks(3)
  await p.page.getByRole('button', { name: /^Your account/ }).waitFor()
}

test('an incident from the page to the end, by keys alone', { timeout: 420_000 }, async () => {
  const people = {}
  for (const name of ['jonas', 'amara', 'daniel']) people[name] = await caller(browser, muster, name, { signIn: false })
  const { jonas, amara, daniel } = people
  const [j, a, d] = [jonas, amara, daniel].map(fingers)
  await signIn(jonas, j)
  await signIn(amara, a)
  await signIn(daniel, d)

  // Paged, wherever one is: F6 leads there.
  await alertmanager.fire({ alertname: 'QueueDepth', service: 'payments-api', env: 'prod', severity: 'critical' }, { summary: 'Outbound pacs.008 queue is backing up' })
  await chips(jonas).getByRole('link', { name: /SEV-1/ }).waitFor()
  await jonas.page.getByRole('button', { name: /^Acknowledge/ }).first().waitFor()
  await walk(jonas, j, /^Acknowledge/)
  await j.press('Enter')
  j.clicks(1)
  const ticket = /INC-\d+/.exec(await heading(jonas, /^INC-/).innerText())[0]
  await at(jonas, /^Message /)
  await inside(jonas, ticket).waitFor()

  await j.say('/role commander')
  await j.press('Enter')
  j.clicks(1)
  await panel(jonas, ticket).getByText('Jonas Lindqvist').first().waitFor()
  await somewhere(jonas, 'taking command')

  // Somebody is asked over: it is said once, and not each second.
  await listen(amara)
  await j.say('/get @amara ')
  await j.write('please look at the queue')
  await j.press('Enter')
  j.clicks(3)
  const asks = amara.page.getByRole('region', { name: 'Requests to come' })
  await asks.getByText('asks you to come').waitFor()
  await asks.getByText('04:5').waitFor()
  await until('four seconds have passed', async () => /04:5[0-5]/.test(await asks.innerText()), 12_000)
  const words = await heard(amara)
  assert.ok(!words.some((w) => /^\s*\d\d:\d\d\s*$/.test(w)), `seconds are read: ${JSON.stringify(words)}`)
  assert.equal(words.filter((w) => w.includes('asks you to come')).length, 1, JSON.stringify(words))
  await walk(amara, a, /go$/, { tabs: 1 })
  await a.press('Enter')
  a.clicks(1)
  await heading(amara, new RegExp(ticket)).waitFor()
  await inside(amara, ticket).waitFor()
  await at(amara, /^Message /)

  // Voice: joined, muted and unmuted, a hand raised; one's own microphone is said.
  for (const [p, f] of [[amara, a], [jonas, j]]) {
    await f.say('/join')
    await f.press('Enter')
    f.clicks(1)
    await voice(p).getByRole('button', { name: 'Microphone' }).waitFor()
    await at(p, /^Message /) // who typed goes on typing
  }
  await walk(amara, a, /^Microphone$/, { back: true })
  await listen(amara)
  await a.press('m')
  a.clicks(1)
  await amara.page.locator('[data-say]').getByText('Microphone on').waitFor()
  await a.press('m')
  a.clicks(1)
  await amara.page.locator('[data-say]').getByText('Muted').waitFor()
  assert.equal((await heard(amara)).filter((w) => w === 'Muted').length, 1)
  await a.press('Control+k')
  await a.say('hand')
  await amara.page.getByRole('option', { name: 'Raise or lower my hand', selected: true }).waitFor()
  await a.press('Enter')
  a.clicks(1)
  await voice(jonas).getByRole('button', { name: /1 hand raised/ }).waitFor()
  await at(amara, /^Microphone$/) // back from the palette to where she was

  // Written, found, run, approved.
  await a.press('/')
  await a.write('The partner answers again since 14:05.')
  await a.press('Enter')
  await message(jonas, 'The partner answers again').waitFor()
  await j.write('/run payments/restart-service service=payments-api env=prod reason="stuck consumer"')
  await j.press('Enter')
  await run(jonas, 1).getByText(/Needs one approval/).waitFor()
  await d.press('Control+k')
  await d.say(ticket)
  await daniel.page.getByRole('option', { name: new RegExp(ticket), selected: true }).waitFor()
  await d.press('Enter')
  await at(daniel, /^Message /)
  await d.say('/approve 1')
  await d.press('Enter')
  d.clicks(5)
  await run(jonas, 1).getByText(/Daniel Weiss approved|[Ss]ucceeded/).first().waitFor({ timeout: 40_000 })
  await somewhere(daniel, 'approving')

  await j.say('/note ')
  await j.write('Consumer restarted, queue drains.')
  await j.press('Enter')
  j.clicks(2)
  await panel(jonas, ticket).getByText('Consumer restarted, queue drains.').waitFor()

  // Dialogs give back what they took.
  await j.press('?')
  const composer = jonas.page.getByRole('textbox', { name: /^Message / })
  assert.equal(await composer.inputValue(), '?', 'a letter typed into the message did something else')
  await j.press('Backspace', 'Control+k')
  await jonas.page.getByRole('combobox', { name: 'Go to or do anything' }).waitFor()
  await j.press('Escape')
  await at(jonas, /^Message /)

  await j.say('/stage resolved ')
  await j.write('Queue is empty.')
  await j.press('Enter')
  j.clicks(2)
  // What is still open is asked first, and answered by keys as well.
  const asked = jonas.page.getByRole('dialog')
  await Promise.race([panel(jonas, ticket).getByRole('list', { name: 'Stage: Resolved' }).waitFor(), asked.waitFor(), jonas.page.getByText('Only you see this.').last().waitFor()])
  await somewhere(jonas, 'resolving')

  const keys = j.count.keys + a.count.keys + d.count.keys
  const mouse = j.count.mouse + a.count.mouse + d.count.mouse
  console.log(`by keys ${keys}, by mouse ${mouse}: ${(keys / mouse).toFixed(2)}`)
  assert.ok(keys <= 1.5 * mouse, `${keys} keys stand against ${mouse} by mouse`)
  await Promise.all([jonas.done(), amara.done(), daniel.done()])
})

test('at 400 % the talk can still be read', { timeout: 120_000 }, async () => {
  const jonas = await caller(browser, muster, 'jonas')
  await jonas.page.setViewportSize({ width: 320, height: 256 })
  await jonas.page.getByRole('button', { name: 'Rooms and people' }).click()
  await jonas.page.getByRole('complementary', { name: 'Places' }).getByRole('link', { name: /^settlement\b/ }).click()
  const talk = jonas.page.getByRole('log', { name: /^Messages in / })
  await talk.waitFor()
  await talk.scrollIntoViewIfNeeded()
  const box = await talk.boundingBox()
  assert.ok(box.height >= 120, `the talk is ${box.height} high`)
  const width = await jonas.page.evaluate(() => document.scrollingElement.scrollWidth)
  assert.ok(width <= 320, `the page is ${width} wide`)
  await jonas.axe('a room at 400 %', { themes: ['light'] })
  await jonas.done()
})
