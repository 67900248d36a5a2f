import { fileURLToPath } from 'node:url'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

// Where the development server finds the API: a Muster on its usual port, unless told otherwise.
const backend = process.env.MUSTER_API ?? 'http://127.0.0.1:8080'
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

// The Go binary embeds outDir. The folder is emptied by each build, and .keep is put back so that
// `go build` works on a clone whose web app has not been built yet.
const keep = { name: 'keep', closeBundle: () => writeFileSync(here('../internal/webui/dist/.keep'), '') }

// What shrinks is kept as .br and .gz only: the binary carries each file once for nearly every client
// (internal/webui unpacks for the rest). index.html stays as it is: each answer has a nonce in it.
const SHRINKS = /\.(js|css|svg|json|webmanifest|txt|md|wasm)$/
const pack = {
  name: 'pack',
  closeBundle() {
    const dist = here('../internal/webui/dist/')
    for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
      if (!SHRINKS.test(name) || name.startsWith('.vite')) continue
      const body = readFileSync(dist + name)
      writeFileSync(dist + name + '.br', brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: body.length } }))
      writeFileSync(dist + name + '.gz', gzipSync(body, { level: 9 }))
      rmSync(dist + name)
    }
  },
}

export default defineConfig({
  base: '/',
  plugins: [react(), keep, pack],
  resolve: {
    alias: [
      { find: /^@\//, replacement: here('./src/') },
      // The scroll lock below our dialogs injects a <style> element, which the content security
      // policy refuses. The page itself never scrolls, so there is nothing to lock.
      { find: 'react-style-singleton', replacement: here('./src/lib/style-singleton.ts') },
    ],
  },
  build: {
    outDir: '../internal/webui/dist',
    emptyOutDir: true,
    target: 'es2022',
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    assetsInlineLimit: 0, // data: URLs are outside the content security policy
    modulePreload: { polyfill: false },
    manifest: true,
    // An icon each would be a request each; those that only one screen shows come with it.
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: 'icons', test: /lucide-react/, minShareCount: 4 },
            { name: 'icons', test: /lucide-react.*icons\/(at-sign|send-horizontal)\./ }, // of the room
            { name: 'base', test: /src\/(api|realtime|lib\/(fuzzy|outcome)|ui\/(?!overlays|AuthFrame))/ },
            { name: 'router', test: /@tanstack\/(react-router|router-core|history|react-store|store)/ },
          ],
        },
      },
    },
    chunkSizeWarningLimit: 700,
  },
  server: {
    fs: { allow: ['..'] }, // the guide is in ../docs
    host: '127.0.0.1',
    port: 5173,
    proxy: {
      '/api': { target: backend, ws: true },
      '/hooks': { target: backend },
    },
  },
  test: {
    environment: 'node',
    include: ['src/**/*.test.{ts,tsx}'],
    css: false,
    restoreMocks: true,
  },
})
