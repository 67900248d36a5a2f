// The web app's stores as clients of a running Muster: one bundle, evaluated once
// for each client with globals of its own, as a browser would give it.
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
// Its tools are dependencies of the web app; what is out here has no package of its own.
const require = createRequire(join(root, 'web/package.json'))
const { WebSocket, fetch } = require('undici')
const { build } = await import(pathToFileURL(require.resolve('vite')).href.replace(/index\.cjs$/, 'dist/node/index.js'))

/** bundle compiles web/live/client.ts with everything it imports. */
export async function bundle() {
  const out = await build({
    configFile: false,
    root: join(root, 'web'),
    logLevel: 'error',
    resolve: { alias: [{ find: /^@\//, replacement: join(root, 'web/src') + '/' }] },
    define: { 'process.env.NODE_ENV': '"production"' },
    build: {
      write: false,
      minify: false,
      target: 'es2023',
      lib: { entry: join(root, 'web/live/client.ts'), formats: ['cjs'] },
      rolldownOptions: { output: { codeSplitting: false } },
    },
  })
  const [{ output }] = [out].flat()
  return output.find((o) => o.type === 'chunk').code
}

/**
 * client evaluates the bundle for the owner of a token. heard(channel, data) is told
 * of every publication as it stands on the wire. cut() breaks the socket as a lost
 * network does.
 */
export function client(code, url, token, heard = () => {}) {
  const base = new URL(url)
  let fetches = 0
  const timers = new Set()
  const sockets = new Set()
  let changed = () => {}
  const look = () => changed()

  const globals = {
    location: { protocol: base.protocol, host: base.host, href: url },
    fetch: async (path, init) => {
      fetches++
      try {
        const res = await fetch(new URL(path, url), { ...init, headers: { ...init?.headers, Authorization: `Bearer ${token}` } })
        const text = await res.text() // until the body is here it is still being fetched
        return { ok: res.ok, status: res.status, text: async () => text }
      } finally {
        fetches--
        setImmediate(look)
      }
    },
    WebSocket: class extends WebSocket {
      constructor(address, protocols) {
        super(address, { protocols: protocols ? [protocols].flat() : [], headers: { Authorization: `Bearer ${token}` } })
        sockets.add(this)
        this.addEventListener('close', () => sockets.delete(this))
        this.addEventListener('message', (e) => {
          for (const line of String(e.data).split('\n')) {
            if (!line) continue
            const frame = JSON.parse(line)
            setImmediate(look)
            if (frame.push?.pub) heard(frame.push.channel, frame.push.pub.data)
          }
        })
      }
    },
    // A timer of a second or less is something the app is about to do.
    setTimeout: (fn, ms = 0, ...args) => {
      const t = setTimeout(() => {
        timers.delete(t)
        fn(...args)
        setImmediate(look)
      }, ms)
      if (ms <= 1000) timers.add(t)
      return t
    },
    clearTimeout: (t) => {
      timers.delete(t)
      clearTimeout(t)
    },
    requestAnimationFrame: (fn) => setImmediate(fn),
    window: new EventTarget(),
    document: undefined,
  }
  globals.globalThis = Object.assign(Object.create(globalThis), globals)
  const module = { exports: {} }
  new Function('module', 'exports', 'require', ...Object.keys(globals), code)(module, module.exports, require, ...Object.values(globals))
  const app = module.exports

  /** idle waits until the app fetches nothing and is about to do nothing. */
  const idle = (late = 20_000) =>
    new Promise((done, failed) => {
      const timer = setTimeout(() => failed(new Error(`still busy: ${fetches} fetches, ${timers.size} timers, ${app.loading()} queries`)), late)
      changed = () => {
        if (fetches || timers.size || app.loading()) return
        clearTimeout(timer)
        changed = () => {}
        done()
      }
      setImmediate(look)
    })
  const cut = () => sockets.forEach((s) => s.close())
  return { app, idle, cut }
}
