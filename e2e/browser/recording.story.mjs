// Recording for the record: who speaks is asked first and can say no, everybody
// sees that it is recorded, and what was said is played again by those who may.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { caller, comeIn, dock, into, mediaBrowser, more, speak, toggle, voice } from './call.mjs'
import { dialog, go, heading, open, press, say, until } from './hands.mjs'
import { startMuster } from './muster.mjs'

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
const header = (p) => p.page.getByRole('main').locator('header').first()
const asked = (p, title = 'Calls in this room are recorded') => dialog(p, title)
const offer = (p) => voice(p).getByRole('button', { name: /^(Join|Start) voice/ })

test('a recorded call: asked, refused, given, seen, and played again', { timeout: 240_000 }, async () => {
  const ines = await caller(browser, muster, 'ines')
  const jonas = await caller(browser, muster, 'jonas', { theme: 'dark' })
  const amara = await caller(browser, muster, 'amara')

  // Whoever may change the room has its calls recorded, and is told what that means.
  await open(ines, 'treasury')
  await press(ines, button(ines, 'More about this room'), 'Record calls here')
  const set = dialog(ines, 'Record calls in treasury')
  await set.getByText(/Everybody is asked before they speak/).waitFor()
  await ines.axe('what recording means', { themes: ['light'] })
  await set.getByRole('button', { name: 'Record calls' }).click()
  await set.waitFor({ state: 'detached' })

  await comeIn(ines)
  await voice(ines).getByText('Calls are recorded').waitFor()
  await offer(ines).click()
  await asked(ines).getByText(/Your microphone is recorded/).waitFor()
  await asked(ines).getByText(/It is kept for \d+ days, then deleted/).waitFor()
  await ines.axe('asked before it is recorded')
  await ines.shot('recording-consent')
  await asked(ines).getByRole('button', { name: 'Cancel' }).click()
  await asked(ines).waitFor({ state: 'detached' })
  await offer(ines).waitFor()
  assert.equal(await dock(ines).count(), 0)
  await offer(ines).click()
  await asked(ines).getByRole('button', { name: 'Join and be recorded' }).click()
  await toggle(ines, 'Microphone').waitFor()
  await said(ines).getByText('You are in a call that is recorded').waitFor()
  await voice(ines).getByText('Recorded', { exact: true }).waitFor()
  await header(ines).getByText('Recorded', { exact: true }).waitFor()

  // Who walks in with voice kept on is asked before it is heard there.
  await into(jonas, 'lounge')
  await toggle(jonas, 'Sound and camera').click()
  await dialog(jonas, 'Sound and camera').getByLabel('Keep voice on when I walk').check()
  await jonas.page.keyboard.press('Escape')
  await speak(jonas)
  await open(jonas, 'treasury')
  await jonas.page.getByRole('main').getByRole('button', { name: 'Enter', exact: true }).click()
  await asked(jonas).getByText(/You keep voice on when you walk/).waitFor()
  assert.ok(await jonas.page.evaluate(() => window.kept.tracks.every((t) => t.readyState === 'ended')), 'jonas is heard before he agreed')
  await asked(jonas).getByRole('button', { name: 'Join and be recorded' }).click()
  await voice(jonas).getByRole('button', { name: 'Microphone', exact: true, pressed: true }).waitFor()
  await speak(ines)
  await more(ines, 'energy')
  await more(jonas, 'energy')
  await say(ines, 'The queue drains again.')
  await jonas.axe('a recorded call', { themes: ['dark'] })
  await go(jonas, 'Runs')
  await dock(jonas).getByText('Recorded', { exact: true }).waitFor()
  await more(jonas, 'energy')
  await dock(jonas).getByRole('button', { name: 'Leave the call' }).click()
  await button(ines, 'Leave').click()
  await offer(ines).waitFor()

  // Both voices are there, each in a track, and play in step.
  await press(ines, button(ines, 'More about this room'), 'Recordings')
  await heading(ines, /^Recordings of treasury/).waitFor()
  const player = ines.page.getByRole('region', { name: 'Player' })
  await until('both tracks are kept', async () => {
    if ((await player.getByRole('checkbox').count()) === 2) return true
    await ines.page.reload()
    await player.or(heading(ines, /^Recordings/)).first().waitFor()
    await ines.page.getByRole('status').filter({ hasText: /^Loading/ }).first().waitFor({ state: 'detached' })
    return (await player.getByRole('checkbox').count()) === 2
  })
  await player.getByRole('checkbox', { name: 'Hear Jonas Lindqvist' }).waitFor()
  await player.getByRole('button', { name: 'Play', exact: true }).click()
  const sounds = () => player.locator('audio').evaluateAll((all) => all.map((a) => ({ duration: a.duration, at: a.currentTime, error: a.error?.message ?? '' })))
  await until('both sound', async () => (await sounds()).every((a) => a.duration > 0 && a.at > 0))
  assert.deepEqual((await sounds()).map((a) => a.error), ['', ''])
  const place = player.getByRole('slider', { name: 'Place in the call' })
  await player.getByRole('button', { name: 'Pause', exact: true }).click()
  const written = player.getByRole('button', { name: /The queue drains again/ })
  await written.click()
  assert.equal(await written.getAttribute('aria-current'), 'true')
  const there = Number(await place.inputValue())
  await place.focus()
  await ines.page.keyboard.press('ArrowLeft')
  assert.equal(Number(await place.inputValue()), Math.max(0, Math.round((there - 5000) / 100) * 100))
  await player.getByRole('button', { name: 'Hear only Jonas Lindqvist' }).click()
  assert.equal(await player.getByRole('checkbox', { name: 'Hear Inês Carvalho' }).isChecked(), false)
  const [file] = await Promise.all([ines.page.waitForEvent('download'), player.getByRole('link', { name: 'Download the track of Jonas Lindqvist' }).click()])
  assert.match(file.suggestedFilename(), /^Jonas Lindqvist .*\.ogg$/)
  await ines.axe('recordings')
  await ines.shot('recordings')

  // A moment that something else points at is where it begins.
  await ines.page.goto(`${new URL(ines.page.url()).pathname}?at=1500`)
  await place.waitFor()
  assert.equal(await place.inputValue(), '1500')

  // Who took part in none of it, and has no rule on their side, hears nothing.
  const track = await player.locator('audio').first().getAttribute('data-track')
  await amara.page.goto(new URL(ines.page.url()).pathname)
  await amara.page.getByText('There is no recording that you may hear').waitFor()
  await amara.axe('no recordings', { themes: ['dark'] })
  const refused = await amara.page.evaluate((id) => fetch(`/api/v1/recordings/${id}/audio`).then(async (r) => ({ status: r.status, ...(await r.json()) })), track)
  assert.equal(refused.status, 404)
  assert.equal(refused.detail, 'There is no such recording, or you may not hear it.')
  for (const p of [ines, jonas, amara]) await p.done()
})
