// Starts the built Muster on a fresh data folder, and the things a story needs
// beside it. Every process is ended by its own handle.
import { spawn, execFile } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
export const out = join(root, 'e2e/out')
export const binary = process.env.MUSTER_BIN || join(root, 'bin/muster')

// What still runs or lies about when the story is cut short is ended and removed
// with it. A finished story has done so itself, and waited.
const children = new Set()
const folders = new Set()
process.once('exit', () => {
  for (const child of children) child.kill('SIGTERM')
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})
for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]]) process.once(signal, () => process.exit(code))

/** start runs a program that ends with this process; end waits for it. */
function start(program, args, options) {
  const child = spawn(program, args, options)
  children.add(child)
  // A story that fails before it stops its programs must still end.
  child.unref()
  for (const stream of child.stdio) stream?.unref?.()
  const ended = once(child, 'exit').finally(() => children.delete(child))
  ended.catch(() => {}) // a program that is missing is told by who waits for it
  const end = async () => {
    if (child.pid && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      const slow = setTimeout(() => child.kill('SIGKILL'), 30_000)
      await ended
      clearTimeout(slow)
    }
  }
  return { child, ended, end }
}

/** folder makes a temporary folder; remove removes it. */
export async function folder(name) {
  const path = await mkdtemp(join(tmpdir(), `muster-${name}-`))
  folders.add(path)
  const remove = async () => {
    await rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
    folders.delete(path)
  }
  return { path, remove }
}

/**
 * startMuster serves a demo office on a free port. files are written into its
 * data folder first: { 'muster.yaml': '…' }; with colleagues the demo's simulated ones are at work; program runs instead of the built one.
 * Gives { url, dir, pid, logins: { name: password }, webhook, said(), says(regexp), cli(...args), halt(), stop() };
 * webhook is where the demo's Alertmanager posts; halt ends the server and leaves its folder.
 */
export async function startMuster({ demo = true, colleagues = false, program = binary, args = [], env = {}, files = {} } = {}) {
  await access(binary).catch(() => {
    throw new Error(`${binary} is missing. Build it first: make build`)
  })
  const { path: dir, remove } = await folder('story')
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text)
  const flags = ['serve', '--data', dir, '--addr', '127.0.0.1:0', ...(demo ? ['--demo', ...(colleagues ? [] : ['--no-colleagues'])] : []), ...args]
  const { child, ended, end } = start(program, flags, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  const heard = new Set()
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (text) => {
      said += text
      heard.forEach((look) => look())
    })
  }
  const stop = async () => {
    await end()
    await remove()
  }
  // says waits until what was printed so far matches, and gives the match.
  const says = (wanted) =>
    new Promise((found, failed) => {
      const done = (settle, value) => {
        clearTimeout(late)
        heard.delete(look)
        settle(value)
      }
      const look = () => {
        const match = said.match(wanted)
        if (match) done(found, match[1] ?? match[0])
      }
      const late = setTimeout(() => done(failed, new Error(`Muster did not say ${wanted} in 90 s:\n${said}`)), 90_000)
      ended.then(([code]) => done(failed, new Error(`Muster ended with ${code} and did not say ${wanted}:\n${said}`)))
      heard.add(look)
      look()
    })
  const url = await says(/Muster is ready at (https?:\/\/\S+)\r?\n/).catch(async (error) => {
    await stop()
    throw error
  })
  return { url, dir, pid: child.pid, halt: end, stop, cli: (...words) => cli(dir, ...words), said: () => said, says, ...(demo ? await demoLogins(dir, url) : { logins: {} }) }
}

/** cli runs one command on a data folder, and gives what it prints; with --json as an object. */
export async function cli(dir, ...words) {
  const { stdout } = await promisify(execFile)(binary, [...words, '--data', dir])
  return words.includes('--json') ? JSON.parse(stdout) : stdout.trim()
}

/** The demo keeps what it printed in its folder: a line "NAME PASSWORD ROLE" each. */
async function demoLogins(dir, url) {
  const logins = {}
  let webhook = ''
  for (const line of (await readFile(join(dir, 'demo-logins'), 'utf8')).trim().split('\n')) {
    const [name, secret, role] = line.split(' ')
    if (role === 'webhook') webhook = `${url}/hooks/alertmanager/${secret}`
    else logins[name] = secret
  }
  return { logins, webhook }
}

/**
 * freePort gives a loopback port nobody listens on, below the range from which the
 * kernel takes ports by itself: no connection has it when it is bound.
 */
export async function freePort() {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 5_000)
    const server = createServer().listen(port, '127.0.0.1')
    try {
      await once(server, 'listening')
    } catch {
      continue
    }
    server.close()
    await once(server, 'close')
    return port
  }
}

/**
 * startAlertmanager runs a real Alertmanager that posts to url.
 * Gives { fire(labels, annotations), resolve(labels), stop() }.
 */
export async function startAlertmanager(url) {
  const { path: dir, remove } = await folder('alertmanager')
  await writeFile(
    join(dir, 'alertmanager.yml'),
    `route:
  receiver: muster
  group_by: [alertname, service]
  group_wait: 100ms
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: muster
    webhook_configs:
      - url: '${url}'
        send_resolved: true
`,
  )
  const port = await freePort()
  const base = `http://127.0.0.1:${port}`
  const { child, ended, end } = start(
    'prometheus-alertmanager',
    [`--config.file=${dir}/alertmanager.yml`, `--storage.path=${dir}/data`, `--web.listen-address=127.0.0.1:${port}`, '--cluster.listen-address='],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text) => (said += text))
  ended.catch((error) => (said += error))
  const stop = async () => {
    await end()
    await remove()
  }
  const up = () => fetch(`${base}/-/ready`).then((r) => r.ok, () => false)
  for (let tries = 0; !(await up()); tries++) {
    if (tries > 300 || child.exitCode !== null) {
      await stop()
      throw new Error(`Alertmanager did not start. Is it installed (scripts/need test)?\n${said}`)
    }
    await new Promise((again) => setTimeout(again, 100))
  }
  const send = async (alert) => {
    const res = await fetch(`${base}/api/v2/alerts`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify([alert]),
    })
    if (!res.ok) throw new Error(`Alertmanager answered ${res.status}: ${await res.text()}`)
  }
  return {
    stop,
    fire: (labels, annotations = {}) => send({ labels, annotations }),
    // Not a moment earlier: an end before its beginning would be another alert's.
    resolve: (labels) => send({ labels, endsAt: new Date().toISOString() }),
  }
}
