// A guest's voice: who came by a link hears and is heard, is muted and moved like
// everybody else, and falls silent at the moment the link is revoked.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { arrives, caller, comeIn, into, LOOPBACK, MEDIA, mediaBrowser, mediaChild, more, people, silent, speak, stage, toggle, voice } from './call.mjs'
import { dialog, open, press, screen, until } from './hands.mjs'
import { startMuster } from './muster.mjs'
import { startBrowser } from './people.mjs'

let browser
let muster
before(async () => {
  muster = await startMuster()
  browser = await mediaBrowser()
})
after(async () => {
  await browser?.close()
  await muster?.stop()
})

const button = (p, name) => p.page.getByRole('button', { name, exact: true })
const said = (p) => p.page.locator('[data-say]')
const offer = (p) => voice(p).getByRole('button', { name: /^(Join|Start) voice/ })
const here = (p) => p.page.getByRole('list', { name: 'In the room' })
const tracks = (p) => p.page.evaluate(() => window.kept.tracks.map((t) => t.readyState))

/** host goes into a room and makes a link to it. */
async function host(p, room) {
  await open(p, room)
  await comeIn(p)
  await screen(p).getByRole('tab', { name: /^People/ }).click()
  await button(p, 'Make a link').click()
  const form = dialog(p, /^A link to/)
  await form.getByLabel('For whom').fill('Auditors')
  await form.getByRole('button', { name: 'Make the link' }).click()
  const made = dialog(p, 'The link is made')
  const url = await made.getByLabel('Give this to your guest').inputValue()
  await made.getByRole('button', { name: 'Done' }).click()
  return url
}

/** visitor knocks by the link and is let in. */
async function visitor(from, p, url, room, name, o = {}) {
  const g = { ...(await caller(from, muster, 'guest', { signIn: false, ...o })), name }
  await g.page.goto(url)
  await g.page.getByLabel('Your name').fill(name)
  await g.page.getByRole('button', { name: 'Knock', exact: true }).click()
  await p.page.getByRole('region', { name: 'Requests to come' }).getByRole('button', { name: 'Let in' }).click()
  await g.page.getByRole('heading', { name: room }).waitFor()
  return g
}

test('a guest hears and is heard, is seen, muted and moved, and is out of the call when the link is revoked', { timeout: 240_000 }, async () => {
  const ines = await caller(browser, muster, 'ines')
  const url = await host(ines, 'payments-ops')
  const zoe = await visitor(browser, ines, url, 'payments-ops', 'Zoë Audit')
  const asked = []
  zoe.page.on('request', (r) => asked.push(new URL(r.url()).pathname))
  await offer(zoe).waitFor()
  await zoe.axe('voice on offer to a guest')
  // What carries media is loaded when somebody wants to talk, and not before.
  const engine = () => zoe.page.evaluate(() => performance.getEntriesByType('resource').some((r) => /\/engine-[^/]*\.js$/.test(r.name)))
  assert.equal(await engine(), false, 'the media engine was loaded before the guest joined')

  await offer(ines).click()
  await toggle(ines, 'Microphone').waitFor()
  await voice(zoe).getByRole('button', { name: 'Join voice · 1 here' }).click()
  await toggle(zoe, 'Microphone').waitFor()
  assert.equal(await engine(), true)
  await said(ines).getByText('Zoë Audit (guest) joined the call').waitFor()

  // Muted on arrival: no device was asked for, and nothing arrives.
  assert.deepEqual(await tracks(zoe), [])
  assert.equal((await arrives(ines)).energy, 0)
  await speak(ines)
  await more(zoe, 'energy')
  await here(zoe).getByRole('listitem').filter({ hasText: 'Inês Carvalho' }).getByText(/speaking|microphone on/i).waitFor()
  await speak(zoe)
  await more(ines, 'energy')
  await more(ines, 'audio')
  await more(zoe, 'audio')
  await zoe.axe('a call as a guest hears it')
  await zoe.shot('guest-call')

  // M mutes, Space opens for as long as it is held; not where one types.
  await zoe.page.getByRole('textbox', { name: 'Message' }).fill('mm m')
  assert.equal(await toggle(zoe, 'Microphone').getAttribute('aria-pressed'), 'true')
  await zoe.page.getByRole('button', { name: 'Send' }).click()
  await screen(zoe).getByRole('log').getByText('mm m').waitFor()
  await zoe.page.evaluate(() => document.activeElement.blur())
  await zoe.page.keyboard.press('m')
  await until('zoe is muted', () => toggle(zoe, 'Microphone').getAttribute('aria-pressed').then((on) => on === 'false'))
  await silent(ines)
  await zoe.page.keyboard.down('Space')
  await voice(zoe).getByText('You speak while you hold Space').waitFor()
  await more(ines, 'energy')
  await zoe.page.keyboard.up('Space')
  await silent(ines)

  // A hand reaches the others; in the list the guest is marked as one.
  await toggle(zoe, 'Raise hand').click()
  await said(ines).getByText('Zoë Audit (guest) raised a hand').waitFor()
  await toggle(zoe, 'Raise hand').and(zoe.page.locator('[aria-pressed=true]')).waitFor()
  const list = await people(ines)
  const row = list.getByRole('listitem').filter({ hasText: 'Zoë Audit' })
  await row.getByText('Guest', { exact: true }).waitFor()
  await row.getByText('Hand raised').waitFor()
  await ines.axe('a guest among the people in the call')
  await ines.shot('guest-call-member')

  // A moderator mutes; one opens again oneself. And moves to the gallery and back.
  await speak(zoe)
  await more(ines, 'energy')
  const moderate = async (entry) => {
    await row.getByRole('button', { name: 'More about Zoë Audit (guest)' }).click()
    await ines.page.getByRole('menuitem', { name: entry }).click()
  }
  await row.getByText(/Microphone on|Speaking/).waitFor()
  await moderate('Mute')
  await voice(zoe).getByText('A moderator muted you').waitFor()
  await silent(ines)
  await speak(zoe)
  await more(ines, 'energy')
  await moderate('Move to the gallery')
  await voice(zoe).getByText('You were moved to the gallery').waitFor()
  await silent(ines)
  assert.ok((await tracks(zoe)).every((t) => t === 'ended'), 'a device of the guest is held in the gallery')
  await more(zoe, 'energy')
  await button(zoe, 'Go to the table').click()
  await voice(zoe).getByText(/You were moved to the gallery of this call/).waitFor()
  await moderate('Bring to the table')
  await voice(zoe).getByText('You are at the table now').waitFor()
  await ines.page.keyboard.press('Escape')

  // By themselves, too: to the gallery and back to the table.
  await button(zoe, 'Only listen, from the gallery').click()
  await voice(zoe).getByText('You listen from the gallery').first().waitFor()
  await until('ines sees a listener', async () => /listens/i.test(await screen(ines).innerHTML()))
  await button(zoe, 'Go to the table').click()
  await speak(zoe)
  await more(ines, 'energy')

  // Cameras and screens, both ways.
  await toggle(ines, 'Camera').click()
  await more(zoe, 'frames')
  await stage(zoe).getByRole('list', { name: 'Cameras' }).getByText('Inês Carvalho').waitFor()
  await toggle(zoe, 'Camera').click()
  await more(ines, 'frames')
  await toggle(ines, 'Show a screen').click()
  await stage(zoe).getByRole('toolbar', { name: 'Inês Carvalho’s screen' }).waitFor()
  await more(zoe, 'frames')
  await zoe.axe('screens and cameras as a guest sees them')
  await zoe.shot('guest-call-screen')
  await zoe.page.emulateMedia({ colorScheme: 'dark' })
  await zoe.shot('guest-call-screen-dark')
  await zoe.page.setViewportSize({ width: 390, height: 844 })
  await zoe.axe('screens on a guest’s phone', { themes: ['light'] })
  await zoe.shot('guest-call-screen-phone')
  await zoe.page.setViewportSize({ width: 1440, height: 900 })
  await toggle(ines, 'Stop showing your screen').click()
  await toggle(ines, 'Camera').click()

  // Sound and camera are chosen here as elsewhere, without what only the office has.
  await toggle(zoe, 'Sound and camera').click()
  const settings = dialog(zoe, 'Sound and camera')
  await settings.getByRole('meter', { name: 'How loud you are' }).waitFor()
  await settings.getByLabel('Microphone', { exact: true }).selectOption({ index: 1 })
  assert.equal(await settings.getByText('Keep voice on when I walk').count(), 0)
  await zoe.axe('sound and camera of a guest', { themes: ['light'] })
  await zoe.page.keyboard.press('Escape')
  await more(ines, 'energy')

  // A guest's page asks nothing but what is a guest's.
  const foreign = asked.filter((path) => path.startsWith('/api/') && !path.startsWith('/api/v1/guest'))
  assert.deepEqual(foreign, [], 'the guest’s page asked the members’ API')

  await screen(ines).getByRole('tab', { name: /^People/ }).click()
  await button(ines, 'Revoke the link Auditors').click()
  await dialog(ines, 'Revoke this link?').getByRole('button', { name: 'Revoke' }).click()
  await zoe.page.getByText('The link was revoked.').waitFor()
  await said(ines).getByText('Zoë Audit (guest) left the call').waitFor()
  await silent(ines)
  assert.ok((await tracks(zoe)).every((t) => t === 'ended'), 'a device of the guest is still held')
  assert.equal(await zoe.page.evaluate(() => window.kept.connections.filter((c) => /^connect/.test(c.connectionState)).length), 0, 'a connection of the guest still stands')
  assert.equal(await zoe.page.locator('audio').count(), 0)
  await zoe.done()
  await ines.done()
})

test('the media process dies under a guest, who hears again; in a second tab voice moves', { timeout: 180_000 }, async () => {
  const ines = await caller(browser, muster, 'ines')
  const url = await host(ines, 'treasury')
  const zoe = await visitor(browser, ines, url, 'treasury', 'Zoë Audit', { theme: 'dark' })
  await offer(ines).click()
  await speak(ines)
  await voice(zoe).getByRole('button', { name: 'Only listen' }).click()
  await voice(zoe).getByText('You listen from the gallery').waitFor()
  await more(zoe, 'energy')
  assert.equal(await toggle(zoe, 'Microphone').count(), 0)
  await button(zoe, 'Go to the table').click()
  await speak(zoe)
  await more(ines, 'energy')

  const child = await mediaChild(muster)
  await zoe.rough(() =>
    ines.rough(async () => {
      const connections = await zoe.page.evaluate(() => window.kept.connections.length)
      process.kill(child, 'SIGKILL')
      const began = Date.now()
      await until('the guest hears again', () =>
        zoe.page.evaluate(async (from) => {
          for (const pc of window.kept.connections.slice(from)) {
            if (pc.connectionState === 'closed') continue
            for (const s of (await pc.getStats()).values()) if (s.type === 'inbound-rtp' && s.kind === 'audio' && s.totalAudioEnergy > 0) return true
          }
          return false
        }, connections),
      )
      console.log(`# the guest hears again after ${Date.now() - began} ms`)
      await more(ines, 'energy')
    }),
  )
  await voice(zoe).getByRole('button', { name: 'Microphone', exact: true, pressed: true }).waitFor()

  // Without a network it is said that it is lost, and all comes back.
  await zoe.rough(async () => {
    await zoe.context.setOffline(true)
    await zoe.page.getByText('The connection is lost').waitFor()
    await zoe.axe('a guest without a connection', { themes: ['light'] })
    await zoe.context.setOffline(false)
    // Attempts that were on their way fail until then.
    await zoe.page.getByText('The connection is lost').waitFor({ state: 'detached' })
    await voice(zoe).getByRole('button', { name: 'Microphone', exact: true, pressed: true }).waitFor()
    await more(ines, 'energy')
  })

  const tab = { ...zoe, page: await zoe.context.newPage() }
  await tab.page.goto('/guest')
  await tab.page.getByRole('heading', { name: 'treasury' }).waitFor()
  await offer(tab).click()
  await voice(zoe).getByText('Voice moved to another tab.').waitFor()
  assert.ok((await tracks(zoe)).every((t) => t === 'ended'))
  await zoe.axe('a guest’s voice in another tab', { themes: ['dark'] })
  await button(zoe, 'Take it back').click()
  await toggle(zoe, 'Microphone').waitFor()
  await tab.page.close()
  await button(zoe, 'Leave the call').click()
  await offer(zoe).waitFor()
  await zoe.done()
  await ines.done()
})

test('a guest is asked before they are recorded, and without a microphone listens', { timeout: 180_000 }, async () => {
  const ines = await caller(browser, muster, 'ines')
  const url = await host(ines, 'change-board')
  const deaf = await startBrowser({ args: [...MEDIA.filter((a) => !a.startsWith('--use-fake-ui')), ...LOOPBACK] })
  try {
    const zoe = await visitor(deaf, ines, url, 'change-board', 'Zoë Audit', { permissions: [], size: 'phone' })
    await offer(ines).click()
    await speak(ines)
    await offer(zoe).click()
    await toggle(zoe, 'Microphone').click()
    await voice(zoe).getByText('The browser does not let Muster use your microphone').waitFor()
    await voice(zoe).getByText(/You can listen meanwhile/).waitFor()
    await more(zoe, 'energy')
    await zoe.axe('a guest without a microphone', { themes: ['light'] })
    await zoe.shot('guest-call-denied-phone')

    // From now on calls here are recorded: who is in one is moved and asked, and who comes is told before they speak.
    await press(ines, button(ines, 'More about this room'), 'Record calls here')
    await dialog(ines, /^Record calls in/).getByRole('button', { name: 'Record calls' }).click()
    await dialog(zoe, 'This call is recorded from now on').getByRole('button', { name: 'Leave the call' }).click()
    await voice(zoe).getByText('Calls are recorded').waitFor()
    const ask = (p, title = 'Calls in this room are recorded') => dialog(p, title)
    await dialog(ines, 'This call is recorded from now on').getByRole('button', { name: 'Stay and be recorded' }).click()
    await offer(zoe).click()
    await ask(zoe).getByText(/It is kept for \d+ days, then deleted/).waitFor()
    await zoe.axe('a guest is asked before they are recorded')
    await zoe.shot('guest-call-consent-phone')
    await ask(zoe).getByRole('button', { name: 'Cancel' }).click()
    await offer(zoe).click()
    await ask(zoe).getByRole('button', { name: 'Only listen' }).click()
    await voice(zoe).getByText('Recorded', { exact: true }).waitFor()
    await said(zoe).getByText('You are in a call that is recorded').waitFor()
    // From the gallery to the table they are asked as well, and the connection stays.
    await button(zoe, 'Go to the table').click()
    await ask(zoe).getByRole('button', { name: 'Join and be recorded' }).click()
    await toggle(zoe, 'Microphone').waitFor()
    await voice(zoe).getByText('Recorded', { exact: true }).waitFor()
    await voice(ines).getByRole('button', { name: 'Microphone', exact: true, pressed: true }).waitFor()
    await more(zoe, 'energy')
    await zoe.done()
  } finally {
    await deaf.close()
  }

  await ines.done()
})
