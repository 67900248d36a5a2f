// Pictures of a terminal: commands that really run, and what they really print.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const font = fileURLToPath(new URL('../../web/node_modules/@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2', import.meta.url))
const escape = (text) => text.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c])

const colours = { 31: '#f47067', 32: '#57ab5a', 33: '#c69026', 34: '#539bf5', 35: '#b083f0', 36: '#39c5cf', 90: '#768390' }
/** coloured shows what a terminal does with colour codes; other escapes are none of ours. */
const coloured = (text) => {
  let open = false
  return escape(text).replace(/\u001b\[([\d;]*)m/g, (_, codes) => {
    const colour = colours[codes.split(';').find((c) => colours[c])]
    const html = (open ? '</span>' : '') + (colour ? `<span style="color:${colour}">` : '')
    open = !!colour
    return html
  }) + (open ? '</span>' : '')
}

/** typed runs a line as a shell would, and gives it with everything it printed. */
function typed(line, { cwd, env }) {
  return new Promise((done, failed) => {
    execFile('/bin/sh', ['-c', `{ ${line}\n} 2>&1`], { cwd, env: { ...process.env, ...env } }, (error, stdout) => {
      if (error) return failed(new Error(`${line}: ${error.message}\n${stdout}`))
      done({ line, text: stdout.trimEnd() })
    })
  })
}

/** terminal runs lines one after the other and shows them; gives the page and the part that is the window. */
export async function terminal(browser, lines, where) {
  const said = []
  for (const line of lines) said.push(await typed(line, where))
  const page = await browser.newPage({ viewport: { width: 1040, height: 1200 }, colorScheme: 'dark' })
  const face = (await readFile(font)).toString('base64')
  await page.setContent(`<!doctype html><style>
    @font-face { font-family: term; src: url(data:font/woff2;base64,${face}) format('woff2'); font-weight: 100 800; }
    body { margin: 0; background: #14181d; }
    pre { display: inline-block; min-width: 720px; max-width: 1000px; margin: 0; padding: 16px 20px; background: #14181d; color: #c9d1d9; font: 400 12.5px/19px term, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
    b { color: #f0f3f6; font-weight: 600; } i { color: #57ab5a; font-style: normal; }
  </style><pre>${said.map((s) => `<i>$</i> <b>${escape(s.line)}</b>\n${coloured(s.text)}`).join('\n\n')}</pre>`)
  return { page, window: page.locator('pre') }
}
