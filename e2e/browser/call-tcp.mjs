// A call of two where no datagram gets through: run by call-breaks.story.mjs in a
// network of its own. Prints by which way media came, and how long joining took.
import { arrives, caller, into, MEDIA, mediaBrowser, more, speak } from './call.mjs'
import { startMuster } from './muster.mjs'

const muster = await startMuster()
const browser = await mediaBrowser([...MEDIA, ...process.argv.slice(2)])
try {
  const ines = await caller(browser, muster, 'ines')
  const jonas = await caller(browser, muster, 'jonas')
  await into(ines, 'lounge')
  const began = Date.now()
  await into(jonas, 'lounge')
  const took = Date.now() - began
  for (const p of [ines, jonas]) await speak(p)
  for (const p of [ines, jonas]) await more(p, 'energy')
  const ways = [...(await arrives(ines)).ways, ...(await arrives(jonas)).ways]
  await ines.done()
  await jonas.done()
  console.log(JSON.stringify({ ways, took }))
} finally {
  await browser.close()
  await muster.stop()
}
