// The pictures of README and guide: a short story on the demo, so that they
// show the real product and are made anew by one command (scripts/shots).
import { resolve } from 'node:path'
import { startMuster } from './muster.mjs'
import { person, settled, shot, startBrowser } from './people.mjs'

const folder = resolve(process.argv[2] ?? 'docs/img')
const muster = await startMuster()
const browser = await startBrowser()
const say = async (who, text) => {
  const box = who.page.getByRole('textbox', { name: /^message/i })
  await box.fill(text)
  if (text.startsWith('/')) await box.press('Escape') // the list of completions
  await box.press('Enter')
  await who.page.waitForFunction((el) => el.value === '', await box.elementHandle())
}
const fire = async (name, severity, env, summary, extra = {}) => {
  const hook = muster.said().match(/http\S+alertmanager\/\S+/)[0]
  const labels = { alertname: name, severity, env, ...extra }
  const answer = await fetch(hook, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      version: '4', groupKey: `{}:{alertname="${name}"}`, truncatedAlerts: 0, status: 'firing', receiver: 'muster', groupLabels: { alertname: name }, commonLabels: labels, commonAnnotations: {}, externalURL: 'https://alerts.northbank.example',
      alerts: [{ status: 'firing', labels, annotations: { summary }, startsAt: new Date(Date.now() - 4 * 60_000).toISOString(), endsAt: '0001-01-01T00:00:00Z', generatorURL: 'https://prometheus.northbank.example/graph', fingerprint: name }],
    }),
  })
  if (!answer.ok) throw new Error(await answer.text())
}
const go = async (who, path) => {
  await who.page.goto(path)
  await who.page.getByRole('navigation').first().waitFor()
}
const enter = async (who, room) => {
  await go(who, '/rooms/' + room)
  await who.page.getByRole('button', { name: 'Enter', exact: true }).first().click()
  await who.page.getByRole('button', { name: 'Enter', exact: true }).first().waitFor({ state: 'hidden' })
}
const picture = async (who, name) => {
  await settled(who.page)
  console.log(await shot(who.page, name, folder))
}

try {
  const [jonas, amara, daniel, ines] = await Promise.all(['jonas', 'amara', 'daniel', 'ines'].map((n) => person(browser, muster, n, { theme: n === 'jonas' ? 'dark' : 'light' })))
  const rooms = Object.fromEntries((await muster.cli('room', 'list', '--json')).items.map((r) => [r.name, r.id]))
  await enter(ines, rooms['sre-desk'])

  await fire('OutboundQueueDepth', 'critical', 'prod', 'Outbound pacs.008 queue is backing up', { queue: 'pacs008.out' })
  const incident = (await muster.cli('incident', 'list', '--json')).items[0]
  await enter(amara, incident.room.id)
  await enter(jonas, incident.room.id)
  await jonas.page.getByRole('button', { name: 'Acknowledge', exact: true }).first().click()
  await say(amara, 'Taking command. Jonas on operations; the T2 cut-off is at 17:45.')
  await say(amara, '/role commander @amara')
  await say(amara, '/role operations @jonas')
  await say(amara, '/stage mitigating')
  await say(jonas, 'Depth of `pacs008.out` is over 5,000 and growing. **Restarting** the API host by host.')
  await say(jonas, '/run payments/restart-service service=payments-api env=prod')

  await go(daniel, '/rooms/' + incident.room.id)
  await daniel.page.getByRole('button', { name: /review and approve/i }).first().waitFor()
  await daniel.page.setViewportSize({ width: 390, height: 844 })
  await picture(daniel, 'phone')
  await daniel.page.setViewportSize({ width: 1440, height: 900 })
  await daniel.page.getByRole('button', { name: /review/i }).first().click()
  await daniel.page.getByRole('dialog').waitFor()
  await picture(daniel, 'approve-light')
  await daniel.page.getByRole('dialog').getByRole('button', { name: 'Approve', exact: true }).click()
  await daniel.page.getByRole('dialog').waitFor({ state: 'hidden' })
  await enter(daniel, incident.room.id)

  await jonas.page.getByText(/GET \/healthz/).first().waitFor()
  await jonas.page.getByRole('button', { name: /dismiss|close/i }).first().click().catch(() => {})
  await picture(jonas, 'room-dark')

  await go(ines, '/')
  await ines.page.getByRole('button', { name: /map|plan/i }).first().click().catch(() => {})
  await ines.page.locator('svg[role], svg').first().waitFor()
  await picture(ines, 'map-light')

  await jonas.page.getByText(/Succeeded in/).first().waitFor({ timeout: 60_000 })
  await go(jonas, '/runs/1')
  await jonas.page.getByText(/answers: 200/).first().waitFor()
  await picture(jonas, 'run-dark')
  await Promise.all([jonas, amara, daniel, ines].map((p) => p.done()))
} finally {
  await browser.close()
  await muster.stop()
}
