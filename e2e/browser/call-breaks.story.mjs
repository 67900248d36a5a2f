// What goes wrong with voice: the media process dies, UDP finds no way, a
// microphone is missing, refused or pulled out. One goes on, or is told how.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { arrives, caller, dock, into, LOOPBACK, MEDIA, mediaBrowser, mediaChild, more, speak, toggle, voice } from './call.mjs'
import { go, heading, until } from './hands.mjs'
import { startMuster } from './muster.mjs'
import { startBrowser } from './people.mjs'

let browser
let muster
before(async () => {
  muster = await startMuster()
  browser = await mediaBrowser()
})
after(async () => {
  await browser?.close()
  await muster?.stop()
})

test('the media process is killed: both have sound again, and the rest never stopped', { timeout: 180_000 }, async () => {
  const ines = await caller(browser, muster, 'ines')
  const jonas = await caller(browser, muster, 'jonas')
  const both = [ines, jonas]
  for (const p of both) {
    await into(p, 'lounge')
    await speak(p)
  }
  for (const p of both) await more(p, 'energy')
  // One looks at something else meanwhile, and reads there that voice comes back.
  await go(jonas, 'Runs')
  await dock(jonas).getByText('Voice connected').waitFor()

  const child = await mediaChild(muster)
  const asked = { fails: 0, slowest: 0, stop: false }
  const asking = (async () => {
    while (!asked.stop) {
      const began = Date.now()
      const ok = await fetch(`${muster.url}/readyz`).then((r) => r.ok, () => false)
      if (!ok) asked.fails++
      asked.slowest = Math.max(asked.slowest, Date.now() - began)
      await new Promise((again) => setTimeout(again, 50))
    }
  })()
  try {
    await Promise.all(
      both.map((p) =>
        p.rough(async () => {
          const connections = await p.page.evaluate(() => window.kept.connections.length)
          if (p === ines) process.kill(child, 'SIGKILL')
          const began = Date.now()
          // Sound of the new connection, for what the old one counted does not grow any more.
          await until(
            `${p.name} hears again`,
            () =>
              p.page.evaluate(async (from) => {
                for (const pc of window.kept.connections.slice(from)) {
                  if (pc.connectionState === 'closed') continue
                  for (const s of (await pc.getStats()).values()) if (s.type === 'inbound-rtp' && s.kind === 'audio' && s.totalAudioEnergy > 0) return true
                }
                return false
              }, connections),
            20_000,
          )
          const took = Date.now() - began
          console.log(`# ${p.name} hears again after ${took} ms`)
          assert.ok(took < 5000, `${p.name} had sound again after ${took} ms only`)
        }),
      ),
    )
  } finally {
    asked.stop = true
    await asking
  }
  console.log(`# the server answered throughout, at most after ${asked.slowest} ms`)
  assert.equal(asked.fails, 0, 'the server did not answer while media was away')
  assert.notEqual(await mediaChild(muster), child)
  await dock(jonas).getByText('Voice connected').waitFor()
  await voice(ines).getByRole('button', { name: 'Microphone', exact: true, pressed: true }).waitFor()
  for (const p of both) await p.done()
})

test('the microphone is pulled out: the next one is used, and that is said', { timeout: 120_000 }, async () => {
  const ines = await caller(browser, muster, 'ines')
  const jonas = await caller(browser, muster, 'jonas')
  await into(ines, 'lounge')
  await into(jonas, 'lounge')
  await speak(jonas)
  await more(ines, 'energy')
  const pull = (p) =>
    p.page.evaluate(() => {
      const track = window.kept.tracks.findLast((t) => t.kind === 'audio' && t.readyState === 'live')
      track.stop()
      track.dispatchEvent(new Event('ended'))
    })
  await pull(jonas)
  await voice(jonas).getByText(/went away$/).waitFor()
  await voice(jonas).getByText(/is used now\.$/).waitFor()
  await more(ines, 'energy')
  // And when there is no other.
  await jonas.page.evaluate(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotFoundError'))
  })
  await pull(jonas)
  await voice(jonas).getByText('Nobody hears you until you plug one in and unmute. You hear the others.').waitFor()
  await speak(ines)
  await more(jonas, 'energy')
  await ines.done()
  await jonas.done()
})

test('a microphone that is refused, or not there: one listens, and reads what to do', { timeout: 120_000 }, async () => {
  const ines = await caller(browser, muster, 'ines')
  await into(ines, 'lounge')
  await speak(ines)
  // Somebody who says no to the browser's question.
  const jonas = await caller(browser, muster, 'jonas')
  await jonas.page.evaluate(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'))
  })
  await into(jonas, 'lounge')
  await toggle(jonas, 'Microphone').click()
  await voice(jonas).getByText('The browser does not let Muster use your microphone').waitFor()
  await voice(jonas).getByText(/Click the symbol to the left of the address.*You can listen meanwhile\./).waitFor()
  await more(jonas, 'energy')
  await jonas.axe('no microphone', { themes: ['light'] })
  await jonas.shot('call-denied')
  await jonas.done()

  // A machine without any.
  const bare = await startBrowser({ args: [...MEDIA.filter((a) => !a.includes('fake-device')), ...LOOPBACK] })
  try {
    const amara = await caller(bare, muster, 'amara')
    await into(amara, 'lounge')
    await toggle(amara, 'Microphone').click()
    await voice(amara).getByText('No microphone was found').waitFor()
    await more(amara, 'energy')
    await amara.done()
  } finally {
    await bare.close()
  }
  await ines.done()
})

test('UDP finds no way: the call goes over TCP', { timeout: 180_000 }, async () => {
  // In a network of its own, where the firewall drops every datagram; where the machine
  // lets nobody have one, by a browser that sends none.
  const story = fileURLToPath(new URL('call-tcp.mjs', import.meta.url))
  const netns = ['--map-root-user', '--net', '--', 'sh', '-c', 'ip link set lo up && iptables -A INPUT -p udp -j DROP']
  const own = await promisify(execFile)('unshare', netns).then(() => true, () => false)
  console.log(own ? '# every datagram is dropped' : '# no network of its own: the browser sends no datagrams')
  const child = own
    ? spawn('unshare', [...netns.slice(0, -1), `${netns.at(-1)} && exec "$0" "$1"`, process.execPath, story], { stdio: ['ignore', 'pipe', 'inherit'] })
    : spawn(process.execPath, [story, '--force-webrtc-ip-handling-policy=disable_non_proxied_udp'], { stdio: ['ignore', 'pipe', 'inherit'] })
  let told = ''
  for await (const text of child.stdout) told += text
  const code = child.exitCode ?? (await new Promise((done) => child.once('exit', done)))
  assert.equal(code, 0, told)
  const { ways, took } = JSON.parse(told.trim().split('\n').at(-1))
  console.log(`# connected over ${ways.join(', ')} after ${took} ms`)
  assert.deepEqual([...new Set(ways)], ['tcp'])
  assert.ok(took < 5000, `it took ${took} ms to find TCP`)
})

// apart runs a story in a network and a table of mounts of its own, and gives what it found.
async function apart(scene) {
  const story = fileURLToPath(new URL('call-networks.mjs', import.meta.url))
  await promisify(execFile)('unshare', ['--net', '--mount', '--', 'sh', '-c', 'ip link add try type veth && iptables -S']).catch((error) => {
    throw new Error(`Networks of its own are needed to prove this: run as root where unshare may be used (a container needs --cap-add SYS_ADMIN,NET_ADMIN), with iproute2 and iptables installed (scripts/need test).\n${error.stderr ?? error}`)
  })
  const child = spawn('unshare', ['--net', '--mount', '--', process.execPath, story, scene], { stdio: ['ignore', 'pipe', 'inherit'] })
  let told = ''
  for await (const text of child.stdout) told += text
  const code = child.exitCode ?? (await new Promise((done) => child.once('exit', done)))
  assert.equal(code, 0, told)
  return JSON.parse(told.trim().split('\n').at(-1))
}

test('a network lets nothing through but two TCP ports: the call goes through the relay', { timeout: 180_000 }, async () => {
  const { joined, ways, relayed } = await apart('closed')
  console.log(`# connected by ${ways.join(', ')} after ${joined} ms; ${relayed} packets to the relay`)
  assert.deepEqual(ways, ['relay tls'])
  assert.ok(relayed > 50, `only ${relayed} packets went to the relay`)
  assert.ok(joined < 5000, `it took ${joined} ms to find the relay`)
})

for (const [scene, what, limit] of [
  ['move', 'the network changes in the middle of a call', 8000],
  ['silent', 'the way of a call falls silent, and another is there', 15_000],
])
  test(`${what}: both have sound again`, { timeout: 180_000 }, async () => {
    const { ways, after, ines, jonas } = await apart(scene)
    console.log(`# from ${ways.join(', ')} to ${after.join(', ')}: ines hears again after ${ines} ms, jonas after ${jonas} ms`)
    assert.deepEqual(ways, ['udp 10.9.1.2'])
    // By datagrams, or by TCP where that was first to answer.
    assert.ok(after.length > 0 && after.every((way) => way.endsWith(' 10.9.2.2')), after.join(', '))
    assert.ok(Math.max(ines, jonas) < limit, `sound came back after ${ines} and ${jonas} ms only`)
  })

test('voice switched off is not offered, and everything else works', { timeout: 60_000 }, async () => {
  const off = await startMuster({ files: { 'muster.yaml': 'media:\n  engine: "off"\n' } })
  try {
    const ines = await caller(browser, off, 'ines')
    await go(ines, 'Runs')
    await heading(ines, 'Runs').waitFor()
    const answer = await ines.page.evaluate(async () => (await (await fetch('/api/v1/office')).json()).media)
    assert.equal(answer.state, 'off')
    await ines.page.getByRole('complementary', { name: 'Places' }).getByRole('link', { name: /^lounge/ }).click()
    await ines.page.getByRole('main').getByRole('button', { name: 'Enter', exact: true }).click()
    await ines.page.getByText('Only you').waitFor()
    assert.equal(await voice(ines).count(), 0)
    assert.equal((await arrives(ines)).audio, 0)
    await ines.done()
  } finally {
    await off.stop()
  }
})
