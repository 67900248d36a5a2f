// Writes what Muster is made of: a CycloneDX bill of materials of the Go modules
// linked into the binary and the npm packages its web app depends on, and the
// licences of all of them in one text. Everything is read from files on this
// machine, so two runs over the same sources give the same bytes.
//
// usage: node packaging/sbom.mjs BINARY VERSION OUT_DIR
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [binary, version, out] = process.argv.slice(2)
const root = join(import.meta.dirname, '..')
const run = (cmd, ...args) => execFileSync(cmd, args, { encoding: 'utf8', maxBuffer: 64 << 20 })

/** The texts of a package's licence files. */
function licences(dir) {
  if (!existsSync(dir)) throw new Error(`${dir} is missing: run make build first`)
  return readdirSync(dir, { withFileTypes: true })
    .filter((f) => f.isFile() && /^(licen[cs]e|copying|notice|patents|unlicense)/i.test(f.name))
    .map((f) => f.name)
    .sort()
    .map((name) => readFileSync(join(dir, name), 'utf8').replaceAll('\r\n', '\n').trim())
}

/** Names a licence by words that only its text has. */
function spdx(text) {
  const has = (...words) => words.every((w) => text.replace(/\s+/g, ' ').includes(w))
  if (has('Apache License', 'Version 2.0')) return 'Apache-2.0'
  if (has('Mozilla Public License', '2.0')) return 'MPL-2.0'
  if (has('SIL OPEN FONT LICENSE')) return 'OFL-1.1'
  if (has('Permission is hereby granted, free of charge')) return 'MIT'
  if (has('Permission to use, copy, modify, and/or distribute')) return 'ISC'
  if (has('Redistribution and use in source and binary forms')) return has('Neither the name') || has('name of the copyright holder') || has('names of its contributors') ? 'BSD-3-Clause' : 'BSD-2-Clause'
  if (has('This is free and unencumbered software')) return 'Unlicense'
  return ''
}

const cache = run('go', 'env', 'GOMODCACHE').trim()
const escaped = (s) => s.replace(/[A-Z]/g, (c) => '!' + c.toLowerCase())
const parts = []

const lines = run('go', 'version', '-m', binary).split('\n').map((l) => l.trim().split('\t'))
const goVersion = lines[0][0].match(/go\d[\d.]*\S*/)[0]
parts.push({ name: 'Go standard library', purl: `pkg:golang/std@${goVersion.slice(2)}`, version: goVersion.slice(2), texts: licences(run('go', 'env', 'GOROOT').trim()) })
for (const [kind, name, v, sum] of lines) {
  if (kind !== 'dep') continue
  parts.push({
    name, version: v, purl: `pkg:golang/${name}@${v}`, texts: licences(join(cache, `${escaped(name)}@${escaped(v)}`)),
    hash: sum?.startsWith('h1:') && { name: 'muster:go:h1', value: sum },
  })
}

const lock = JSON.parse(readFileSync(join(root, 'web/package-lock.json'), 'utf8'))
for (const [path, p] of Object.entries(lock.packages)) {
  if (!path || p.dev || p.devOptional || p.optional || p.link) continue
  const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
  const [algorithm, digest] = (p.integrity ?? '').split('-')
  parts.push({
    name, version: p.version, purl: `pkg:npm/${name.replace('@', '%40')}@${p.version}`, declared: p.license, texts: licences(join(root, 'web', path)),
    digest: algorithm === 'sha512' && Buffer.from(digest, 'base64').toString('hex'),
  })
}
parts.sort((a, b) => (a.purl < b.purl ? -1 : 1))

const component = (p) => {
  const id = p.declared ?? spdx(p.texts[0] ?? '')
  return {
    type: 'library', 'bom-ref': p.purl, name: p.name, version: p.version, purl: p.purl, scope: 'required',
    ...(p.digest && { hashes: [{ alg: 'SHA-512', content: p.digest }] }),
    ...(id && { licenses: [/\s/.test(id) ? { expression: id } : { license: { id } }] }),
    ...(p.hash && { properties: [p.hash] }),
  }
}
const app = `pkg:generic/muster@${version}`
const epoch = Number(process.env.SOURCE_DATE_EPOCH ?? 0)
const bom = {
  $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json', bomFormat: 'CycloneDX', specVersion: '1.6', version: 1,
  metadata: {
    timestamp: new Date(epoch * 1000).toISOString(),
    component: {
      type: 'application', 'bom-ref': app, name: 'muster', version, purl: app, licenses: [{ license: { id: 'Apache-2.0' } }],
      hashes: [{ alg: 'SHA-256', content: createHash('sha256').update(readFileSync(binary)).digest('hex') }],
    },
  },
  components: parts.map(component),
  dependencies: [{ ref: app, dependsOn: parts.map((p) => p.purl) }],
}
writeFileSync(join(out, 'muster.cdx.json'), JSON.stringify(bom, null, 1) + '\n')

const without = parts.filter((p) => p.texts.length === 0 && !p.declared)
if (without.length) throw new Error(`no licence found of: ${without.map((p) => p.purl).join(', ')}`)
const rule = '='.repeat(78)
const notices = parts.map((p) => `${rule}\n${p.name} ${p.version}\n${p.purl}\n${rule}\n\n${p.texts.join('\n\n') || `License: ${p.declared}`}\n`)
writeFileSync(join(out, 'THIRD-PARTY.txt'), `Muster contains the following works of others, under their own licences.\n\n${notices.join('\n')}`)
console.log(`${parts.length} components: ${parts.filter((p) => p.purl.startsWith('pkg:golang')).length} Go, ${parts.filter((p) => p.purl.startsWith('pkg:npm')).length} npm; ${bom.components.filter((c) => !c.licenses).length} without a licence that has an SPDX name`)
