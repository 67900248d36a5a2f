// Searching a log of any size: the pages are read one after the other while the reader already sees the first hits.
import { useEffect, useRef, useState } from 'react'
import type { LogLine } from '@/api'
import { plain } from './ansi'
import { PAGE, type LogStore } from './logstore'

export type Hits = { lines: number[]; scanned: number; running: boolean }
const NONE: Hits = { lines: [], scanned: 0, running: false }
const MAX = 10_000

/** Numbers of the lines (by index) that contain the query. */
export function useSearch(query: string, total: number, store: LogStore | null, list: readonly LogLine[] | null): Hits {
  const [hits, setHits] = useState<Hits>(NONE)
  const progress = useRef({ query: '', list: null as readonly LogLine[] | null, lines: [] as number[], scanned: 0 })
  useEffect(() => {
    const p = progress.current
    if (p.query !== query || p.list !== list) progress.current = { query, list, lines: [], scanned: 0 }
    const q = query.toLowerCase()
    if (!q || !store) {
      setHits(NONE)
      return
    }
    let stop = false
    const scan = async () => {
      const state = progress.current
      while (!stop && state.scanned < total && state.lines.length < MAX) {
        const from = state.scanned
        const to = Math.min(total, from + PAGE)
        if (!list) await Promise.all(store.want(from + 1, to))
        if (stop) return
        let gap = false
        for (let i = from; i < to; i++) {
          const line = list ? list[i] : store.line(i + 1)
          if (!line) {
            gap = true
            break
          }
          if (plain(line.text).toLowerCase().includes(q)) state.lines.push(i)
          state.scanned = i + 1
        }
        setHits({ lines: [...state.lines], scanned: state.scanned, running: state.scanned < total })
        if (gap) return
        // Lets a frame through between pages.
        await new Promise((r) => setTimeout(r))
      }
      if (!stop) setHits({ lines: [...state.lines], scanned: state.scanned, running: false })
    }
    void scan()
    return () => {
      stop = true
    }
  }, [query, total, store, list])
  return hits
}
