// A demo office with people who do things through the API, picked by a seed.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import http from 'node:http'
import { join } from 'node:path'
import { until } from '../browser/hands.mjs'

const { WebSocket } = createRequire(new URL('../../web/package.json', import.meta.url))('undici')

/** The same seed gives the same numbers. */
export function random(seed) {
  let s = seed >>> 0
  const next = () => {
    s = (s + 0x6d2b79f5) >>> 0
    let t = Math.imul(s ^ (s >>> 15), 1 | s)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  return { next, below: (n) => Math.floor(next() * n), chance: (p) => next() < p, pick: (list) => list[Math.floor(next() * list.length)] }
}

/** api calls as the owner of a token. Gives { status, body }; a 5xx is never an answer. */
export function api(url, token) {
  return async (method, path, body) => {
    const res = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    const text = await res.text()
    assert.ok(res.status < 500, `${method} ${path}: ${res.status} ${text}`)
    return { status: res.status, body: text ? JSON.parse(text) : undefined }
  }
}

/** console calls as the machine's administrator, on the admin socket. */
export const console_ = (dir) => (method, path, body) =>
  new Promise((done, failed) => {
    const req = http.request({ socketPath: join(dir, 'admin.sock'), method, path: `/api/v1${path}`, headers: body ? { 'Content-Type': 'application/json' } : {} }, (res) => {
      let text = ''
      res.setEncoding('utf8').on('data', (t) => (text += t))
      res.on('end', () => (res.statusCode < 300 ? done(text ? JSON.parse(text) : undefined) : failed(new Error(`${method} ${path}: ${res.statusCode} ${text}`))))
    })
    req.on('error', failed)
    req.end(body ? JSON.stringify(body) : undefined)
  })

/**
 * talk joins a room's call as far as that goes without sound, lets the person do
 * something there, and leaves. Gives the ticket's answer; the call is over with it.
 */
export async function talk(w, person, room, mode, act) {
  if (mode === 'table') await person.call('POST', `/rooms/${room}/enter`, {})
  const ticket = await person.call('POST', `/rooms/${room}/call/join`, { mode })
  if (ticket.status !== 200) return ticket
  const socket = new WebSocket(`${w.url.replace('http', 'ws')}${ticket.body.url}/rtc?protocol=16&access_token=${ticket.body.token}`, { headers: { Authorization: `Bearer ${person.token}` } })
  socket.binaryType = 'arraybuffer'
  const over = new Promise((done) => ['close', 'error'].forEach((e) => socket.addEventListener(e, done)))
  const sees = async (who) => (await who.call('GET', '/office')).body.calls.some((c) => c.room_id === room && c.people.some((p) => p.user_id === person.id))
  // A private room is seen by its members only, and the person may be put out meanwhile.
  const inside = async () => (await sees(person)) || (await sees(w.admin)) || sees(w.people[2])
  // Somebody else may have sent them out, or the room may be gone, before they were seen in it.
  const came = await Promise.race([until(`${person.name} is in the call`, inside, 5000).then(() => true, () => false), over.then(() => false)])
  if (came) await act?.()
  if (socket.readyState === WebSocket.OPEN) socket.send(new Uint8Array([0x42, 0])) // the engine's word for leaving
  await over
  await until(`${person.name} is out of the call`, async () => !(await inside()))
  return ticket
}

export const EMOJI = ['👍', '👀', '🎉', '🔥']
const WORDS = ['lag', 'pacs.008', 'failover', 'queue', 'db-prod-1', 'rollback', 'T2', 'cut-off', 'liquidity', 'certificate']

/** acts lists what people do: [weight, name, fn(world, r, person)]. Each gives its call, or nothing where there is nothing to do it to. */
export const acts = [
  [14, 'post', (w, r, p) => ({ post: true, call: p.call('POST', `/rooms/${w.room(r).id}/messages`, { text: w.text(r), key: w.key() }) })],
  [5, 'reply', (w, r, p) => w.onMessage(r, (m) => ({ post: true, call: p.call('POST', `/rooms/${m.room_id}/messages`, { text: w.text(r), thread: m.id, key: w.key() }) }))],
  [4, 'mention', (w, r, p) => ({ post: true, call: p.call('POST', `/rooms/${w.room(r).id}/messages`, { text: `@${r.pick(w.people).name} ${w.text(r)}`, key: w.key() }) })],
  [6, 'edit', (w, r) => w.onMessage(r, (m) => ({ call: w.by(m.author.id).call('PATCH', `/messages/${m.id}`, { text: w.text(r) }) }))],
  [3, 'delete', (w, r) => w.onMessage(r, (m) => ({ call: w.by(m.author.id).call('DELETE', `/messages/${m.id}`) }))],
  [8, 'react', (w, r, p) => w.onMessage(r, (m) => ({ call: p.call(r.chance(0.7) ? 'PUT' : 'DELETE', `/messages/${m.id}/reactions/${encodeURIComponent(r.pick(EMOJI))}`) }))],
  [3, 'pin', (w, r, p) => w.onMessage(r, (m) => ({ call: p.call(r.chance(0.6) ? 'PUT' : 'DELETE', `/messages/${m.id}/pin`) }))],
  [4, 'read', (w, r, p) => { const room = w.room(r); return { call: p.call('GET', `/rooms/${room.id}`).then((a) => (a.status === 200 ? p.call('PUT', `/rooms/${room.id}/read`, { seq: r.chance(0.7) ? a.body.seq : r.below(a.body.seq + 1) }) : a)) } }],
  [2, 'bridge', (w, r, p) => ({ call: r.chance(0.8) ? p.call('PUT', `/rooms/${w.room(r).id}/bridge`, { url: `https://acme.zoom.us/j/${r.below(999)}` }) : p.call('DELETE', `/rooms/${w.room(r).id}/bridge`) })],
  [3, 'typing', (w, r, p) => ({ typing: [p, w.room(r).id] })],
  [6, 'enter', (w, r, p) => ({ call: p.call('POST', `/rooms/${w.room(r).id}/enter`, r.chance(0.5) ? {} : { seat: 1 + r.below(9) }) })],
  [2, 'sit where few may look', (w, r) => ({ call: w.people[2].call('POST', `/rooms/${w.closed}/enter`, {}) })],
  [2, 'say where few may listen', (w, r) => ({ call: w.people[2].call('POST', `/rooms/${w.closed}/messages`, { text: w.text(r), key: w.key() }) })],
  [2, 'knock', (w, r) => {
    const [, inside, , , , outside] = w.people
    return {
      call: inside.call('POST', `/rooms/${w.named.treasury}/enter`, {})
        .then(() => inside.call('PUT', `/rooms/${w.named.treasury}/door`, { door: 'closed' }))
        .then(() => outside.call('POST', `/rooms/${w.named.treasury}/knock`, { note: w.text(r) }))
        .then((a) => (a.status === 201 ? inside.call('POST', `/knocks/${a.body.id}/${r.pick(['admit', 'decline'])}`, {}) : a)),
    }
  }],
  [1, 'send home', (w, r) => {
    const person = r.pick([w.people[0], w.people[1]])
    return { call: person.call('POST', `/rooms/${w.named.lounge}/enter`, {}).then(() => w.admin.call('POST', `/rooms/${w.named.lounge}/send-home`, { user_id: person.id, reason: w.text(r) })) }
  }],
  [2, 'leave', (w, r, p) => ({ call: p.call('POST', '/office/leave') })],
  [4, 'availability', (w, r, p) => ({ call: p.call('PATCH', '/me', { availability: r.pick(['available', 'busy', 'away', 'dnd']), status_text: r.pick(['', 'on a call', 'lunch']), ...(r.chance(0.3) ? { until: new Date(Date.now() + 3600_000).toISOString() } : {}) }) })],
  [3, 'get', (w, r, p) => ({ call: p.call('POST', '/gets', { user_id: r.pick(w.people).id, room_id: w.room(r).id, note: w.text(r) }) })],
  [4, 'answer', (w, r) => w.onGet(r, (g) => ({ call: w.by(g.to).call('POST', `/gets/${g.id}/${r.pick(['accept', 'decline'])}`, {}) }))],
  [2, 'make a room', (w, r, p) => ({ call: p.call('POST', '/rooms', { name: `${r.pick(WORDS)} ${w.key()}`, kind: r.pick(['team', 'meeting', 'focus']), topic: w.text(r), private: r.chance(0.5), members: [r.pick(w.people).id] }).then(w.made('rooms')) })],
  [3, 'change a room', (w, r, p) => ({ call: p.call('PATCH', `/rooms/${w.room(r).id}`, r.pick([{ topic: w.text(r) }, { name: `${r.pick(WORDS)} ${w.key()}` }, { door: r.pick(['open', 'closed', 'locked']) }])) })],
  [1, 'archive', (w, r) => ({ call: w.admin.call('PATCH', `/rooms/${w.ownRoom(r).id}`, { archived: r.chance(0.5) }) })],
  [3, 'add a member', (w, r, p) => ({ call: p.call('PUT', `/rooms/${w.room(r).id}/members/${r.pick(w.people).id}`) })],
  [3, 'put out', (w, r) => ({ call: w.admin.call('DELETE', `/rooms/${w.room(r).id}/members/${r.pick(w.people).id}`) })],
  [2, 'join or leave', (w, r, p) => ({ call: p.call(r.chance(0.6) ? 'PUT' : 'DELETE', `/rooms/${w.room(r).id}/membership`) })],
  [2, 'declare', (w, r, p) => w.incidents.length < 6 && { call: p.call('POST', '/incidents', { title: w.text(r), severity: 1 + r.below(4), service: r.pick(['payments-api', 'settlement-api']), environment: r.pick(['prod', 'qa']), mode: 'drill' }).then(w.made('incidents')) }],
  [5, 'move the stage', (w, r, p) => w.onIncident(r, (i) => ({ call: p.call('POST', `/incidents/${i}/stage`, { stage: r.pick(['triage', 'mitigating', 'monitoring', 'resolved', 'triage', 'closed']), note: w.text(r) }) }))],
  [3, 'change an incident', (w, r, p) => w.onIncident(r, (i) => ({ call: p.call('PATCH', `/incidents/${i}`, r.pick([{ title: w.text(r) }, { severity: 1 + r.below(4) }, { summary: w.text(r) }])) }))],
  [4, 'give a role', (w, r, p) => w.onIncident(r, (i) => ({ call: r.chance(0.7) ? p.call('PUT', `/incidents/${i}/roles/${r.pick(w.roles)}`, { user_id: r.pick(w.people).id }) : p.call('DELETE', `/incidents/${i}/roles/${r.pick(w.roles)}`) }))],
  [3, 'page', (w, r, p) => w.onIncident(r, (i) => ({ call: p.call('POST', `/incidents/${i}/page`, { user_id: r.pick(w.people).id }) }))],
  [3, 'acknowledge', (w, r, p) => w.onIncident(r, (i) => ({ call: p.call('POST', `/incidents/${i}/acknowledge`) }))],
  [3, 'note', (w, r, p) => w.onIncident(r, (i) => ({ call: p.call('POST', `/incidents/${i}/notes`, { text: w.text(r) }) }))],
  [2, 'say when', (w, r, p) => w.onIncident(r, (i) => ({ call: p.call('PATCH', `/incidents/${i}/times`, { detected: new Date(Date.now() - 60_000 * r.below(90)).toISOString() }) }))],
  [3, 'alert', (w, r) => ({ call: w.alert(r) })],
  [2, 'run a job', (w, r, p) => w.runs.length < 12 && { call: p.call('POST', `/jobs/${w.job}/run`, { options: { service: 'payments-api', env: r.pick(['dev', 'qa', 'prod']) }, room_id: w.room(r).id, key: w.key() }).then(w.made('runs')) }],
  [2, 'run a command', (w, r, p) => w.runs.length < 12 && { call: p.call('POST', '/projects/demo/adhoc', { command: `seq 1 ${1 + r.below(200)}; sleep 0.${r.below(5)}`, filter: 'name: muster', room_id: w.room(r).id, key: w.key() }).then(w.made('runs')) }],
  [4, 'decide', (w, r) => w.onRun(r, (run) => ({ call: w.decide(r, run) }))],
  [2, 'stop', (w, r, p) => w.runs.length < 14 && { call: p.call('POST', '/projects/demo/adhoc', { command: 'echo begun; sleep 60', filter: 'name: muster', key: w.key() }).then(w.made('runs')).then((a) => (a.status === 201 ? p.call('POST', `/runs/${a.body.id}/stop`, {}) : a)) }],
  [2, 'add a floor', (w, r) => w.floors.length < 6 && { call: w.admin.call('POST', '/floors', { name: `${r.pick(WORDS)} ${w.key()}`, layout: { width: 100, height: 60, rooms: [] } }).then(w.made('floors')) }],
  [3, 'change a floor', (w, r) => w.floors.length > 0 && { call: w.admin.call('PATCH', `/floors/${r.pick(w.floors).id}`, r.chance(0.5) ? { name: `${r.pick(WORDS)} ${w.key()}` } : { position: r.below(4) }) }],
  [2, 'lay out a floor', (w, r) => w.floors.length > 0 && { call: w.admin.call('GET', `/floors/${r.pick(w.floors).id}`).then((a) => (a.status === 200 ? w.admin.call('PUT', `/floors/${a.body.id}`, { version: a.body.version, layout: { width: 100, height: 60, rooms: a.body.layout.rooms, slots: r.chance(0.5) ? [{ x: 2, y: 2, w: 30, h: 20 }] : [] } }) : a)) }],
  [1, 'add a floor that few may see', (w, r) => w.floors.length < 6 && {
    call: w.admin
      .call('PUT', '/policies/floors-story', { content: "description: Observers stay off some floors\ncontext:\n  application: muster\nfor:\n  floor:\n    - match:\n        name: 'hidden .*'\n      deny: [read]\nby:\n  group: [observer]\n" })
      .then(() => w.admin.call('POST', '/floors', { name: `hidden ${w.key()}` }))
      .then(w.made('floors')),
  }],
  [1, 'remove a floor', (w, r) => w.floors.length > 0 && { call: w.admin.call('DELETE', `/floors/${r.pick(w.floors).id}`) }],
  [3, 'talk', (w, r, p) => { const room = w.room(r).id; return { call: talk(w, p, room, r.pick(['table', 'gallery']), async () => {
    await p.call('PUT', `/rooms/${room}/call/hand`, { raised: r.chance(0.7) })
    await p.call('POST', `/rooms/${room}/call/reactions`, { emoji: r.pick(['👍', '🎉', '☕']) })
  }) } }],
  [1, 'talk where few may listen', (w) => ({ call: talk(w, w.people[2], w.closed, 'table') })],
  [0, 'the media process dies', (w) => ({ call: w.killMedia() })],
  [1, 'bring in a guest', (w, r) => ({ call: w.guest(r) })],
  [2, 'star', (w, r, p) => ({ call: p.call(r.chance(0.7) ? 'PUT' : 'DELETE', `/me/starred/${r.pick(w.all).id}`) })],
  [1, 'say how to be reached', (w, r, p) => ({ call: p.call('PATCH', '/me/reach', { alarm: r.pick([0, 40, 100]), desktop: r.chance(0.5) }) })],
  [1, 'choose a home', (w, r, p) => ({ call: p.call('PUT', '/me/home', { room_id: r.chance(0.8) ? w.room(r).id : '' }) })],
  [1, 'go home', (w, r, p) => ({ call: p.call('PUT', '/me/home', { room_id: w.named.lounge }).then(() => p.call('POST', '/office/home')) })],
  [2, 'say what one can do', (w, r, p) => ({ call: p.call('PATCH', '/me/profile', r.pick([{ team: r.pick(WORDS) }, { skills: [r.pick(WORDS), r.pick(WORDS)] }, { title: w.text(r).slice(0, 60) }])) })],
  [2, 'see all notifications', (w, r, p) => ({ call: p.call('POST', '/notifications/seen-all') })],
  [1, 'add a person', (w, r) => ({ call: w.admin.call('POST', '/users', { name: `guest${w.key()}`, display: `Guest ${w.key()}`, roles: ['observer'], kind: r.pick(['person', 'bot']) }).then(w.made('guests', (b) => b.user ?? b)) })],
  [2, 'change a person', (w, r) => ({ call: w.admin.call('PATCH', `/users/${r.pick([...w.people, ...w.guests]).id}`, r.pick([{ title: w.text(r).slice(0, 60) }, { team: r.pick(WORDS) }, { display: `${r.pick(WORDS)} ${w.key()}` }])) })],
  [1, 'disable a person', (w, r) => w.guests.length > 0 && { call: w.admin.call('PATCH', `/users/${r.pick(w.guests).id}`, { disabled: r.chance(0.6) }) }],
  [1, 'change roles', (w, r) => ({ roles: true, call: w.admin.call('PATCH', `/users/${w.changing.id}`, { roles: r.pick([['observer'], ['responder'], ['operator', 'responder']]) }) })],
  [1, 'change the policy', (w, r) => ({ call: w.policy(r) })],
  [1, 'end a token', (w, r, p) => ({ call: p.call('POST', '/tokens', { name: w.key() }).then((a) => (a.status === 201 ? p.call('DELETE', `/tokens/${a.body.id}`) : a)) })],
  [2, 'on call', (w, r) => ({ call: w.override(r) })],
]

/** A text of one to five words. */
export const text = (r) => Array.from({ length: 1 + r.below(5) }, () => r.pick(WORDS)).join(' ')
