// Realtime honesty: a client that lived through the events shows what a client
// shows that came just now. People do random things through the API; at each quiet
// point the stores of the web app that followed the socket are compared, whole, with
// stores built from fresh snapshots. Every kind of event the server may publish
// (internal/realtime/kinds.json) has to occur.
//
// MUSTER_LIVE_SEED replays a story, MUSTER_LIVE_ROUNDS makes it longer.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { mediaChild } from '../browser/call.mjs'
import { until } from '../browser/hands.mjs'
import { startMuster } from '../browser/muster.mjs'
import { bundle, client } from './client.mjs'
import { createRequire } from 'node:module'
import { acts, api, console_, random, text } from './world.mjs'

const { WebSocket } = createRequire(new URL('../../web/package.json', import.meta.url))('undici')
const seed = Number(process.env.MUSTER_LIVE_SEED || Date.now() % 1e9)
const rounds = Number(process.env.MUSTER_LIVE_ROUNDS || 4)
const burst = 25
const kinds = JSON.parse(await readFile(new URL('../../internal/realtime/kinds.json', import.meta.url)))
const listed = Object.entries(kinds).flatMap(([channel, types]) => types.map((type) => `${channel}/${type}`))

let muster, code, world, fence
const clients = [] // { name, live }
const heard = new Map() // "channel kind/type" → how often

function hear(channel, data) {
  const [kind] = channel.split(':')
  const key = `${kind}/${data.type}`
  heard.set(key, (heard.get(key) ?? 0) + 1)
}

before(async () => {
  ;[muster, code] = await Promise.all([startMuster(), bundle()])
  const console = console_(muster.dir)
  const person = async (name, roles) => {
    if (roles) await console('POST', '/users', { name, display: name, roles })
    const { token } = await console('POST', '/tokens', { user: name, name: 'story' })
    const call = api(muster.url, token)
    const { body } = await call('GET', '/me')
    return { id: body.user.id, name, token, call }
  }
  world = {
    admin: await person('ines'),
    people: [await person('amara'), await person('jonas'), await person('daniel'), await person('farah'), await person('olga', ['observer']), await person('rene', ['responder'])],
    changing: await person('chang', ['operator', 'responder']),
  }
  fence = await person('fence', ['observer'])
  world.people.push(world.changing)
  world.all = [world.admin, ...world.people]
  const rooms = (await world.admin.call('GET', '/rooms')).body.items.map((r) => r.id)
  const hidden = (await world.people[2].call('GET', '/rooms')).body.items.map((r) => r.id)
  const office = (await world.admin.call('GET', '/office')).body
  const job = (await world.admin.call('GET', '/projects/demo/jobs')).body.items.find((j) => j.name === 'health-check')
  const rotation = (await world.admin.call('GET', '/rotations')).body.items[0]
  let serial = 0
  const made = (list, of = (b) => b) => (a) => {
    if (a.status === 201) world[list].push(of(a.body))
    return a
  }
  Object.assign(world, {
    office,
    url: muster.url,
    rooms: [...new Set([...rooms, ...hidden])].map((id) => ({ id, seeded: true })),
    incidents: [],
    floors: [],
    runs: [],
    guests: [],
    named: Object.fromEntries((await world.admin.call('GET', '/rooms')).body.items.map((x) => [x.name, x.id])),
    job: job.id,
    closed: (await world.people[2].call('GET', '/rooms')).body.items.find((x) => x.name === 'risk-controls').id,
    roles: ['commander', 'scribe', 'communications', 'operations'],
    text,
    made,
    key: () => `${++serial}`,
    by: (id) => world.all.find((p) => p.id === id) ?? world.admin,
    room: (r) => r.pick(world.rooms),
    ownRoom: (r) => r.pick(world.rooms.filter((x) => !x.seeded).concat(world.rooms.at(-1))),
    onIncident: (r, fn) => world.incidents.length > 0 && fn(r.pick(world.incidents).id),
    onRun: (r, fn) => world.runs.length > 0 && fn(r.pick(world.runs).id),
    // What is there to act on is read from a client that follows everything.
    onMessage: (r, fn) => {
      const all = Object.values(clients[0].live.app.shown().rooms).flatMap((x) => x.messages.flatMap((m) => [m, ...(m.replies ?? [])])).filter((m) => m.kind === 'text' && !m.deleted)
      return all.length > 0 && fn(r.pick(all))
    },
    onGet: (r, fn) => {
      const all = clients.flatMap((c) => Object.values(c.live.app.shown().office.gets))
      return all.length > 0 && fn(r.pick(all))
    },
    // A guest comes by a link, is let in, hears what is said, and goes.
    guest: async (r) => {
      const [, inside] = world.people
      const room = world.named.lounge
      await world.admin.call('PATCH', `/rooms/${room}`, { archived: false, door: 'open' })
      if ((await inside.call('POST', `/rooms/${room}/enter`, {})).status >= 300) return { status: 409 }
      const link = await world.admin.call('POST', `/rooms/${room}/guest-links`, { label: text(r), expires_at: new Date(Date.now() + 3600_000).toISOString() })
      if (link.status !== 201) return link
      const end = () => world.admin.call('DELETE', `/rooms/${room}/guest-links/${link.body.link.id}`)
      const came = await fetch(`${muster.url}/api/v1/guest/knock`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ token: link.body.url.split('/').at(-1), name: `Guest ${world.key()}` }) })
      if (came.status !== 200) {
        await end()
        return { status: came.status }
      }
      const cookie = came.headers.get('set-cookie').split(';')[0]
      const { visit } = await came.json()
      const socket = new WebSocket(muster.url.replace('http', 'ws') + '/api/v1/guest/socket', { headers: { Cookie: cookie } })
      await new Promise((done, failed) => {
        socket.addEventListener('open', done)
        socket.addEventListener('error', () => failed(new Error('the guest has no socket')))
      })
      const kinds = new Set()
      let told = () => {}
      socket.addEventListener('message', (e) => {
        for (const line of String(e.data).split('\n').filter(Boolean)) {
          const push = JSON.parse(line).push
          if (push?.pub) {
            hear(push.channel, push.pub.data)
            kinds.add(push.pub.data.type)
            told()
          }
        }
      })
      socket.send('{"id":1,"connect":{}}')
      const knock = (await inside.call('GET', '/office')).body.knocks.find((k) => k.user_id === visit.id)
      const answer = await inside.call('POST', `/knocks/${knock?.id}/admit`, {})
      if (answer.status < 300) {
        const heard = new Promise((done, failed) => {
          const timer = setTimeout(() => failed(new Error('the guest did not hear what was said')), 20_000)
          told = () => kinds.has('message') && (clearTimeout(timer), done())
        })
        await inside.call('POST', `/rooms/${room}/messages`, { text: text(r), key: world.key() })
        await heard
      }
      await end()
      socket.close()
      return answer
    },
    decide: async (r, id) => {
      const daniel = world.people[2]
      const { status, body } = await daniel.call('GET', `/runs/${id}`)
      if (status !== 200 || body.state !== 'waiting') return { status }
      return r.chance(0.6) ? daniel.call('POST', `/runs/${id}/approve`, { digest: body.digest }) : daniel.call('POST', `/runs/${id}/decline`, { note: 'not now' })
    },
    alert: async (r) => {
      const labels = { alertname: `A${r.below(4)}`, service: r.pick(['payments-api', 'settlement-api']), severity: 'critical', environment: 'prod' }
      const firing = r.chance(0.7)
      const res = await fetch(muster.webhook, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({
          version: '4', groupKey: `{}:{alertname="${labels.alertname}"}`, status: firing ? 'firing' : 'resolved', receiver: 'muster', groupLabels: {}, commonLabels: labels, commonAnnotations: {}, externalURL: '',
          alerts: [{ status: firing ? 'firing' : 'resolved', labels, annotations: { summary: text(r) }, startsAt: new Date(Date.now() - 5000).toISOString(), endsAt: firing ? '0001-01-01T00:00:00Z' : new Date().toISOString(), generatorURL: '' }],
        }),
      })
      assert.ok(res.status < 500, `alert: ${res.status} ${await res.text()}`)
      return { status: res.status }
    },
    killMedia: async () => {
      const state = async () => (await world.admin.call('GET', '/office')).body.media.state
      process.kill(await mediaChild(muster), 'SIGKILL')
      await until('media is away', async () => (await state()) === 'starting')
      await until('media is back', async () => (await state()) === 'ready')
      return { status: 200 }
    },
    override: (r) => world.admin.call('POST', `/rotations/${rotation.id}/overrides`, { user_id: r.pick([world.people[0], world.people[1], world.people[5]]).id, from: new Date(Date.now() - 1000).toISOString(), until: new Date(Date.now() + 3600_000).toISOString() }),
    policy: (r) =>
      r.chance(0.4)
        ? world.admin.call('DELETE', '/policies/story')
        : world.admin.call('PUT', '/policies/story', {
            content: `description: Observers stay out of some rooms\ncontext:\n  application: muster\nfor:\n  room:\n    - match:\n        name: '${r.pick(['.*ops.*', 'lounge', 'settlement', '.*queue.*'])}'\n      deny: [${r.pick(['read', 'post', 'read, post'])}]\nby:\n  group: [observer]\n`,
          }),
  })
  // Two windows of one person, too.
  for (const p of [world.admin, ...world.people, world.people[0]]) {
    const live = client(code, muster.url, p.token, hear)
    clients.push({ name: p.name, person: p, live })
  }
  await Promise.all(clients.map((c) => c.live.app.start()))
  await follow(clients.map((c) => c.live))
})

after(async () => {
  for (const c of clients) c.live.app.stop()
  await muster?.stop()
})

/** onceEach does one of every act that can be done now. */
async function onceEach(r, done, count) {
  for (const [, name, fn] of acts) {
    for (let n = 0; n < 12 && !done.has(name); n++) {
      const act = fn(world, r, r.pick(world.people.slice(0, 2)))
      if (!act) continue
      if (act.typing) {
        clients.find((c) => c.person === act.typing[0]).live.app.type(act.typing[1])
        done.set(name, 1)
      } else count(name, await act.call)
      await follow(clients.map((c) => c.live))
    }
  }
}

const ids = (list) => list.map((x) => x.id)
async function follow(lives) {
  for (const l of lives) l.app.follow({ rooms: ids(world.rooms), runs: ids(world.runs), incidents: ids(world.incidents) })
}

/** quiet waits until the server has told everything, and every client has taken it in. */
let fences = 0
async function quiet() {
  const late = Date.now() + 60_000
  for (;;) {
    const { body } = await world.admin.call('GET', '/runs?state=active&limit=200')
    if (!body.items.some((r) => r.state === 'queued' || r.state === 'running')) break
    assert.ok(Date.now() < late, 'runs did not end in a minute')
    await new Promise((again) => setTimeout(again, 50))
  }
  // The server composes in order: once all have this, they have all that was before.
  const mark = `fence ${++fences}`
  const told = Promise.all(
    clients.map(
      (c) =>
        new Promise((done, failed) => {
          const timer = setTimeout(() => failed(new Error(`${c.name} was not told of the fence`)), 20_000)
          const seen = () => c.live.app.useOffice.getState().presence[fence.id]?.status_text === mark
          const stop = c.live.app.useOffice.subscribe(() => seen() && (clearTimeout(timer), stop(), done()))
        }),
    ),
  )
  await fence.call('PATCH', '/me', { status_text: mark })
  await told
  await Promise.all(clients.map((c) => c.live.idle()))
}

/**
 * What stands on the screen of what a client holds. The office is told of a room's number
 * only with what counts as unread; what counts is compared, the number is not.
 */
function visible(shown) {
  const rooms = Object.fromEntries(Object.entries(shown.office.rooms).map(([id, { seq: _, since: __, ...r }]) => [id, r]))
  return { ...shown, office: { ...shown.office, rooms } }
}

/** What differs, as paths. */
function differences(a, b, path = '', out = []) {
  if (Object.is(a, b) || out.length > 12) return out
  const object = (x) => x !== null && typeof x === 'object'
  if (object(a) && object(b) && Array.isArray(a) === Array.isArray(b)) {
    for (const k of new Set([...Object.keys(a), ...Object.keys(b)])) differences(a[k], b[k], `${path}.${k}`, out)
    return out
  }
  const short = (x) => (JSON.stringify(x) ?? 'undefined').slice(0, 300)
  out.push(`${path}: lived ${short(a)}, fresh ${short(b)}`)
  return out
}

async function compare(what) {
  const wrong = []
  const seen = new Map()
  for (const c of clients) {
    let now = seen.get(c.name)
    if (!now) {
      const fresh = client(code, muster.url, c.person.token)
      await fresh.app.start()
      await follow([fresh])
      await fresh.idle()
      for (const r of world.rooms) await fresh.app.wholeRoom(r.id)
      now = visible(fresh.app.shown())
      fresh.app.stop()
      seen.set(c.name, now)
    }
    for (const r of world.rooms) await c.live.app.wholeRoom(r.id)
    for (const d of differences(visible(c.live.app.shown()), now)) wrong.push(`${c.name} ${d}`)
  }
  assert.deepEqual(wrong, [], `${what}; replay with MUSTER_LIVE_SEED=${seed}`)
}

test(`apply(events, snapshot) is the next snapshot (seed ${seed}, ${rounds} rounds)`, { timeout: 30 * 60_000 }, async (t) => {
  t.diagnostic(`seed ${seed}`)
  const r = random(seed)
  const total = acts.reduce((n, [weight]) => n + weight, 0)
  const choose = () => {
    let at = r.below(total)
    return acts.find(([weight]) => (at -= weight) < 0)
  }
  const done = new Map()
  const refused = new Map()
  const count = (name, a) => {
    const map = a?.status < 300 ? done : refused
    map.set(name, (map.get(name) ?? 0) + 1)
  }
  // First of everything once, each with what came before it, so that every kind occurs. What was done
  // may still have told nobody (a mention of who may not read the room), so some of it is done again.
  for (let again = 0; again < 6 && (again === 0 || listed.some((k) => !heard.has(k))); again++) {
    done.clear()
    await onceEach(r, done, count)
    await quiet()
  }
  await compare('after one of everything')
  for (let round = 1; round <= rounds; round++) {
    const calls = []
    const story = []
    for (let n = 0; n < burst; n++) {
      const [, name, fn] = choose()
      const person = r.pick(world.all)
      const act = fn(world, r, person)
      if (!act) continue
      if (act.typing) clients.find((c) => c.name === act.typing[0].name).live.app.type(act.typing[1])
      else calls.push(act.call.then((a) => (story.push(`${person.name} ${name} ${a?.status}`), count(name, a))))
      // Some things happen at once, some after each other.
      if (r.chance(0.5)) await Promise.all(calls)
    }
    await Promise.all(calls)
    await follow(clients.map((c) => c.live))
    // Some lose their line for a moment.
    if (r.chance(0.3)) {
      const c = r.pick(clients)
      c.live.cut()
      story.push(`${c.name} lost the line`)
    }
    await quiet()
    await compare(`after round ${round} (${story.join(', ')})`)
  }
  const told = (map) => [...map].map(([k, n]) => `${k} ${n}`).join(', ')
  t.diagnostic(`done: ${told(done)}`)
  t.diagnostic(`refused: ${told(refused)}`)
})

test('every kind of event the server may publish occurred, and no other', () => {
  assert.deepEqual([...heard.keys()].sort(), listed.sort(), JSON.stringify([...heard]))
})
