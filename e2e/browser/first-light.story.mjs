// First light, told by five people in browsers of their own: an alert becomes a
// room, people meet in it, a job fixes it, the record is sealed. Everything in
// it is real: Alertmanager, SMTP, sshd, processes.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { act, alert, answer, asList, asPlan, bell, chips, composer, dialog, go, heading, jump, loaded, message, onList, onPlan, open, output, panel, plan, run, say, screen, sidebar, take, talk, toast, tool, type, until, youAreIn } from './hands.mjs'
import { startMail } from './mail.mjs'
import { cli, folder, startAlertmanager, startMuster } from './muster.mjs'
import { person, shot, startBrowser } from './people.mjs'

let mail, muster, alertmanager, browser
const present = {}
/** come signs somebody in, once; afterwards they are still there. */
const come = (name, options) => (present[name + (options?.size ?? '')] ??= person(browser, muster, name, options))
const everybody = () => Promise.all(Object.values(present))

before(async () => {
  mail = await startMail()
  muster = await startMuster({
    files: { 'muster.yaml': `smtp:\n  host: 127.0.0.1\n  port: ${mail.port}\n  from: Muster <muster@northbank.example>\n  tls: none\n` },
  })
  alertmanager = await startAlertmanager(muster.webhook)
  browser = await startBrowser()
})
after(async () => {
  await browser?.close()
  await alertmanager?.stop()
  await muster?.stop()
  await mail?.stop()
})

/** accessible looks for violations in light and dark. All that are found are told at the end. */
const barriers = []
const accessible = (p, label) => p.axe(label).catch((error) => barriers.push(error.message))

/** chapter is a part of the story. What was on everybody's screen when it broke off is kept in e2e/out. */
let broken = ''
const chapter = (title, tell) =>
  test(title, { timeout: 240_000 }, async (t) => {
    if (broken) return t.skip(`the story broke off: ${broken}`)
    try {
      await tell()
    } catch (error) {
      broken = title
      await Promise.allSettled((await everybody()).map((p, i) => shot(p.page, `failed-${i}-${p.name}`)))
      throw error
    }
  })

chapter('people meet on the map', async () => {
  const [jonas, amara] = await Promise.all([come('jonas'), come('amara', { theme: 'dark' })])
  for (const p of [jonas, amara]) await onPlan(p, 'settlement').waitFor()
  await accessible(jonas, 'the map')

  // By keyboard: the first Enter chooses a room, the second walks in.
  await onPlan(amara, 'settlement').focus()
  await amara.page.keyboard.press('Enter')
  await amara.page.keyboard.press('Enter')
  await heading(amara, 'settlement').waitFor()
  await youAreIn(amara, 'settlement').waitFor()
  await onPlan(jonas, 'settlement', '1 person').waitFor()
  await asList(jonas)
  await onList(jonas, 'settlement').getByText('Amara Okafor').waitFor()
  await accessible(jonas, 'the floor as a list')
  await asPlan(jonas)

  // By pointer: choose the room, walk in from its panel, open its chat.
  await onPlan(jonas, 'settlement').click()
  const aside = jonas.page.getByRole('complementary', { name: 'Room settlement' })
  await aside.getByText('Amara Okafor').waitFor()
  await aside.getByRole('button', { name: 'Enter' }).click()
  await aside.getByText(/You are here/).waitFor()
  await amara.page.getByRole('group', { name: 'In the room' }).getByText('2 in the room').waitFor()
  await jonas.shot('map')
  await aside.getByRole('button', { name: 'Open chat' }).click()
  await heading(jonas, 'settlement').waitFor()
})

chapter('people talk', async () => {
  const [jonas, amara] = await Promise.all([come('jonas'), come('amara')])
  await say(amara, 'camt.053 for **06:00** is in `/srv/in`:\n\n```\nstatements 214\nbreaks 0\n```')
  const theirs = message(jonas, 'camt.053 for 06:00')
  await theirs.getByText('06:00', { exact: true }).and(jonas.page.locator('strong')).waitFor()
  await theirs.locator('code', { hasText: '/srv/in' }).waitFor()
  await theirs.locator('pre', { hasText: /statements 214\nbreaks 0/ }).waitFor()

  // An edit keeps what was there before; a deletion leaves its mark.
  await say(amara, 'The window closes at 07:30')
  await act(amara, message(amara, 'closes at 07:30'), 'Edit')
  const change = amara.page.getByRole('textbox', { name: 'Change the message' })
  await change.fill('The window closes at 07:45')
  await change.press('Enter')
  await message(jonas, 'closes at 07:45').getByRole('button', { name: '(edited)' }).click()
  const versions = dialog(jonas, 'Versions of this message')
  await versions.getByText('The window closes at 07:30').waitFor()
  await versions.getByText(/^Version 2, edited/).waitFor()
  await jonas.page.keyboard.press('Escape')
  await say(amara, 'This belongs elsewhere')
  await message(jonas, 'This belongs elsewhere').waitFor()
  await act(amara, message(amara, 'This belongs elsewhere'), 'Delete')
  await message(jonas, 'This message was deleted.').waitFor()
  assert.equal(await message(jonas, 'This belongs elsewhere').count(), 0)

  // A reaction says whose it is.
  await tool(jonas, message(jonas, 'closes at 07:45'), 'React')
  await dialog(jonas, 'React').getByRole('button', { name: 'thumbs up' }).click()
  await message(amara, 'closes at 07:45').getByRole('button', { name: 'thumbs up, 1: Jonas Lindqvist' }).waitFor()

  // What was said while one looked elsewhere stands below a line.
  await go(jonas, 'Floor map')
  await say(amara, 'First of two')
  await say(amara, 'Second of two')
  await sidebar(jonas).getByRole('link', { name: /^settlement.* 2 unread/ }).waitFor()
  await open(jonas, 'settlement')
  await talk(jonas).getByText('New', { exact: true }).waitFor()
  await message(jonas, 'Second of two').waitFor()
  const [before, below] = (await talk(jonas).innerText()).split(/^New$/m)
  assert.match(before, /closes at 07:45/)
  assert.match(below, /First of two[^]*Second of two/)
  await sidebar(jonas).getByRole('link', { name: /^settlement(?!.*unread)/ }).waitFor()
  await accessible(jonas, 'a room')
  await jonas.shot('room')
})

chapter('history reaches back to the first message, and a link leads to one', async () => {
  const [jonas, amara] = await Promise.all([come('jonas'), come('amara')])
  const room = await muster.cli('room', 'create', 'long-story', '--json')
  const token = await muster.cli('token', 'create', '--user', 'amara', '--name', 'story')
  await muster.cli('say', 'long-story', 'Post 1 of 300')
  for (let n = 2; n <= 300; n++) {
    const res = await fetch(`${muster.url}/api/v1/rooms/${room.id}/messages`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      body: JSON.stringify({ text: `Post ${n} of 300` }),
    })
    assert.ok(res.ok, `post ${n} was refused: ${res.status}`)
  }
  await open(jonas, 'long-story') // it came into the sidebar by itself
  await message(jonas, 'Post 300 of 300').waitFor()

  const seen = new Set()
  const look = async () => {
    for (const text of await message(jonas, /Post \d+ of 300/).allTextContents()) seen.add(Number(/Post (\d+) of/.exec(text)[1]))
  }
  const start = talk(jonas).getByText('This is the start of long-story')
  await talk(jonas).hover()
  await until('the history came to its first message', async () => {
    await look()
    if (await start.isVisible()) return true
    await jonas.page.mouse.wheel(0, -400)
  }, 60_000)
  await message(jonas, 'Post 1 of 300').waitFor()
  await look()
  const missing = Array.from({ length: 300 }, (_, i) => i + 1).filter((n) => !seen.has(n))
  assert.deepEqual(missing, [], 'posts were missing on the way up')

  await jonas.context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await act(jonas, message(jonas, 'Post 7 of 300'), 'Copy the link')
  await toast(jonas, 'The link is copied').waitFor()
  const link = await jonas.page.evaluate(() => navigator.clipboard.readText())
  await amara.page.goto(link)
  await amara.page.locator(`[data-message="${link.split('#m=')[1]}"][class*=lit]`).waitFor()
  const there = message(amara, 'Post 7 of 300')
  await until('the linked message is on the screen', () => there.isVisible())
  const box = await there.boundingBox()
  assert.ok(box.y > 50 && box.y < 850, `the linked message stands at ${box.y}`)
  await amara.page.getByRole('button', { name: 'Jump to latest' }).click()
  await message(amara, 'Post 300 of 300').waitFor()
})

chapter('a broken connection loses nothing and doubles nothing', async () => {
  const [jonas, amara] = await Promise.all([come('jonas'), come('amara')])
  await Promise.all([open(jonas, 'settlement'), open(amara, 'settlement')])
  await message(jonas, 'Second of two').waitFor()
  await jonas.offline(async () => {
    await jonas.page.getByText('Reconnecting…').waitFor()
    await accessible(jonas, 'a broken connection')
    for (let n = 1; n <= 5; n++) await say(amara, `While you were away, ${n}`)
    await type(jonas, 'Said into the dark')
    await jonas.page.getByRole('article', { name: 'Not sent' }).getByText('Said into the dark').waitFor()
  })
  await message(jonas, 'While you were away, 5').waitFor()
  await jonas.page.getByText('Reconnecting…').waitFor({ state: 'detached' })
  // Nobody presses anything: it goes out by itself.
  await message(amara, 'Said into the dark').waitFor()
  await jonas.page.getByRole('article', { name: 'Not sent' }).waitFor({ state: 'detached' })
  await say(jonas, 'I am back')
  await message(amara, 'I am back').waitFor()
  for (const p of [jonas, amara]) {
    const said = (await message(p, /While you were away|Said into the dark|I am back/).allTextContents()).map((x) => /While you were away, \d|Said into the dark|I am back/.exec(x)[0])
    assert.deepEqual(said, ['While you were away, 1', 'While you were away, 2', 'While you were away, 3', 'While you were away, 4', 'While you were away, 5', 'Said into the dark', 'I am back'], `${p.name} sees another order`)
  }
})

chapter('people are asked over', async () => {
  const [jonas, amara] = await Promise.all([come('jonas'), come('amara')])
  const moveTo = async (p, room) => {
    await open(p, room)
    await p.page.getByRole('group', { name: 'In the room' }).getByRole('button', { name: 'Enter' }).click()
    await youAreIn(p, room).waitFor()
  }
  await moveTo(jonas, 'lounge')
  await go(jonas, 'Floor map')

  // From the person's card, with a reason; they come.
  await sidebar(amara).getByRole('button', { name: /^Jonas Lindqvist/ }).click()
  const card = dialog(amara, 'Jonas Lindqvist, profile')
  await card.getByRole('textbox', { name: 'What for' }).fill('two minutes on camt.053')
  await card.getByRole('button', { name: 'Get' }).click()
  const asked = jonas.page.getByRole('region', { name: 'You are asked to come' })
  await asked.getByText('two minutes on camt.053').waitFor()
  await accessible(jonas, 'asked to come')
  await asked.getByRole('button', { name: 'Let’s go' }).click()
  await heading(jonas, 'settlement').waitFor()
  await youAreIn(jonas, 'settlement').waitFor()
  await toast(amara, 'Jonas Lindqvist is on the way').waitFor()
  await amara.page.getByRole('group', { name: 'In the room' }).getByText('2 in the room').waitFor()

  // From the room's header; they decline and say why.
  await moveTo(jonas, 'lounge')
  await amara.page.getByRole('button', { name: 'Bring in' }).click()
  await dialog(amara, 'Bring someone in').getByRole('listitem').filter({ hasText: 'Jonas Lindqvist' }).getByRole('button', { name: 'Get' }).click()
  await amara.page.keyboard.press('Escape')
  await asked.getByRole('button', { name: 'Not now' }).click()
  await asked.getByRole('textbox', { name: 'Say why' }).fill('on the phone with T2')
  await asked.getByRole('button', { name: 'Decline' }).click()
  await toast(amara, 'on the phone with T2').waitFor()
  await youAreIn(jonas, 'lounge').waitFor()
})

let incident
const queue = { alertname: 'QueueDepth', service: 'payments-api', env: 'prod', severity: 'critical', queue: 'pacs008.out' }
const latency = { alertname: 'PaymentLatency', service: 'payments-api', env: 'prod', severity: 'warning' }
const backing = 'Outbound pacs.008 queue is backing up'
const slow = 'Payments take longer than 2 s'
const incidents = async () => (await muster.cli('incident', 'list', '--json')).items

chapter('an alert opens a room and calls who is on call', async () => {
  const [jonas, amara] = await Promise.all([come('jonas'), come('amara', { theme: 'dark' })])
  await Promise.all([go(jonas, 'Floor map'), go(amara, 'Floor map')])
  await alertmanager.fire(queue, { summary: backing })

  const ticket = /INC-\d+/.exec(await chips(jonas).getByRole('link', { name: /SEV-1/ }).innerText())[0]
  ;[incident] = await incidents()
  assert.equal(incident.ticket, ticket)
  assert.equal(incident.room.name, `${ticket} ${backing}`)
  assert.equal(incident.environment, 'prod')
  await jonas.page.getByRole('region', { name: 'What calls you' }).getByText(new RegExp(ticket)).waitFor()
  await bell(jonas, 1).waitFor()
  await sidebar(amara).getByRole('link', { name: new RegExp(`${backing}.*${ticket}`) }).waitFor()
  await onList(amara, ticket).getByText(backing).waitFor() // a SEV-1 turns the floor into a list
  await asPlan(amara)
  await onPlan(amara, ticket, backing).waitFor()
  await accessible(amara, 'the map with an incident')
  await amara.shot('map-incident')

  const page = await mail.until((m) => m.to === 'jonas@northbank.example' && m.subject.includes(ticket))
  assert.match(page.subject, /Outbound pacs\.008 queue/)
  assert.ok(page.text.includes(`${muster.url}/`), `the mail leads nowhere:\n${page.text}`)
  const others = mail.mails.filter((m) => m.to !== 'jonas@northbank.example').map((m) => `${m.to}: ${m.subject}`)
  assert.deepEqual(others.filter((m) => m.includes(ticket)), [], 'somebody else was mailed')

  await go(jonas, 'Inbox')
  const entry = screen(jonas).getByRole('listitem').filter({ hasText: ticket })
  await entry.getByText('Page', { exact: true }).waitFor()
  await accessible(jonas, 'the inbox')
  await entry.getByRole('link').click()
  await heading(jonas, incident.room.name).waitFor()
  await alert(jonas, backing).getByText(/^Firing for/).waitFor()
  await panel(jonas, ticket).getByText('Not acknowledged').waitFor()
  await panel(jonas, ticket).getByRole('button', { name: 'Acknowledge' }).click()
  await panel(jonas, ticket).getByText('Jonas Lindqvist acknowledged.').waitFor()
  await panel(jonas, ticket).getByText('Not acknowledged').waitFor({ state: 'detached' })
  await jonas.page.getByRole('group', { name: 'In the room' }).getByRole('button', { name: 'Enter' }).click()
  await youAreIn(jonas, incident.room.name).waitFor()
  await panel(jonas, ticket).getByText('Jonas Lindqvist was the first in the room.').waitFor()
})

chapter('more alerts of the service come to the same room', async () => {
  const [jonas, amara] = await Promise.all([come('jonas'), come('amara', { theme: 'dark' })])
  await chips(amara).getByRole('link', { name: incident.ticket }).click()
  await heading(amara, incident.room.name).waitFor()
  await alertmanager.fire(latency, { summary: slow })
  await alert(jonas, slow).getByText(/^Firing for/).waitFor()
  await alertmanager.resolve(latency)
  await alert(amara, slow).getByText(/^Resolved after/).waitFor()
  await alertmanager.fire(latency, { summary: slow })
  await alert(jonas, slow).getByText(/^Firing for/).waitFor()
  await alert(jonas, slow).getByRole('button', { name: /^Acknowledge/ }).click()
  await alert(amara, slow).getByText('acknowledged by Jonas Lindqvist').waitFor()
  const open = await incidents()
  assert.equal(open.length, 1, 'a second alert opened a second incident')
  assert.equal(open[0].alerts.length, 2)
  await accessible(jonas, 'an incident’s room with its panel')
  await jonas.shot('incident-room')
})

chapter('a job is asked for in the room, approved by another, and seen by all', async () => {
  const [jonas, amara, daniel] = await Promise.all([come('jonas'), come('amara', { theme: 'dark' }), come('daniel')])
  await say(jonas, 'Restarting the API **one host at a time**.')
  await take(jonas, '/ru', '/run')
  await take(jonas, 'restart', 'payments/restart-service')
  await take(jonas, 'se', 'service')
  await take(jonas, 'pay', 'payments-api')
  await take(jonas, 'en', 'env')
  await take(jonas, 'pro', 'prod')
  assert.equal(await composer(jonas).inputValue(), '/run payments/restart-service service=payments-api env=prod ')
  await accessible(jonas, 'completions')
  await composer(jonas).press('Enter')

  // It waits, and who asked can neither press nor type a yes.
  await run(jonas, 1).getByText(/Needs one approval from approver/).waitFor()
  await run(jonas, 1).getByText(/^You may not decide .* Who may: approver/).waitFor()
  assert.equal(await run(jonas, 1).getByRole('button', { name: 'Review and approve' }).count(), 0)
  await type(jonas, '/approve #1')
  await answer(jonas).getByText(/Who may: approver/).waitFor()

  await bell(daniel, 1).waitFor()
  await chips(daniel).getByRole('link', { name: incident.ticket }).click()
  const bar = daniel.page.getByRole('region', { name: 'Run 1 waits for your approval' })
  await bar.getByText('Production').waitFor()
  await accessible(daniel, 'a room with an approval')
  await bar.getByRole('button', { name: 'Review and approve' }).click()
  const review = dialog(daniel, 'Approve run 1?')
  await review.getByText(/This changes production on 3 nodes/).waitFor()
  for (const node of ['pay-prod-1', 'pay-prod-2', 'pay-prod-3']) await review.getByText(node, { exact: true }).waitFor()
  await review.getByRole('row', { name: 'service payments-api' }).waitFor()
  await review.getByRole('heading', { name: /^Digest / }).waitFor()
  await accessible(daniel, 'the review of a run')
  await daniel.shot('review')
  await review.getByRole('textbox', { name: 'Note' }).fill('Seen in the change calendar')
  await review.getByRole('button', { name: 'Approve', exact: true }).click()

  // Live for both: the log while it runs, then how it ended.
  await Promise.all([jonas, daniel].map((p) => output(p, 1).getByText('payments-api: 148 connections left').first().waitFor()))
  await bar.waitFor({ state: 'detached' })
  await bell(daniel, 0).waitFor() // nothing waits for anybody any more
  await jonas.shot('run-live')
  await Promise.all([jonas, daniel].map((p) => run(p, 1).getByText('Succeeded', { exact: true }).waitFor({ timeout: 40_000 })))

  // Who comes late reads it from the first line.
  await go(amara, 'Runs')
  await amara.page.getByRole('link', { name: 'payments/restart-service' }).click()
  await output(amara, 1).getByRole('link', { name: 'Line 1', exact: true }).waitFor({ state: 'attached' })
  const token = await muster.cli('token', 'create', '--user', 'amara', '--name', 'log')
  const log = await fetch(`${muster.url}/api/v1/runs/1/log?limit=2000`, { headers: { Authorization: `Bearer ${token}` } }).then((r) => r.json())
  assert.equal(log.items[0].n, 1)
  for (const node of ['pay-prod-1', 'pay-prod-2', 'pay-prod-3']) assert.ok(log.items.some((l) => l.node === node && l.text.includes('0 messages in doubt')), `${node} was not checked`)
  await amara.page.getByText('Daniel Weiss approved').waitFor()
  await amara.page.getByText('Seen in the change calendar').waitFor()
  await accessible(amara, 'the page of a run')
  await amara.shot('run-page')
})

chapter('a command runs on chosen nodes, and Stop ends all it started', async () => {
  const jonas = await come('jonas')
  await go(jonas, 'Runs')
  await screen(jonas).getByRole('link', { name: 'Run a command' }).click()
  await screen(jonas).getByRole('textbox', { name: /^Node filter/ }).fill('name: pay-dev-1')
  const hits = screen(jonas).getByRole('region', { name: 'Nodes it would run on' })
  await hits.getByText('pay-dev-1').waitFor()
  assert.equal(await hits.innerText(), 'pay-dev-1')

  // It leaves a child of its own session behind, which nobody waits for.
  await screen(jonas).getByRole('textbox', { name: /^Command/ }).fill(`setsid sh -c 'echo $$ >"$HOME/beat.pid"; while :; do date >>"$HOME/beat"; sleep 0.1; done' </dev/null >/dev/null 2>&1 &
echo "left a child behind"
sleep 600`)
  await screen(jonas).getByText('No approval is needed').waitFor()
  await accessible(jonas, 'an ad-hoc command')
  await screen(jonas).getByRole('button', { name: 'Run on 1 node' }).click()
  await output(jonas, 2).getByText('left a child behind').waitFor()
  const home = join(muster.dir, 'demo-hosts/pay-dev-1/home')
  const pid = Number(await until('the child wrote its pid', () => readFile(join(home, 'beat.pid'), 'utf8').catch(() => '')))
  const beats = () => readFile(join(home, 'beat'), 'utf8').then((x) => x.split('\n').length, () => 0)
  const first = await beats()
  await until('the child is at work', async () => (await beats()) > first)
  assert.ok(existsSync(`/proc/${pid}`), 'the child does not run')

  await screen(jonas).getByRole('button', { name: 'Stop', exact: true }).click()
  await accessible(jonas, 'the question before a stop')
  await dialog(jonas, 'Stop run 2?').getByRole('button', { name: 'Stop run' }).click()
  await screen(jonas).getByText('Stopped', { exact: true }).first().waitFor()
  await until(`process ${pid} is gone`, () => !existsSync(`/proc/${pid}`))
  await jonas.shot('run-stopped')
})

chapter('who may not is told by which rule, and who may', async () => {
  const [daniel, amara] = await Promise.all([come('daniel'), come('amara', { theme: 'dark' })])
  await type(daniel, '/run payments/health-check env=dev')
  const no = answer(daniel)
  await no.getByText('You may not do this').waitFor()
  assert.match(await no.innerText(), /may not run .*payments\/health-check[^]*Who may: .*operator/)
  await composer(daniel).fill('')

  await amara.page.goto('/ledger')
  await screen(amara).getByText('You may not see this').waitFor()
  assert.equal(await amara.page.getByRole('navigation', { name: 'Workspace' }).getByRole('link', { name: 'Ledger' }).count(), 0)
})

chapter('the incident is led to its end', async () => {
  const [jonas, amara] = await Promise.all([come('jonas'), come('amara', { theme: 'dark' })])
  await Promise.all([jonas, amara].map((p) => chips(p).getByRole('link', { name: incident.ticket }).click()))
  const facts = panel(amara, incident.ticket)
  await facts.getByRole('button', { name: 'Take the role Commander' }).click()
  await panel(jonas, incident.ticket).getByText('Amara Okafor took the role of commander.').waitFor()
  await facts.getByRole('button', { name: 'Move to triage' }).click()
  await dialog(amara, /Declared to Triage$/).getByRole('textbox', { name: 'Note' }).fill('Restart asked for')
  await dialog(amara, /Declared to Triage$/).getByRole('button', { name: 'Set to Triage' }).click()
  await facts.getByRole('list', { name: 'Stage: Triage' }).waitFor()
  await type(amara, '/stage mitigating All three hosts restarted')
  await panel(jonas, incident.ticket).getByRole('list', { name: 'Stage: Mitigating' }).waitFor()

  // The end of an alert stands under its beginning.
  await Promise.all([alertmanager.resolve(queue), alertmanager.resolve(latency)])
  await alert(jonas, slow).getByText(/^Resolved after/).waitFor()
  await alert(jonas, backing).getByText(/^Resolved after/).waitFor()
  await message(jonas, backing).filter({ has: alert(jonas, backing) }).getByText(/^Resolved after .*\.$/).waitFor()

  await type(jonas, '/note Ledger and queue match: 0 breaks')
  await panel(jonas, incident.ticket).getByText('Ledger and queue match: 0 breaks').waitFor()
  await facts.getByRole('button', { name: 'Add a note' }).click()
  await facts.getByRole('textbox', { name: 'Note for the timeline' }).fill('T2 confirmed by phone')
  await facts.getByRole('button', { name: 'Add note', exact: true }).click()
  await facts.getByText('T2 confirmed by phone').waitFor()
  await say(jonas, 'Root cause: an expired certificate on the outbound channel.')
  await tool(amara, message(amara, 'Root cause: an expired certificate'), /^Pin/)
  await facts.getByText(/Amara Okafor pinned a message of Jonas Lindqvist: Root cause/).waitFor()

  // The whole of it on the incident's page.
  await facts.getByRole('link', { name: `Open the page of ${incident.ticket}` }).click()
  await heading(amara, `${incident.ticket} ${backing}`).waitFor()
  const timeline = await screen(amara).getByRole('list').filter({ hasText: `declared ${incident.ticket}` }).innerText()
  for (const line of [
    /Alert fired: Outbound pacs\.008/, /Jonas Lindqvist was paged, on call for payments-api/, /Jonas Lindqvist saw the page/, /Jonas Lindqvist acknowledged/,
    /was the first in the room/, /asked for run 1: payments\/restart-service/, /Daniel Weiss approved run 1/, /[Rr]un 1.*succeeded/, /Alert resolved: Outbound pacs\.008/,
    /from triage to mitigating: All three hosts restarted\./, /Root cause/,
  ]) assert.match(timeline, line)
  const measured = (name) => screen(amara).getByRole('term').filter({ hasText: name }).locator('xpath=..')
  assert.match(await measured('MTTA').innerText(), /\d+ s[^]*acknowledged − detected/)
  assert.match(await measured('MTTM').innerText(), /–[^]*mitigated − detected[^]*Missing: mitigated/)
  await accessible(amara, 'the page of an incident')
  await amara.shot('incident-page')

  await screen(amara).getByRole('button', { name: 'Set the stage to Monitoring' }).click()
  await dialog(amara, /to Monitoring$/).getByRole('button', { name: 'Set to Monitoring' }).click()
  await until('the mitigation is measured', async () => /\d+ (s|min)/.test(await measured('MTTM').innerText()))
  await screen(amara).getByRole('button', { name: 'Resolve', exact: true }).click()
  await dialog(amara, /to Resolved$/).getByRole('textbox', { name: 'What fixed it' }).fill('Restart with the new certificate')
  await dialog(amara, /to Resolved$/).getByRole('button', { name: 'Set to Resolved' }).click()
  await chips(jonas).waitFor({ state: 'detached' })
  await screen(amara).getByRole('button', { name: 'Close the incident' }).click()
  await dialog(amara, /to Closed$/).getByRole('button', { name: 'Set to Closed' }).click()
  await jonas.page.getByText('This room is archived: it can be read.').waitFor()
  await go(jonas, 'Floor map')
  await onPlan(jonas, 'settlement').waitFor()
  assert.equal(await onPlan(jonas, incident.ticket).count(), 0)
  await sidebar(jonas).getByText('No open incident').waitFor()
})

chapter('on a phone one reads, answers, acknowledges and approves', async () => {
  const [jonas, daniel] = await Promise.all([come('jonas', { size: 'phone' }), come('daniel', { size: 'phone', theme: 'dark' })])
  const fits = async (p, what) => {
    const width = await p.page.evaluate(() => document.scrollingElement.scrollWidth)
    assert.ok(width <= 390, `${what} is ${width} wide on a phone of 390`)
  }
  await onList(jonas, 'settlement').waitFor()
  await accessible(jonas, 'the floor on a phone')
  await fits(jonas, 'the floor')
  await alertmanager.fire({ alertname: 'CutoffAtRisk', env: 'prod', severity: 'high' }, { summary: 'Cut-off at 16:00 is at risk' })
  await jonas.page.getByRole('region', { name: 'What calls you' }).getByRole('button', { name: /^Acknowledge/ }).click()
  await alert(jonas, 'Cut-off at 16:00 is at risk').getByText(/^Firing for/).waitFor()
  await say(jonas, 'On it, from the train')
  await fits(jonas, 'a room')
  await accessible(jonas, 'a room on a phone')
  await jonas.shot('phone-room')
  await jonas.page.getByRole('button', { name: 'Show the facts' }).click()
  await jonas.page.getByText('Jonas Lindqvist acknowledged.').waitFor()
  await accessible(jonas, 'the facts of an incident on a phone')
  await jonas.shot('phone-facts')
  await jonas.page.getByRole('button', { name: 'Close the panel' }).click()
  await type(jonas, '/run payments/restart-service env=prod reason="cut-off"')
  await run(jonas, 3).getByText(/Needs one approval/).waitFor()

  await daniel.page.getByRole('navigation', { name: 'Places' }).getByRole('link', { name: /^Inbox/ }).click()
  await screen(daniel).getByRole('listitem').filter({ hasText: 'Approval' }).getByRole('link').first().click()
  await daniel.page.getByRole('button', { name: 'Review and approve' }).first().click()
  const review = dialog(daniel, 'Approve run 3?')
  await review.getByText(/This changes production on 3 nodes/).waitFor()
  await accessible(daniel, 'the review of a run on a phone')
  await daniel.shot('phone-review')
  await fits(daniel, 'the review')
  await review.getByRole('button', { name: 'Approve', exact: true }).click()
  await review.waitFor({ state: 'detached' })
  await run(jonas, 3).getByText('Succeeded', { exact: true }).waitFor({ timeout: 40_000 })
  await daniel.page.goto('/runs/3')
  await output(daniel, 3).waitFor()
  await accessible(daniel, 'the page of a run on a phone')
})

chapter('the palette finds a job, a room and a person by keyboard', async () => {
  const [jonas, amara] = await Promise.all([come('jonas'), come('amara', { theme: 'dark' })])
  await jump(amara, 'lounge', /^lounge/, 'Control+Enter')
  await youAreIn(amara, 'lounge').waitFor()

  await jonas.page.keyboard.press('Control+k')
  await jonas.page.getByRole('option').first().waitFor()
  await accessible(jonas, 'the palette')
  await jonas.page.keyboard.press('Escape')
  await jump(jonas, 'restart', /payments\/restart-service/)
  const form = dialog(jonas, 'payments/restart-service')
  await form.getByRole('combobox', { name: /^Environment/ }).selectOption('prod')
  await form.getByText(/needs one approval from approver/).waitFor()
  await accessible(jonas, 'the form of a job')
  await jonas.shot('job-form')
  await jonas.page.keyboard.press('Escape')
  await form.waitFor({ state: 'detached' })
  await jump(jonas, 'sre-desk', /^sre-desk/)
  await heading(jonas, 'sre-desk').waitFor()
  await jump(jonas, 'okafor', /^.*Amara Okafor/)
  await heading(jonas, 'lounge').waitFor()
  await youAreIn(jonas, 'lounge').waitFor()
})

chapter('every other screen', async () => {
  const stranger = await person(browser, muster, 'nobody', { signIn: false })
  await stranger.page.goto('/')
  await stranger.page.getByRole('button', { name: 'Sign in' }).waitFor()
  await accessible(stranger, 'the sign-in')
  await stranger.done()

  const ines = await come('ines')
  const look = async (path, title, seen) => {
    await ines.page.goto(path)
    await heading(ines, title).waitFor()
    await screen(ines).getByText(seen).first().waitFor()
    await loaded(ines)
    await accessible(ines, path)
  }
  await look('/incidents', 'Incidents', 'Cut-off at 16:00 is at risk')
  await look('/alerts', 'Alerts', 'Cut-off at 16:00 is at risk')
  await look('/runs', 'Runs', 'payments/restart-service')
  await look('/jobs', 'Jobs', 'restart-service')
  await look('/account', 'Your account', 'this one')
  for (const [section, seen] of Object.entries({
    people: 'Amara Okafor', rooms: 'settlement', services: 'payments-api', 'alert-sources': 'alertmanager', 'alert-rules': 'rule', projects: 'Northbank demo', access: 'may', keys: 'project/demo/ssh/bank',
  })) await look(`/admin/${section}`, 'Administration', new RegExp(seen))
  await ines.shot('admin-keys')
})

chapter('the record is read by the auditor, and proves itself', async () => {
  const farah = await come('farah')
  await go(farah, 'Ledger')
  await heading(farah, 'Audit ledger').waitFor()
  const records = screen(farah).getByRole('group', { name: 'Records' }).getByRole('button')
  await screen(farah).getByRole('searchbox', { name: 'Incident' }).fill(incident.ticket)
  await screen(farah).getByRole('combobox', { name: 'Order' }).selectOption('As it was written')
  await records.filter({ hasText: 'Daniel Weiss' }).first().click()
  await screen(farah).getByRole('complementary', { name: 'Record' }).getByText('Hash').waitFor()
  await accessible(farah, 'the ledger')
  await farah.shot('ledger')
  await screen(farah).getByRole('button', { name: 'Checkpoint and verify' }).click()
  await accessible(farah, 'the checkpoint')
  const download = farah.page.waitForEvent('download')
  await dialog(farah, 'Checkpoint and verify').getByRole('button', { name: 'Download the checkpoint' }).click()
  const away = await folder('auditor')
  const note = join(away.path, 'checkpoint.txt')
  await (await download).saveAs(note)
  await farah.page.keyboard.press('Escape')

  for (const p of await everybody()) await p.done()
  await muster.halt()
  assert.ok(!existsSync(join(muster.dir, 'muster.db-wal')), 'the server left its journal behind')
  const forged = join(away.path, 'forged')
  await cp(muster.dir, forged, { recursive: true, filter: (path) => !path.endsWith('demo-hosts') })
  const sound = await muster.cli('ledger', 'verify', '--checkpoint', note, '--json')
  assert.deepEqual(sound.problems, [])
  assert.ok(sound.records > 100, `only ${sound.records} records`)

  // The same words changed wherever they are stored: the record alone remembers.
  const database = join(forged, 'muster.db')
  const stored = await readFile(database, 'latin1')
  await writeFile(database, stored.replaceAll('the new certificate', 'the old certificate'), 'latin1')
  const found = await cli(forged, 'ledger', 'verify').then(
    (text) => assert.fail(`a forged record was found sound: ${text}`),
    (error) => error,
  )
  assert.equal(found.code, 1)
  assert.match(found.stdout, /Record \d+ /)
  await away.remove()
})

test('nobody was shut out by how a screen is made', () => assert.equal(barriers.length, 0, barriers.join('\n')))
