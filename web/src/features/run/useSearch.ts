// Searching a log of any size: pages are read one after the other while the reader already sees the first hits.
import { useEffect, useRef, useState } from 'react'
import type { LogLine } from '@/api'
import { plain } from './ansi'
import { PAGE, type LogStore } from './logstore'

export type Hits = { lines: number[]; scanned: number; running: boolean }
const NONE: Hits = { lines: [], scanned: 0, running: false }
const MAX = 10_000
/** Pages asked for before they are needed. */
const AHEAD = 3

/** Indexes of the lines that contain the query; goes on by itself as the log grows. */
export function useSearch(query: string, total: number, store: LogStore | null, list: readonly LogLine[] | null): Hits {
  const [hits, setHits] = useState<Hits>(NONE)
  const latest = useRef({ total, list })
  const wake = useRef<(() => void) | null>(null)
  const filtered = list !== null
  useEffect(() => {
    latest.current = { total, list }
    wake.current?.()
  }, [total, list])
  useEffect(() => {
    const q = query.toLowerCase()
    if (!q || !store) {
      setHits(NONE)
      return
    }
    let stop = false
    const found: number[] = []
    let scanned = 0
    const tell = (running: boolean) => setHits({ lines: [...found], scanned, running })
    const more = () =>
      new Promise<void>((resolve) => {
        wake.current = resolve
      })
    const scan = async () => {
      while (!stop && found.length < MAX) {
        const { total: end, list: lines } = latest.current
        if (scanned >= end) {
          tell(false)
          await more()
          continue
        }
        const from = scanned
        const to = Math.min(end, from + PAGE)
        if (!lines) {
          store.want(to, Math.min(end, to + AHEAD * PAGE))
          await Promise.all(store.want(from + 1, to))
          if (stop) return
        }
        for (let i = from; i < to; i++) {
          const line = lines ? lines[i] : store.line(i + 1)
          if (!line) break
          if (plain(line.text).toLowerCase().includes(q)) found.push(i)
          scanned = i + 1
        }
        tell(true)
        // A page that did not come waits for the next sign of life; else a frame goes through between pages.
        await (scanned === from ? more() : new Promise((r) => setTimeout(r)))
      }
      if (!stop) tell(false)
    }
    setHits({ ...NONE, running: true })
    void scan()
    return () => {
      stop = true
      wake.current?.()
    }
  }, [query, store, filtered])
  return hits
}
