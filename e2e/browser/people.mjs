// People in browsers: each has a browser context of their own. What the page
// must never do (errors, CSP violations, requests to elsewhere) is collected
// while they work and fails the story at its end.
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { folder, out } from './muster.mjs'

// The browser's driver is a dependency of the web app; stories have no package of their own.
const require = createRequire(new URL('../../web/package.json', import.meta.url))
const { chromium } = require('playwright-core')
const { AxeBuilder } = require('@axe-core/playwright')

export const sizes = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } }

/** startBrowser launches Debian's Chromium with nothing but the page on the network. */
export async function startBrowser({ args = [] } = {}) {
  const { path: home, remove } = await folder('chromium')
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    headless: true,
    env: { ...process.env, HOME: home }, // nothing of the machine's own profile
    args: [
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      '--disable-gpu',
      '--disable-quic',
      '--disable-dev-shm-usage',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-domain-reliability',
      '--disable-sync',
      '--font-render-hinting=none',
      '--force-color-profile=srgb',
      ...args,
    ],
  })
  const close = browser.close.bind(browser)
  browser.close = async () => {
    await close()
    await remove()
  }
  return browser
}

/**
 * person opens a context for one person and signs them in through the form.
 * A newcomer is offered the walk through the app; others have taken it before.
 * Gives { name, page, context, problems, axe(label), shot(name), offline(work), rough(work), done() }.
 */
export async function person(browser, muster, name, { size = 'desktop', theme = 'light', signIn = true, newcomer = false, permissions = [] } = {}) {
  const context = await browser.newContext({
    baseURL: muster.url,
    viewport: sizes[size],
    deviceScaleFactor: size === 'phone' ? 2 : 1,
    hasTouch: size === 'phone',
    colorScheme: theme,
    locale: 'en-GB',
    timezoneId: 'Europe/London',
    reducedMotion: 'reduce',
    permissions,
  })
  const problems = []
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', (e) => console.error(`CSP: ${e.violatedDirective} blocked ${e.blockedURI || 'inline'} at ${e.sourceFile}:${e.lineNumber}`))
  })
  if (!newcomer) await context.addInitScript((login) => origin !== 'null' && localStorage.setItem('muster.tour.' + login, '{"state":"done","step":0}'), name)
  context.on('request', (request) => {
    const url = new URL(request.url())
    if (/^(https?|wss?):$/.test(url.protocol) && url.host !== new URL(muster.url).host) problems.push(`asked ${url.host} for ${url.pathname}`)
  })
  context.on('weberror', (error) => problems.push(`uncaught: ${error.error().stack ?? error.error()}`))
  let cut = false
  context.on('console', (message) => {
    // A refused request is the story's business; the browser logs it as an error too.
    if (message.type() !== 'error' || message.text().startsWith('Failed to load resource')) return
    // So is a socket that finds no network while the story holds it off.
    if (cut && message.text().startsWith('WebSocket connection to')) return
    problems.push(`console: ${message.text()}`)
  })
  context.setDefaultTimeout(15_000)
  const page = await context.newPage()
  const self = {
    name,
    page,
    context,
    problems,
    axe: (label) => axe(page, `${name}: ${label}`),
    shot: (file) => shot(page, file),
    /** offline takes the network away while work is done, then gives it back. */
    offline: async (work) => {
      cut = true
      await context.setOffline(true)
      try {
        await work()
      } finally {
        await context.setOffline(false)
        cut = false
      }
    },
    /** rough lets the page's sockets break while work is done. */
    rough: async (work) => {
      cut = true
      try {
        return await work()
      } finally {
        cut = false
      }
    },
    /** done fails the story when anything was wrong in this person's browser. */
    done: async () => {
      await context.close()
      assert.deepEqual(problems, [], `${name}'s browser had problems`)
    },
  }
  if (signIn) await signInAs(page, muster, name)
  return self
}

/** signInAs fills in the sign-in form and waits until it is gone. */
export async function signInAs(page, muster, name) {
  const password = muster.logins[name]
  assert.ok(password, `there is no login for ${name}; known: ${Object.keys(muster.logins).join(', ')}`)
  await page.goto('/')
  await page.getByLabel(/^(name|login|user ?name)/i).fill(name)
  await page.getByLabel(/^password/i).fill(password)
  const answered = page.waitForResponse((r) => r.url().endsWith('/api/v1/session') && r.request().method() === 'POST')
  await page.getByRole('button', { name: /^sign in/i }).click()
  const response = await answered
  assert.equal(response.status(), 200, `${name} could not sign in: ${await response.text().catch(() => '')}`)
  await page.getByLabel(/^password/i).waitFor({ state: 'hidden' })
}

const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/** axe looks at the page in light and in dark and fails on any violation. */
export async function axe(page, label, { themes = ['light', 'dark'] } = {}) {
  const before = await page.evaluate(() => (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'))
  const found = []
  for (const theme of themes) {
    await page.emulateMedia({ colorScheme: theme })
    await settled(page)
    const { violations } = await new AxeBuilder({ page }).withTags(rules).analyze()
    for (const v of violations) {
      for (const node of v.nodes) found.push(`${theme}: ${v.id} (${v.impact}) ${node.target.join(' ')}\n    ${node.failureSummary?.replaceAll('\n', ' ')}`)
    }
  }
  await page.emulateMedia({ colorScheme: before })
  assert.equal(found.length, 0, `axe found ${found.length} violations in ${label}\n  ${found.join('\n  ')}`)
}

/** settled waits until fonts are there and running transitions have ended. */
export async function settled(page) {
  await page.evaluate(async () => {
    await document.fonts.ready
    const finite = document.getAnimations().filter((a) => a.effect?.getComputedTiming().iterations !== Infinity)
    await Promise.all(finite.map((a) => a.finished.catch(() => {})))
    await new Promise((frame) => requestAnimationFrame(() => requestAnimationFrame(frame)))
  })
}

/** shot takes a picture into e2e/out, or to a path of its own. */
export async function shot(page, file, into = out) {
  await mkdir(into, { recursive: true })
  await settled(page)
  const path = join(into, file.endsWith('.png') ? file : `${file}.png`)
  await page.screenshot({ path, animations: 'disabled', caret: 'hide' })
  return path
}
