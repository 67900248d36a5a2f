// Takes screenshots of a running Muster, or of a fresh demo, in light, dark and
// phone width: scripts/shots tells how to call it.
import { parseArgs } from 'node:util'
import { resolve } from 'node:path'
import { out, startMuster } from './muster.mjs'
import { person, settled, shot, startBrowser } from './people.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    as: { type: 'string' },
    url: { type: 'string' },
    password: { type: 'string' },
    out: { type: 'string', default: out },
    looks: { type: 'string', default: 'light,dark,phone' },
    wait: { type: 'string', default: '' },
  },
})

// NAME=PATH; a path alone is named after itself.
const wanted = (positionals.length ? positionals : ['office=/']).map((word) => {
  const [name, path] = word.startsWith('/') ? [word.replace(/\W+/g, '-').replace(/^-|-$/g, '') || 'office', word] : word.split(/=(.*)/s)
  return { name, path }
})
const looks = {
  light: { size: 'desktop', theme: 'light' },
  dark: { size: 'desktop', theme: 'dark' },
  phone: { size: 'phone', theme: 'light' },
  'phone-dark': { size: 'phone', theme: 'dark' },
}

const own = !values.url
const muster = own
  ? await startMuster()
  : { url: values.url.replace(/\/+$/, ''), logins: values.as ? { [values.as]: values.password ?? process.env.MUSTER_PASSWORD } : {}, stop: async () => {} }
const browser = await startBrowser()
let failed = false
try {
  const who = values.as ?? Object.keys(muster.logins)[0]
  for (const look of values.looks.split(',')) {
    const someone = await person(browser, muster, who, { ...looks[look], signIn: Boolean(who) })
    for (const { name, path } of wanted) {
      await someone.page.goto(path)
      if (values.wait) await someone.page.getByText(values.wait).first().waitFor()
      await someone.page.waitForLoadState('networkidle', { timeout: 3000 }).catch(() => {}) // a socket may keep it busy
      await settled(someone.page)
      console.log(await shot(someone.page, `${name}-${look}`, resolve(values.out)))
    }
    await someone.done().catch((error) => {
      failed = true
      console.error(error.message)
    })
  }
} finally {
  await browser.close()
  await muster.stop()
}
process.exitCode = failed ? 1 : 0
