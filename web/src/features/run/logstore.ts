// A run's log as pages that are fetched when somebody looks at them, joined with what arrives live. Half a million lines
// cost what is on the screen: the store knows the total, holds the pages near the reader and forgets far ones.
import type { LogLine, LogPage } from '@/api/types'

export const PAGE = 2000
/** Pages kept in memory; the oldest used are dropped beyond it (the server has them). */
const KEEP = 120

export type Fetch = (after: number, limit: number, signal: AbortSignal) => Promise<LogPage>
export type Snapshot = { total: number; version: number; loading: number; error: string; done: boolean; started: boolean }

export class LogStore {
  private pages = new Map<number, (LogLine | undefined)[]>()
  private pending = new Map<number, Promise<void>>()
  private full = new Set<number>()
  private listeners = new Set<() => void>()
  private snap: Snapshot = { total: 0, version: 0, loading: 0, error: '', done: false, started: false }
  private total = 0
  private done = false
  private started = false
  private error = ''
  private scheduled = false
  private stop = new AbortController()

  constructor(
    private readonly fetchPage: Fetch,
    /** One frame later; in tests at once. */
    private readonly frame: (f: () => void) => void = (f) => requestAnimationFrame(f),
  ) {}

  subscribe = (f: () => void): (() => void) => {
    this.listeners.add(f)
    return () => this.listeners.delete(f)
  }
  get = (): Snapshot => this.snap

  /** Line n (from 1), if it is here. */
  line(n: number): LogLine | undefined {
    const i = n - 1
    return this.pages.get(Math.floor(i / PAGE))?.[i % PAGE]
  }

  /** Makes sure lines from..to are here or on their way. */
  want(from: number, to: number): Promise<void>[] {
    const first = Math.max(0, Math.floor((from - 1) / PAGE))
    const last = Math.max(0, Math.floor((Math.max(from, to) - 1) / PAGE))
    const out: Promise<void>[] = []
    for (let p = first; p <= last; p++) {
      this.touch(p)
      if (!this.hasAll(p, from, to)) out.push(this.load(p))
    }
    return out
  }

  /** The first look at a log, or one after lines may have been missed: how long is it, and its last page. */
  async open(): Promise<void> {
    await this.pending.get(0) // whose answer may be from before what was missed
    await this.load(0)
    if (this.total > PAGE) await Promise.all(this.want(this.total - 200, this.total))
  }

  /** Lines that arrived live. Out of order, twice or with a gap: each line lies where its number says. */
  push(lines: readonly LogLine[]): void {
    for (const l of lines) this.put(l)
    this.evict()
    this.publish()
  }
  setTotal(total: number): void {
    if (total > this.total) {
      this.total = total
      this.publish()
    }
  }
  finish(): void {
    if (!this.done) {
      this.done = true
      this.publish()
    }
  }
  close(): void {
    this.stop.abort()
    this.listeners.clear()
  }
  retry(): void {
    this.error = ''
    this.full.clear()
    this.publish()
  }

  private hasAll(page: number, from: number, to: number): boolean {
    if (this.full.has(page)) return true
    const lines = this.pages.get(page)
    if (!lines) return false
    const a = Math.max(from - 1, page * PAGE)
    const b = Math.min(to - 1, page * PAGE + PAGE - 1, this.total - 1)
    for (let i = a; i <= b; i++) if (!lines[i % PAGE]) return false
    return b >= a
  }

  private load(page: number): Promise<void> {
    const running = this.pending.get(page)
    if (running) return running
    const job = this.fetchPage(page * PAGE, PAGE, this.stop.signal)
      .then((res) => {
        for (const l of res.items) this.put(l)
        this.total = Math.max(this.total, res.total)
        if (res.done) this.done = true
        if (res.items.length >= PAGE || (res.done && page * PAGE + res.items.length >= res.total)) this.full.add(page)
        this.error = ''
        this.evict()
      })
      .catch((e: unknown) => {
        if (this.stop.signal.aborted) return
        this.error = e instanceof Error ? e.message : 'The log could not be loaded.'
      })
      .finally(() => {
        this.pending.delete(page)
        this.started = true
        this.publish()
      })
    this.pending.set(page, job)
    this.publish()
    return job
  }

  private put(l: LogLine): void {
    const i = l.n - 1
    if (i < 0) return
    const p = Math.floor(i / PAGE)
    let lines = this.pages.get(p)
    if (!lines) {
      lines = []
      this.pages.set(p, lines)
    }
    lines[i % PAGE] = l
    if (l.n > this.total) this.total = l.n
  }

  // A Map keeps insertion order: touching moves a page to the end, the first is the one used longest ago.
  private touch(page: number): void {
    const lines = this.pages.get(page)
    if (!lines) return
    this.pages.delete(page)
    this.pages.set(page, lines)
  }
  private evict(): void {
    while (this.pages.size > KEEP) {
      const oldest = this.pages.keys().next().value
      if (oldest === undefined) return
      this.pages.delete(oldest)
      this.full.delete(oldest)
    }
  }
  private publish(): void {
    if (this.scheduled) return
    this.scheduled = true
    this.frame(() => {
      this.scheduled = false
      this.snap = { total: this.total, version: this.snap.version + 1, loading: this.pending.size, error: this.error, done: this.done, started: this.started }
      for (const f of this.listeners) f()
    })
  }
}

export type LogFilter = { node: string; step: number; stream: '' | 'out' | 'err' }
export const NO_FILTER: LogFilter = { node: '', step: 0, stream: '' }
export function filtered(f: LogFilter): boolean {
  return f.node !== '' || f.step !== 0 || f.stream !== ''
}
export function matches(l: LogLine, f: LogFilter): boolean {
  return (!f.node || l.node === f.node) && (!f.step || l.step === f.step) && (!f.stream || l.stream === f.stream)
}

/**
 * The lines a filter lets through, in order. Their numbers have holes, so they are a list that grows from the first
 * page on; live lines are appended once everything before them has been read.
 */
export class FilteredLog {
  lines: LogLine[] = []
  private cursor = 0
  private caughtUp = false
  private waiting: LogLine[] = []
  private running: Promise<void> | null = null
  private stop = new AbortController()
  error = ''
  constructor(
    private readonly fetchPage: Fetch,
    private readonly filter: LogFilter,
    private readonly changed: () => void,
  ) {}
  get loading(): boolean {
    return !this.caughtUp && !this.error
  }
  /** Reads all pages, telling after each. */
  run(): Promise<void> {
    this.running ??= this.read()
    return this.running
  }
  private async read(): Promise<void> {
    try {
      for (;;) {
        const page = await this.fetchPage(this.cursor, PAGE, this.stop.signal)
        if (this.stop.signal.aborted) return
        this.lines.push(...page.items)
        const moved = page.next > this.cursor
        this.cursor = Math.max(this.cursor, page.next)
        this.changed()
        if (page.items.length === 0 || !moved || this.cursor >= page.total) break
      }
      this.caughtUp = true
      const last = this.lines[this.lines.length - 1]?.n ?? 0
      this.lines.push(...this.waiting.filter((l) => l.n > last))
      this.waiting = []
    } catch (e) {
      if (!this.stop.signal.aborted) this.error = e instanceof Error ? e.message : 'The log could not be loaded.'
    }
    this.changed()
  }
  push(lines: readonly LogLine[]): void {
    const mine = lines.filter((l) => matches(l, this.filter))
    if (mine.length === 0) return
    if (!this.caughtUp) {
      this.waiting.push(...mine)
      return
    }
    const last = this.lines[this.lines.length - 1]?.n ?? 0
    this.lines.push(...mine.filter((l) => l.n > last))
    this.changed()
  }
  close(): void {
    this.stop.abort()
  }
}
