// A mail server that keeps what it is given: the least of SMTP that a client needs.
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * startMail listens on a free loopback port.
 * Gives { port, mails: [{ from, to, subject, text }], until(fits), stop() };
 * until waits for a mail that fits and gives it.
 */
export async function startMail() {
  const mails = []
  const waiting = new Set()
  const sockets = new Set()
  const keep = (mail) => {
    mails.push(mail)
    waiting.forEach((look) => look())
  }
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => {})
    socket.setEncoding('utf8')
    talk(socket, keep)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const until = (fits) =>
    new Promise((found, failed) => {
      const end = (settle, value) => {
        clearTimeout(late)
        waiting.delete(look)
        settle(value)
      }
      const look = () => {
        const mail = mails.find(fits)
        if (mail) end(found, mail)
      }
      const late = setTimeout(() => end(failed, new Error(`No such mail came in 30 s. There are: ${mails.map((m) => `${m.to}: ${m.subject}`).join('; ') || 'none'}`)), 30_000)
      waiting.add(look)
      look()
    })
  const stop = async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  }
  return { port: server.address().port, mails, until, stop }
}

/** talk answers one client, command by command. */
function talk(socket, keep) {
  const say = (line) => socket.write(`${line}\r\n`)
  let rest = ''
  let mail = { from: '', to: [] }
  let data = null
  const hear = (line) => {
    if (data) {
      if (line !== '.') return void data.push(line.replace(/^\./, ''))
      keep(parsed(mail, data))
      mail = { from: '', to: [] }
      data = null
      return say('250 kept')
    }
    const [, verb, about] = /^(\w+)\s*(.*)$/.exec(line) ?? []
    switch (verb?.toUpperCase()) {
      case 'EHLO':
      case 'HELO':
        return say('250 localhost')
      case 'MAIL':
        mail.from = /<(.*?)>/.exec(about)?.[1] ?? ''
        return say('250 ok')
      case 'RCPT':
        mail.to.push(/<(.*?)>/.exec(about)?.[1] ?? '')
        return say('250 ok')
      case 'DATA':
        data = []
        return say('354 go on, end with a dot')
      case 'RSET':
        mail = { from: '', to: [] }
        return say('250 ok')
      case 'NOOP':
        return say('250 ok')
      case 'QUIT':
        say('221 bye')
        return socket.end()
      default:
        return say('502 not here')
    }
  }
  socket.on('data', (text) => {
    const lines = (rest + text).split('\r\n')
    rest = lines.pop()
    lines.forEach(hear)
  })
  say('220 localhost ESMTP')
}

function parsed({ from, to }, lines) {
  const end = lines.indexOf('')
  const head = lines.slice(0, end).join('\n').replace(/\n[ \t]+/g, ' ')
  const subject = /^subject: (.*)$/im.exec(head)?.[1] ?? ''
  const quoted = /^content-transfer-encoding: quoted-printable$/im.test(head)
  const text = lines.slice(end + 1).join('\n')
  return { from, to: to.join(', '), subject: words(subject), text: quoted ? printable(text.replace(/=\n/g, '')) : text }
}

/** Subjects outside ASCII come as encoded words. */
const words = (text) =>
  text
    .replace(/\?=\s+=\?/g, '?==?')
    .replace(/=\?utf-8\?(q|b)\?(.*?)\?=/gi, (_, how, body) => (how.toLowerCase() === 'b' ? Buffer.from(body, 'base64').toString() : printable(body.replaceAll('_', ' '))))
const printable = (text) => Buffer.from(text.replace(/=([0-9A-F]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16))), 'latin1').toString()
