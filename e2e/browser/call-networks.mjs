// Calls of two whose network is not the server's: run by call-breaks.story.mjs
// as root in a network and a table of mounts of their own. The office stands
// behind two lines; the desk, which is this process and its browser, has one of
// them at a time. Prints what was found as JSON.
//
//   closed   nothing but two TCP ports of the office is reached: the relay
//   move     the line in use goes away in the middle of a call, another comes
//   silent   the line in use passes nothing any more, and looks as before
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { caller, into, MEDIA, more, speak } from './call.mjs'
import { until } from './hands.mjs'
import { binary, folder, startMuster } from './muster.mjs'
import { startBrowser } from './people.mjs'

const ADDRESS = '10.9.0.1'
const HOST = 'office.example.com'
const run = (...words) => execFileSync(words[0], words.slice(1), { encoding: 'utf8' })
const office = (...words) => run('ip', 'netns', 'exec', 'office', ...words)

/** line is a cable between the desk and the office, in a network of its own. */
function line(name, n) {
  run('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}-o`, 'netns', 'office')
  office('ip', 'addr', 'add', `10.9.${n}.1/24`, 'dev', `${name}-o`)
  office('ip', 'link', 'set', `${name}-o`, 'up')
  return {
    plug: () => {
      run('ip', 'addr', 'add', `10.9.${n}.2/24`, 'dev', name)
      run('ip', 'link', 'set', name, 'up')
      run('ip', 'route', 'replace', 'default', 'via', `10.9.${n}.1`)
    },
    pull: () => run('ip', 'link', 'del', name),
    // It stays there and passes nothing any more, which no browser is told.
    choke: () => run('iptables', '-I', 'OUTPUT', '-s', `10.9.${n}.2`, '-j', 'DROP'),
  }
}

/** route is what every connection of somebody uses now: how, from which address, and the sound that came by it. */
const route = (p) =>
  p.page.evaluate(async () => {
    const out = []
    for (const pc of window.kept.connections) {
      if (pc.connectionState !== 'connected') continue
      const all = await pc.getStats()
      const one = { way: '', energy: 0 }
      for (const s of all.values()) {
        if (s.type === 'inbound-rtp' && s.kind === 'audio') one.energy += s.totalAudioEnergy ?? 0
        const own = s.type === 'transport' && all.get(all.get(s.selectedCandidatePairId)?.localCandidateId)
        if (own) one.way = own.candidateType === 'relay' ? `relay ${own.relayProtocol}` : `${own.protocol} ${own.address}`
      }
      if (one.way) out.push(one)
    }
    return out
  })
const ways = async (people) => [...new Set((await Promise.all(people.map(route))).flat().map((one) => one.way))].sort()
/** hears says whether more sound has come from an address since it was asked last. */
const last = new Map()
async function hears(p, address) {
  const energy = (await route(p)).filter((one) => one.way.endsWith(address)).reduce((sum, one) => sum + one.energy, 0)
  const before = last.get(p)
  last.set(p, energy)
  return before !== undefined && before > 0 && energy > before
}

// An address that a line gives itself a second after it was plugged in is another
// change of networks to a browser, which then drops what it was just loading.
const six = '/proc/sys/net/ipv6/conf/default/disable_ipv6'
if (existsSync(six)) writeFileSync(six, '1')
mkdirSync('/run/netns', { recursive: true })
run('mount', '-t', 'tmpfs', 'none', '/run/netns')
run('ip', 'netns', 'add', 'office')
run('ip', 'link', 'set', 'lo', 'up')
office('ip', 'link', 'set', 'lo', 'up')
office('ip', 'link', 'add', 'own', 'type', 'veth', 'peer', 'name', 'own-o')
office('ip', 'addr', 'add', `${ADDRESS}/32`, 'dev', 'own')
for (const end of ['own', 'own-o']) office('ip', 'link', 'set', end, 'up')
const cable = line('cable', 1)
const wireless = line('wireless', 2)
cable.plug()

const { path: dir, remove } = await folder('networks')
writeFileSync(join(dir, 'hosts'), `127.0.0.1 localhost\n${ADDRESS} ${HOST}\n`)
run('mount', '--bind', join(dir, 'hosts'), '/etc/hosts')

const scene = process.argv[2]
const closed = scene === 'closed'
// The browsers are told to trust any certificate, so Muster's own will do for the relay.
const relay = closed ? `  turn: { tls_port: 443, domain: ${HOST}, cert: tls.pem, key: tls.key }\n` : ''
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
const inOffice = join(dir, 'muster')
// In its data folder, where its certificate is.
writeFileSync(inOffice, `#!/bin/sh\ncd "$3" && exec nsenter --net=/run/netns/office ${binary} "$@"\n`)
chmodSync(inOffice, 0o755)
const muster = await startMuster({
  program: inOffice,
  args: ['--addr', '0.0.0.0:8443'],
  files: { 'muster.yaml': `public_url: https://${HOST}:8443\nmedia:\n  address: ${ADDRESS}\n${relay}` },
})
muster.url = `https://${HOST}:8443`
if (closed) {
  for (const [chain, lo, end, port] of [['OUTPUT', '-o', '-d', '--dport'], ['INPUT', '-i', '-s', '--sport']]) {
    for (const rule of [[lo, 'lo'], [end, ADDRESS, '-p', 'tcp', port, '8443'], [end, ADDRESS, '-p', 'tcp', port, '443']]) run('iptables', '-A', chain, ...rule, '-j', 'ACCEPT')
    run('iptables', '-P', chain, 'DROP')
  }
}
const browser = await startBrowser({ args: [...MEDIA, '--ignore-certificate-errors', '--disable-features=WebRtcHideLocalIpsWithMdns'] })
try {
  const found = {}
  const ines = await caller(browser, muster, 'ines')
  const jonas = await caller(browser, muster, 'jonas')
  const both = [ines, jonas]
  await into(ines, 'lounge')
  const began = Date.now()
  await into(jonas, 'lounge')
  found.joined = Date.now() - began
  for (const p of both) await speak(p)
  for (const p of both) await more(p, 'energy')
  found.ways = await ways(both)
  if (closed) {
    const counted = run('iptables', '-nvxL', 'OUTPUT').split('\n').find((l) => /dpt:443$/.test(l.trim()))
    found.relayed = Number(counted.trim().split(/\s+/)[0])
  } else {
    const parted = Date.now()
    const move = async () => {
      if (scene === 'silent') cable.choke()
      else cable.pull()
      wireless.plug()
      await Promise.all(
        both.map(async (p) => {
          await until(`${p.name} hears by the other line`, () => hears(p, '10.9.2.2'), 60_000)
          found[p.name] = Date.now() - parted
        }),
      )
    }
    await ines.rough(() => jonas.rough(move))
    found.after = await ways(both)
  }
  for (const p of both) await p.done()
  console.log(JSON.stringify(found))
} finally {
  await browser.close()
  await muster.stop()
  await remove()
}
