// Fails when the JavaScript needed for the first screen grows beyond its budget (gzip).
// Counted: the entry and everything it imports statically. The rest is loaded when it is shown.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const BUDGET = 160_000
const dist = new URL('../../internal/webui/dist/', import.meta.url)
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'))

const size = (file) => gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length
const seen = new Set()
const walk = (key) => {
  if (seen.has(key)) return
  seen.add(key)
  for (const next of manifest[key].imports ?? []) walk(next)
}
const entry = Object.keys(manifest).find((k) => manifest[k].isEntry)
walk(entry)

const kb = (n) => (n / 1000).toFixed(1).padStart(7) + ' kB'
const initial = [...seen].map((k) => [manifest[k].file, size(manifest[k].file)])
const total = initial.reduce((n, [, s]) => n + s, 0)
console.log('Initial JavaScript, gzip:')
for (const [file, s] of initial.sort((a, b) => b[1] - a[1])) console.log(kb(s), file)
console.log(kb(total), `of ${BUDGET / 1000} kB`)
console.log('Loaded when shown:')
for (const k of Object.keys(manifest).filter((k) => !seen.has(k) && manifest[k].file.endsWith('.js')))
  console.log(kb(size(manifest[k].file)), manifest[k].name ?? k)
if (total > BUDGET) {
  console.error(`The first screen's JavaScript is ${total - BUDGET} bytes over its budget: load something later, or drop it.`)
  process.exit(1)
}
