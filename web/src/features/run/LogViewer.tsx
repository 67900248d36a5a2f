import { useLocation, useNavigate } from '@tanstack/react-router'
import { ChevronDown, ChevronUp, Download, Search, WrapText } from 'lucide-react'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { apiUrl, type LogLine, type Run, type RunEvent } from '@/api'
import { cx } from '@/lib/cx'
import { useSettled, useStored } from '@/lib/hooks'
import { listen, useConnection } from '@/realtime'
import { Button, buttonClass, Empty, IconButton, Loading, Notice, Spinner } from '@/ui'
import { logFetcher, useRunLog } from './live'
import { FollowButton, LogRows, type LogRowsHandle } from './LogRows'
import { FilteredLog, filtered, NO_FILTER, type LogFilter } from './logstore'
import { formatLines, isActive, isOver, linesWord, nodeWidth, parseLines } from './model'
import { useSearch } from './useSearch'
import s from './run.module.css'

/** The whole log: follow, filter, search, wrap, link to lines, download. */
export function LogViewer({ run, node, onNode }: { run: Run; node: string; onNode: (node: string) => void }) {
  const live = isActive(run.state)
  const { store, snap } = useRunLog(run.id)
  const connection = useConnection((x) => x.state)
  const hash = useLocation({ select: (l) => l.hash })
  const navigate = useNavigate()
  const selected = useMemo(() => parseLines(hash), [hash])
  const [follow, setFollow] = useState(!selected && (live || run.state === 'failed' || run.state === 'timed-out'))
  const [wrap, setWrap] = useStored('log.wrap', false)
  const [part, setPart] = useState<Omit<LogFilter, 'node'>>(NO_FILTER)
  const filter = useMemo<LogFilter>(() => ({ ...part, node }), [part, node])
  const on = filtered(filter)
  const { lines, loading, error } = useFiltered(run.id, on ? filter : null)
  const count = on ? lines.length : snap.total
  const rows = useRef<LogRowsHandle>(null)

  const at = useCallback((i: number): LogLine | undefined => (on ? lines[i] : store?.line(i + 1)), [on, lines, store])
  const onRange = useCallback((from: number, to: number) => void (on || store?.want(from + 1, to)), [on, store])

  const [text, setText] = useState('')
  const query = useSettled(text.trim(), 200)
  const hits = useSearch(query, count, store, on ? lines : null)
  const [hit, setHit] = useState(-1)
  useEffect(() => setHit(-1), [query, on])
  const go = (by: 1 | -1) => {
    const n = hits.lines.length
    if (n === 0) return
    const next = hit < 0 ? (by > 0 ? 0 : n - 1) : (hit + by + n) % n
    setHit(next)
    setFollow(false)
    rows.current?.show(hits.lines[next] ?? 0)
  }
  const currentIndex = hit >= 0 ? (hits.lines[hit] ?? null) : null
  const current = currentIndex === null ? null : (at(currentIndex)?.n ?? null)

  // A link to lines brings them into view once the log is long enough to have them.
  const shown = useRef('')
  useEffect(() => {
    if (!selected || on || shown.current === hash || snap.total < selected.from) return
    shown.current = hash
    setFollow(false)
    rows.current?.show(selected.from - 1)
  }, [selected, hash, snap.total, on])
  const anchor = useRef(0)
  const pick = useCallback(
    (n: number, extend: boolean) => {
      const from = extend && anchor.current ? anchor.current : n
      if (!extend) anchor.current = n
      const next = formatLines(from, n)
      shown.current = next
      void navigate({ to: '.', hash: next, replace: true })
    },
    [navigate],
  )

  return (
    <div className={s.logCol}>
      <div className={s.tools} role="toolbar" aria-label="Log">
        <label>
          <span className="sr">Node</span>
          <select value={node} onChange={(e) => onNode(e.target.value)}>
            <option value="">All nodes</option>
            {run.nodes.map((n) => (
              <option key={n.name} value={n.name}>
                {n.name}
                {n.state === 'failed' ? ' (failed)' : ''}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span className="sr">Step</span>
          <select value={part.step} onChange={(e) => setPart({ ...part, step: Number(e.target.value) })}>
            <option value={0}>All steps</option>
            {run.steps.map((x) => (
              <option key={x.n} value={x.n}>
                {x.n}. {x.label || x.kind}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span className="sr">Stream</span>
          <select value={part.stream} onChange={(e) => setPart({ ...part, stream: e.target.value as LogFilter['stream'] })}>
            <option value="">All output</option>
            <option value="err">Error output only</option>
            <option value="out">Standard output only</option>
          </select>
        </label>
        <div className={s.searchBox}>
          <Search size={13} aria-hidden="true" />
          <input
            type="search"
            aria-label="Search the log"
            placeholder="Search"
            value={text}
            onChange={(e) => setText(e.target.value)}
            onKeyDown={(e) => {
              if (e.key === 'Enter') {
                e.preventDefault()
                go(e.shiftKey ? -1 : 1)
              }
              if (e.key === 'Escape') setText('')
            }}
          />
          {query && (
            <>
              <output>{hits.lines.length === 0 ? (hits.running ? 'searching' : 'none') : `${hit >= 0 ? hit + 1 : '–'} of ${hits.lines.length.toLocaleString('en')}${hits.running ? '+' : ''}`}</output>
              <button type="button" aria-label="Previous hit" onClick={() => go(-1)}>
                <ChevronUp size={14} />
              </button>
              <button type="button" aria-label="Next hit" onClick={() => go(1)}>
                <ChevronDown size={14} />
              </button>
            </>
          )}
        </div>
        <span className="grow" />
        <IconButton label={wrap ? 'Do not wrap long lines' : 'Wrap long lines'} on={wrap} onClick={() => setWrap(!wrap)}>
          <WrapText size={14} />
        </IconButton>
        <a className={buttonClass('ghost')} href={apiUrl(`/runs/${run.id}/log.txt`)} download={`run-${run.number}.txt`}>
          <Download size={13} aria-hidden="true" />
          Download
        </a>
      </div>
      <div className={s.logBody}>
        {count === 0 ? (
          (on ? loading : !snap.started) ? (
            <Loading label="Loading the log" lines={8} />
          ) : snap.error || error ? null : (
            <Empty title={on ? 'No line fits the filter' : isOver(run.state) ? 'The run wrote no output' : run.state === 'waiting' ? 'Nothing runs before it is approved' : 'No output yet'} action={on ? <Button onClick={() => (setPart(NO_FILTER), onNode(''))}>Show all lines</Button> : undefined} />
          )
        ) : (
          <LogRows
            ref={rows}
            count={count}
            at={at}
            version={on ? lines.length : snap.version}
            onRange={onRange}
            follow={follow}
            onFollow={setFollow}
            wrap={wrap}
            nodeWidth={node ? 0 : nodeWidth(run.nodes)}
            query={query}
            selected={selected}
            current={current}
            onPick={pick}
            label={`Output of run ${run.number}`}
          />
        )}
      </div>
      {(snap.error || error) && (
        <Notice
          tone="amber"
          title="Part of the log did not load"
          action={
            <Button size="s" onClick={() => store?.retry()}>
              Try again
            </Button>
          }
        >
          {snap.error || error}
        </Notice>
      )}
      <div className={s.status}>
        <span className="tnum">
          {on ? `${linesWord(count)} of ${snap.total.toLocaleString('en')}` : linesWord(count)}
          {on && loading ? ', still reading' : ''}
        </span>
        {live && (
          <span className={cx(connection === 'connected' ? 'c-violet' : 'c-amber')}>
            {connection === 'connected' ? 'live' : 'reconnecting; the log goes on where it stopped'}
          </span>
        )}
        {(snap.loading > 0 || hits.running) && <Spinner size={10} label="Loading" />}
        {hits.running && (
          <span className="tnum">
            searched {hits.scanned.toLocaleString('en')} of {count.toLocaleString('en')} lines
          </span>
        )}
        <span className="grow" />
        {selected && <span className={s.dim}>{selected.from === selected.to ? `line ${selected.from}` : `lines ${selected.from} to ${selected.to}`}</span>}
        <FollowButton follow={follow} live={live} onFollow={setFollow} />
      </div>
    </div>
  )
}

/** The lines a filter lets through: read from the server page by page, joined with what arrives live. */
function useFiltered(runId: string, filter: LogFilter | null): { lines: readonly LogLine[]; loading: boolean; error: string } {
  const [state, setState] = useState<{ lines: readonly LogLine[]; loading: boolean; error: string }>({ lines: [], loading: false, error: '' })
  useEffect(() => {
    if (!filter) {
      setState({ lines: [], loading: false, error: '' })
      return
    }
    setState({ lines: [], loading: true, error: '' })
    let frame = 0
    const log: FilteredLog = new FilteredLog(logFetcher(runId, filter), filter, () => {
      frame ||= requestAnimationFrame(() => {
        frame = 0
        setState({ lines: [...log.lines], loading: log.loading, error: log.error })
      })
    })
    const stop = listen<RunEvent>(`run:${runId}`, (e) => {
      if (e.type === 'log') log.push(e.lines)
    })
    void log.run()
    return () => {
      stop()
      log.close()
      cancelAnimationFrame(frame)
    }
  }, [runId, filter])
  return state
}
