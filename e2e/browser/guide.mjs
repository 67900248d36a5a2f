// The pictures of README and guide: a short story on the demo, so that they
// show the real product and are made anew by one command (make shots). Light,
// one pixel a point, cut to what matters, and few colours: they are in the
// clone and in the binary.
import { execFile } from 'node:child_process'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { asPlan, composer, dialog, go, heading, onPlan, open, output, panel, run, say, screen, sidebar, type, until } from './hands.mjs'
import { binary, folder as scratch, startMuster } from './muster.mjs'
import { join as joinVoice, mediaBrowser, speak, stage, toggle } from './call.mjs'
import { person, settled, shot } from './people.mjs'
import { terminal } from './terminal.mjs'

const folder = resolve(process.argv[2] ?? 'docs/img')
const LIMIT = 120_000 // docs/links_test.go holds every picture to it
const view = { width: 1240, height: 780 }
const made = new Set()

/** picture takes what is on the screen, or a part of it with a little room around. */
async function picture(who, name, part, { pad = 0, height } = {}) {
  await settled(who.page)
  let clip
  if (part) {
    await part.scrollIntoViewIfNeeded()
    const b = await part.boundingBox()
    const size = who.page.viewportSize()
    const x = Math.max(0, b.x - pad)
    const y = Math.max(0, b.y - pad)
    clip = { x, y, width: Math.min(b.width + 2 * pad, size.width - x), height: Math.min(height ?? b.height + 2 * pad, size.height - y) }
  }
  const path = join(folder, name + '.png')
  await who.page.screenshot({ path, clip, animations: 'disabled', caret: 'hide' })
  await promisify(execFile)('pngquant', ['--force', '--skip-if-larger', '--strip', '--speed', '1', '--quality', '60-95', '--output', path, '256', path]).catch((error) => {
    if (error.code === 'ENOENT') throw new Error('pngquant is missing. Install it: scripts/need test')
    if (error.code !== 98 && error.code !== 99) throw error // it would not become smaller, or not good enough
  })
  const { size } = await stat(path)
  if (size > LIMIT) throw new Error(`${name}.png has ${size} bytes, more than ${LIMIT}: cut it to what matters.`)
  made.add(name + '.png')
  console.log(`${path}  ${Math.round(size / 1000)} kB`)
}

const fire = async (muster, name, severity, env, summary, extra = {}) => {
  const labels = { alertname: name, severity, env, ...extra }
  const answer = await fetch(muster.webhook, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      version: '4', groupKey: `{}:{alertname="${name}"}`, truncatedAlerts: 0, status: 'firing', receiver: 'muster', groupLabels: { alertname: name }, commonLabels: labels, commonAnnotations: {}, externalURL: 'https://alerts.northbank.example',
      alerts: [{ status: 'firing', labels, annotations: { summary }, startsAt: new Date(Date.now() - 4 * 60_000).toISOString(), endsAt: '0001-01-01T00:00:00Z', generatorURL: 'https://prometheus.northbank.example/graph', fingerprint: name }],
    }),
  })
  if (!answer.ok) throw new Error(await answer.text())
}
/** typed shows lines in a terminal where `muster` is the built one. */
const typed = async (name, lines, { env = {}, ...where } = {}) => {
  const { page, window } = await terminal(browser, lines, { ...where, env: { ...env, PATH: `${dirname(resolve(binary))}:${process.env.PATH}` } })
  await picture({ page }, name, window)
  await page.close()
}
const enter = async (who, room) => {
  await open(who, room)
  await who.page.getByRole('group', { name: 'In the room' }).getByRole('button', { name: 'Enter' }).click()
  await who.page.getByRole('group', { name: `You are in ${room}` }).waitFor()
}
const admin = async (who, section, wait) => {
  await who.page.goto('/admin/' + section)
  await screen(who).getByText(wait).first().waitFor()
}
/** queueOnAScreen stands, in the page, for the screen that somebody shows: what a dashboard would draw. */
function queueOnAScreen() {
  navigator.mediaDevices.getDisplayMedia = async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 1280, height: 720 })
    const c = canvas.getContext('2d')
    const depth = (x) => 640 - 470 / (1 + Math.exp(-(x - 560) / 90)) + 190 / (1 + Math.exp(-(x - 980) / 60)) + 9 * Math.sin(x / 13)
    const draw = () => {
      c.fillStyle = 'rgb(17, 22, 30)'
      c.fillRect(0, 0, 1280, 720)
      c.fillStyle = c.strokeStyle = 'rgb(160, 170, 185)'
      c.font = '600 30px Inter Variable'
      c.fillText('pacs008.out: messages waiting', 60, 66)
      c.font = '22px Inter Variable'
      ;[0, 2000, 4000, 6000].forEach((n, i) => c.fillText(String(n), 40, 650 - i * 170))
      ;['13:40', '13:50', '14:00', '14:10'].forEach((t, i) => c.fillText(t, 150 + i * 320, 700))
      c.lineWidth = 4
      c.strokeStyle = 'rgb(90, 160, 250)'
      c.beginPath()
      for (let x = 120; x <= 1230; x += 3) c.lineTo(x, depth(x))
      c.stroke()
    }
    draw()
    setInterval(draw, 100)
    return canvas.captureStream(10)
  }
}
/** quiet takes passing words away, which would cover what is shown. */
const quiet = async (who) => {
  for (;;) {
    const cross = who.page.getByRole('region', { name: 'Messages from the app' }).getByRole('button', { name: 'Dismiss' })
    if (!(await cross.count())) return
    await cross.first().click().catch(() => {})
  }
}

await mkdir(folder, { recursive: true })
const muster = await startMuster()
const browser = await mediaBrowser()
try {
  const people = ['jonas', 'amara', 'daniel', 'ines', 'farah']
  const all = []
  for (const name of people) {
    const p = await person(browser, muster, name, { permissions: ['microphone', 'camera'] })
    p.context.setDefaultTimeout(60_000) // pictures may take their time
    await p.page.setViewportSize(view)
    all.push(p)
  }
  const [jonas, amara, daniel, ines, farah] = all

  // -- an administrator's office
  await enter(ines, 'sre-desk')
  await admin(ines, 'people', 'Amara Okafor')
  await picture(ines, 'people', screen(ines))
  await admin(ines, 'services', 'payments-api')
  await picture(ines, 'services', screen(ines), { height: 640 })
  await admin(ines, 'alert-sources', /alertmanager/i)
  await picture(ines, 'alert-sources', screen(ines), { height: 330 })
  await ines.page.goto('/docs')
  await picture(ines, 'api-docs', ines.page.locator('main'), { height: 560 })

  // -- an alert, and who comes
  await fire(muster, 'OutboundQueueDepth', 'critical', 'prod', 'Outbound pacs.008 queue is backing up', { queue: 'pacs008.out', service: 'payments-api' })
  const incident = (await muster.cli('incident', 'list', '--json')).items[0]
  const room = incident.room.name
  const toRoom = async (p) => {
    await p.page.goto('/rooms/' + incident.room.id)
    await heading(p, room).waitFor()
  }
  const enterRoom = async (p) => {
    await toRoom(p)
    await p.page.getByRole('group', { name: 'In the room' }).getByRole('button', { name: 'Enter' }).click()
    await p.page.getByRole('group', { name: `You are in ${room}` }).waitFor()
  }
  await toRoom(jonas)
  await quiet(jonas)
  await panel(jonas, incident.ticket).getByText('Not acknowledged').waitFor()
  await picture(jonas, 'paged', panel(jonas, incident.ticket), { height: 420 })
  await enterRoom(amara)
  await enterRoom(jonas)
  await panel(jonas, incident.ticket).getByRole('button', { name: 'Acknowledge' }).click()
  await say(amara, 'Taking command. Jonas on operations; the T2 cut-off is at 17:45.')
  await type(amara, '/role commander @amara')
  await type(amara, '/role operations @jonas')
  await type(amara, '/stage mitigating')
  await say(jonas, 'Depth of `pacs008.out` is over 5,000 and growing. **Restarting** the API host by host.')

  // What completes itself while one types.
  await composer(jonas).fill('')
  await composer(jonas).pressSequentially('/run pay')
  await jonas.page.getByRole('listbox', { name: 'Completions' }).waitFor()
  await quiet(jonas)
  const offers = jonas.page.getByRole('listbox', { name: 'Completions' })
  const [above, field] = [await offers.boundingBox(), await composer(jonas).boundingBox()]
  await picture(jonas, 'complete', offers, { pad: 8, height: field.y + field.height + 48 - above.y })
  await composer(jonas).fill('')

  // What is refused says by which rule.
  await toRoom(daniel)
  await type(daniel, '/run payments/restart-service service=payments-api env=dev')
  const refused = daniel.page.getByText('Only you see this.')
  await refused.waitFor()
  await quiet(daniel)
  await picture(daniel, 'denied', refused.locator('xpath=ancestor::*[contains(@class,"said")][1]'), { pad: 6 })
  await daniel.page.getByRole('button', { name: 'Dismiss' }).click()
  await composer(daniel).fill('')

  // -- four eyes
  await type(jonas, '/run payments/restart-service service=payments-api env=prod')
  await daniel.page.getByRole('button', { name: /review and approve/i }).first().waitFor()
  await jonas.page.getByText('Only you see this.').waitFor()
  await quiet(jonas)
  await jonas.page.getByRole('button', { name: 'Dismiss' }).first().click() // the command's answer
  await daniel.page.setViewportSize({ width: 390, height: 760 })
  await quiet(daniel)
  await picture(daniel, 'phone')
  await daniel.page.setViewportSize(view)
  await daniel.page.getByRole('button', { name: /review/i }).first().click()
  const review = daniel.page.getByRole('dialog')
  await review.getByRole('button', { name: 'Approve', exact: true }).waitFor()
  await picture(daniel, 'approve', review, { pad: 8 })
  await review.getByRole('button', { name: 'Approve', exact: true }).click()
  await review.waitFor({ state: 'hidden' })
  await output(jonas, 1).getByText(/stopping/).first().waitFor()
  await picture(jonas, 'room')
  await enterRoom(daniel)
  await ines.page.goto('/')
  await asPlan(ines)
  await onPlan(ines, incident.ticket).waitFor()
  await quiet(ines)
  await picture(ines, 'map')
  await ines.page.getByRole('button', { name: 'Floor Operations', exact: true }).click()
  await ines.page.getByRole('menuitem', { name: 'Edit the plan' }).click()
  const inPlan = ines.page.getByRole('application').getByRole('button', { name: /^payments-ops, / })
  await inPlan.focus()
  for (let n = 0; n < 5; n++) await ines.page.keyboard.press('ArrowRight')
  await quiet(ines)
  await picture(ines, 'map-edit')
  await ines.page.keyboard.press('Control+z')
  await ines.page.goto('/')

  // -- talking about it
  await jonas.page.evaluate(queueOnAScreen)
  await amara.page.evaluate(() => Object.defineProperty(MediaStreamTrack.prototype, 'label', { get: () => 'USB headset' }))
  for (const p of [jonas, amara, daniel]) await joinVoice(p)
  for (const p of [jonas, amara]) await speak(p)
  await toggle(daniel, 'Raise hand').click()
  await toggle(jonas, 'Show a screen').click()
  await stage(amara).getByRole('toolbar', { name: /screen$/ }).waitFor()
  await until('the screen is seen', () => stage(amara).locator('video').first().evaluate((v) => v.videoWidth > 0))
  await quiet(amara)
  await picture(amara, 'voice')
  await toggle(amara, 'Sound and camera').click()
  const sound = dialog(amara, 'Sound and camera')
  await until('the meter moves', () => sound.getByRole('meter').getAttribute('aria-valuenow').then((v) => Number(v) > 30))
  await sound.getByRole('button', { name: 'Hear yourself' }).waitFor()
  await picture(amara, 'voice-settings', sound, { pad: 8 })
  await amara.page.keyboard.press('Escape')
  for (const p of [jonas, amara, daniel]) await p.page.getByRole('button', { name: 'Leave', exact: true }).click()

  await run(jonas, 1).getByText(/Succeeded/).first().waitFor({ timeout: 90_000 })
  await jonas.page.goto('/runs/1')
  await jonas.page.getByText(/answers: 200/).first().waitFor()
  await quiet(jonas)
  await picture(jonas, 'run', screen(jonas))

  // -- a job's form, by hand
  await amara.page.goto('/jobs')
  await amara.page.getByText('restart-service').first().waitFor()
  await amara.page.keyboard.press('Control+k')
  await amara.page.getByRole('combobox').fill('health-check')
  await amara.page.getByRole('option', { name: /health-check/ }).first().click()
  const form = amara.page.getByRole('dialog')
  await form.getByRole('button', { name: 'Ask for approval' }).waitFor()
  await quiet(amara)
  await picture(amara, 'job-form', form, { pad: 8 })
  await amara.page.keyboard.press('Escape')

  // -- what is left: the timeline and the record
  await toRoom(amara)
  await type(amara, '/note Root cause: a stale connection pool after the 09:40 failover')
  await type(amara, '/action Alert when the outbound queue is older than 5 minutes @daniel')
  await type(amara, '/question Why did the standby not take over by itself?')
  await type(amara, '/stage resolved queue is empty')
  await amara.page.goto('/incidents/' + incident.ticket)
  await screen(amara).getByText('Root cause').first().waitFor()
  await quiet(amara)
  await picture(amara, 'timeline', screen(amara))
  const todo = screen(amara).getByRole('region', { name: 'Actions and questions' }).or(screen(amara).locator('section', { has: amara.page.getByRole('heading', { name: 'Actions and questions' }) }).last())
  await todo.first().getByText('standby').first().waitFor()
  await picture(amara, 'postmortem', todo.first(), { pad: 8 })
  await go(farah, 'Ledger')
  await screen(farah).getByText('Run finished').first().waitFor()
  await screen(farah).getByText('Run approved').first().click()
  await farah.page.getByRole('complementary', { name: 'Record' }).waitFor()
  await quiet(farah)
  await picture(farah, 'ledger', screen(farah), { height: 560 })

  // -- a guest
  await enter(ines, 'change-board')
  await screen(ines).getByRole('tab', { name: /^People/ }).click()
  await ines.page.getByRole('button', { name: 'Make a link' }).click()
  await dialog(ines, /^A link to/).getByLabel('For whom').fill('Auditors of the third quarter')
  await dialog(ines, /^A link to/).getByRole('button', { name: 'Make the link' }).click()
  const link = await dialog(ines, 'The link is made').getByLabel('Give this to your guest').inputValue()
  await dialog(ines, 'The link is made').getByRole('button', { name: 'Done' }).click()
  const zoe = await person(browser, muster, 'guest', { signIn: false })
  await zoe.page.setViewportSize(view)
  await zoe.page.goto(link)
  await zoe.page.getByLabel('Your name').fill('Zoë Audit')
  await picture(zoe, 'guest-door', undefined, { height: 620 })
  await zoe.page.getByRole('button', { name: 'Knock', exact: true }).click()
  await ines.page.getByRole('button', { name: 'Let in' }).click()
  await zoe.page.getByRole('heading', { name: 'change-board' }).waitFor()
  await screen(ines).getByRole('tab', { name: 'Chat' }).click()
  await say(ines, 'Welcome. We begin with the changes of the weekend.')
  await zoe.page.getByText('We begin with').waitFor()
  await picture(zoe, 'guest-room', zoe.page.getByRole('main'), { height: 420 })
  await screen(ines).getByRole('tab', { name: /^People/ }).click()
  await screen(ines).getByText('1 inside').waitFor()
  await picture(ines, 'guests', screen(ines), { height: 420 })
  await zoe.done()

  // -- one's own account, and help
  await jonas.page.goto('/account')
  await screen(jonas).getByText('this one').waitFor()
  await picture(jonas, 'account', screen(jonas), { height: 640 })
  await go(ines, 'Floor map')
  await admin(ines, 'access', 'Policies of the office')
  await picture(ines, 'access', screen(ines), { height: 560 })
  await go(amara, 'Alerts')
  await amara.page.keyboard.press('?')
  await dialog(amara, 'Help').waitFor()
  await picture(amara, 'help', dialog(amara, 'Help'), { pad: 8 })
  await Promise.all(all.map((p) => p.done()))

  // -- what is typed
  const remote = { env: { MUSTER_URL: muster.url, MUSTER_TOKEN: await muster.cli('token', 'create', '--user', 'jonas') } }
  await typed('cli', ['muster incident show ' + incident.ticket + ' | head -n 12', 'muster run start payments/restart-service -o service=payments-api -o env=dev --follow', 'muster run list'], remote)
  await typed('monitoring', ['curl -sS $MUSTER_URL/readyz', "curl -sS $MUSTER_URL/metrics | grep -E '^muster_(incident|alert|run|approval|socket|ledger|step).* [^0]' | grep -v bucket"], remote)
  const shelf = await scratch('shelf')
  const data = { cwd: shelf.path, env: { DATA: muster.dir } }
  await mkdir(join(shelf.path, 'shelf'))
  await typed('backup', ['muster backup keygen --out identity.txt | tee recipient.txt', 'muster backup --data $DATA --out shelf --recipients-file recipient.txt --keep 14', 'muster backup verify shelf/*.backup --identity identity.txt', 'muster doctor --data $DATA | tail -n 14'], data)
  await shelf.remove()

  // -- the first minute of an office of one's own
  const own = await startMuster({ demo: false })
  try {
    const first = await person(browser, own, 'amara', { signIn: false })
    await first.page.setViewportSize({ width: 760, height: 720 })
    await first.page.goto(await own.says(/https?:\/\/\S*\/setup\?token=\S+(?=\n)/))
    await first.page.getByLabel('Name of the office').fill('Northbank')
    await first.page.getByLabel('Your full name').fill('Inês Carvalho')
    await first.page.getByLabel('Sign-in name').fill('ines')
    await first.page.getByLabel(/^Password/).fill('harbour lantern quiet marmalade')
    await picture(first, 'install')
    await first.done()
  } finally {
    await own.stop()
  }

  for (const file of await readdir(folder)) if (!made.has(file)) await rm(join(folder, file))
} catch (error) {
  // What everybody saw when it broke off.
  for (const [i, context] of browser.contexts().entries()) for (const page of context.pages()) await shot(page, `guide-broke-off-${i}`).catch(() => {})
  throw error
} finally {
  await browser.close()
  await muster.stop()
}
