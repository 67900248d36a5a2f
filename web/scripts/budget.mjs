// Fails when the script needed for the first screen grows beyond its budget, as it travels (brotli).
// Counted: the entry and everything it imports statically. The rest is loaded when it is shown; what a
// room weighs in all is measured in a browser, by e2e/browser/wire.story.mjs.
import { existsSync, readFileSync, statSync } from 'node:fs'

const BUDGET = 160_000
const dist = new URL('../../internal/webui/dist/', import.meta.url)
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'))

const size = (file) => {
  const packed = new URL(file + '.br', dist)
  return statSync(existsSync(packed) ? packed : new URL(file, dist)).size
}
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
console.log('Initial JavaScript, brotli:')
for (const [file, s] of initial.sort((a, b) => b[1] - a[1])) console.log(kb(s), file)
console.log(kb(total), `of ${BUDGET / 1000} kB`)
console.log('Loaded when shown:')
for (const k of Object.keys(manifest).filter((k) => !seen.has(k) && manifest[k].file.endsWith('.js')))
  console.log(kb(size(manifest[k].file)), manifest[k].name ?? k)
if (total > BUDGET) {
  console.error(`The first screen's JavaScript is ${total - BUDGET} bytes over its budget: load something later, or drop it.`)
  process.exit(1)
}
