import { ArrowDownToLine } from 'lucide-react'
import { memo, useCallback, useEffect, useImperativeHandle, useLayoutEffect, useRef, useState, type CSSProperties, type Ref } from 'react'
import type { LogLine } from '@/api/types'
import { cx } from '@/lib/cx'
import { clock } from '@/lib/time'
import { ansi, find, marked, SHOWN } from './ansi'
import s from './log.module.css'

const ROW = 18
/** Lines are drawn in blocks: scrolling inside one costs nothing but the scroll itself. */
const BLOCK = 24
export type LogRowsHandle = { show: (index: number) => void }
export type LogRowsProps = {
  count: number
  /** The line at an index (from 0); undefined while it is on its way. */
  at: (index: number) => LogLine | undefined
  /** Changes when what `at` answers has changed. */
  version: number
  onRange?: (from: number, to: number) => void
  follow: boolean
  onFollow: (follow: boolean) => void
  wrap?: boolean
  /** How many characters the name of a line's node gets; 0 where there is only one node. */
  nodeWidth: number
  query?: string
  selected?: { from: number; to: number } | null
  current?: number | null
  onPick?: (n: number, extend: boolean) => void
  /** Inside a scrolling page the log takes the wheel only once it is focused. */
  nested?: boolean
  label: string
  ref?: Ref<LogRowsHandle>
}

/** Log lines, drawn only where one looks: the same cost for ten and for half a million. */
export function LogRows(p: LogRowsProps) {
  const cols = { '--node': `${p.nodeWidth + 1}ch`, '--ln': `${Math.max(4, String(p.count).length + 1)}ch` } as CSSProperties
  return p.wrap ? <Wrapped {...p} cols={cols} /> : <Fixed {...p} cols={cols} />
}

// Only the reader's own wheel, touch, key or drag lets go of the end; growth and measuring never do.
function useIntent() {
  const at = useRef(0)
  const mark = useCallback(() => {
    at.current = performance.now()
  }, [])
  const own = useCallback(() => performance.now() - at.current < 400, [])
  return { own, events: { onWheel: mark, onTouchMove: mark, onKeyDown: mark, onPointerDown: mark, onPointerMove: (e: React.PointerEvent) => e.buttons && mark() } }
}

function Fixed({ count, at, version, onRange, follow, onFollow, nodeWidth, query = '', selected, current, onPick, nested, label, ref, cols }: LogRowsProps & { cols: CSSProperties }) {
  const box = useRef<HTMLDivElement>(null)
  const [block, setBlock] = useState(0)
  const [height, setHeight] = useState(nested ? 180 : 600)
  const { own, events } = useIntent()
  useLayoutEffect(() => {
    const el = box.current
    if (!el) return
    const see = new ResizeObserver(() => setHeight(el.clientHeight))
    see.observe(el)
    return () => see.disconnect()
  }, [])
  useLayoutEffect(() => {
    if (follow && box.current) box.current.scrollTop = count * ROW
  }, [count, follow, height])
  useImperativeHandle(ref, () => ({
    show: (i) => {
      const el = box.current
      if (!el) return
      const y = i * ROW
      if (y < el.scrollTop + ROW * 2 || y > el.scrollTop + el.clientHeight - ROW * 3) el.scrollTop = Math.max(0, y - el.clientHeight / 3)
    },
  }))
  const first = Math.max(0, (Math.min(Math.floor(count / BLOCK), block) - 1) * BLOCK)
  const last = Math.min(count, first + Math.ceil(height / ROW) + BLOCK * 3)
  useEffect(() => {
    if (count > 0) onRange?.(first, last)
  }, [first, last, count, onRange, version])
  const rows = []
  for (let i = first; i < last; i++) {
    const line = at(i)
    rows.push(<Row key={i} i={i} line={line} showNode={nodeWidth > 0} query={query} on={!!line && !!selected && line.n >= selected.from && line.n <= selected.to} now={!!line && line.n === current} onPick={onPick} />)
  }
  return (
    <div
      ref={box}
      className={cx(s.log, nested && s.nested)}
      style={cols}
      tabIndex={0}
      role="log"
      aria-live="off"
      aria-label={label}
      {...events}
      onScroll={(e) => {
        const el = e.currentTarget
        setBlock(Math.floor(el.scrollTop / ROW / BLOCK))
        const end = el.scrollHeight - el.scrollTop - el.clientHeight < ROW * 2
        if (end && !follow && own()) onFollow(true)
        else if (!end && follow && own()) onFollow(false)
      }}
    >
      <div className={s.space} style={{ height: count * ROW }}>
        <div className={s.window} style={{ top: first * ROW }}>
          {rows}
        </div>
      </div>
    </div>
  )
}

/**
 * Wrapped lines have heights nobody knows before they are drawn. So the scroll bar speaks of lines: the line at the
 * bar's place stands at the same place of the window, and only its neighbours are drawn. Half a million cost nothing.
 */
function Wrapped({ count, at, version, onRange, follow, onFollow, nodeWidth, query = '', selected, current, onPick, label, ref, cols }: LogRowsProps & { cols: CSSProperties }) {
  const box = useRef<HTMLDivElement>(null)
  const before = useRef<HTMLDivElement>(null)
  const after = useRef<HTMLDivElement>(null)
  const [top, setTop] = useState(0)
  const [height, setHeight] = useState(600)
  const { own, events } = useIntent()
  useLayoutEffect(() => {
    const el = box.current
    if (!el) return
    const see = new ResizeObserver(() => setHeight(el.clientHeight))
    see.observe(el)
    return () => see.disconnect()
  }, [])
  const length = Math.max(count * ROW, height)
  const reach = Math.max(1, length - height)
  useLayoutEffect(() => {
    if (follow && box.current) box.current.scrollTop = length
  }, [length, follow, height])
  useImperativeHandle(ref, () => ({
    show: (i) => {
      if (box.current) box.current.scrollTop = (i / Math.max(1, count)) * reach
    },
  }))
  // A log that fits stands at the top; else the bar's share is the share of lines above the anchor.
  const share = count * ROW <= height && !follow ? 0 : Math.min(1, (follow ? reach : top) / reach)
  const place = share * count
  const anchor = Math.min(count, Math.floor(place))
  const around = Math.ceil(height / ROW) + 4
  const first = Math.max(0, anchor - around)
  const last = Math.min(count, anchor + around)
  useEffect(() => {
    if (count > 0) onRange?.(first, last)
  }, [first, last, count, onRange, version])
  useLayoutEffect(() => {
    const head = after.current?.firstElementChild as HTMLElement | null
    const y = share * height - (place - anchor) * (head?.offsetHeight ?? ROW)
    // All of it fits above the anchor: nothing may hang below the window's upper edge.
    const shift = Math.min(0, y - (before.current?.offsetHeight ?? 0)) === 0 ? (before.current?.offsetHeight ?? 0) : y
    if (before.current) before.current.style.transform = `translateY(${shift}px) translateY(-100%)`
    if (after.current) after.current.style.transform = `translateY(${shift}px)`
  })
  const row = (i: number) => {
    const line = at(i)
    return <Row key={i} i={i} line={line} showNode={nodeWidth > 0} query={query} on={!!line && !!selected && line.n >= selected.from && line.n <= selected.to} now={!!line && line.n === current} onPick={onPick} />
  }
  return (
    <div
      ref={box}
      className={cx(s.log, s.wrapped)}
      style={cols}
      tabIndex={0}
      role="log"
      aria-live="off"
      aria-label={label}
      {...events}
      onScroll={(e) => {
        const el = e.currentTarget
        setTop(el.scrollTop)
        const end = el.scrollHeight - el.scrollTop - el.clientHeight < ROW
        if (end !== follow && own()) onFollow(end)
      }}
    >
      <div className={s.space} style={{ height: length }}>
        <div className={s.pane} style={{ height }}>
          <div ref={before}>{Array.from({ length: anchor - first }, (_, k) => row(first + k))}</div>
          <div ref={after}>{Array.from({ length: last - anchor }, (_, k) => row(anchor + k))}</div>
        </div>
      </div>
    </div>
  )
}

type RowProps = { i: number; line: LogLine | undefined; showNode: boolean; query: string; on: boolean; now: boolean; onPick?: (n: number, extend: boolean) => void }
const Row = memo(({ line, i, showNode, query, on, now, onPick }: RowProps) => {
  if (!line)
    return (
      <div className={cx(s.line, s.absent)}>
        <span className={s.ln}>{i + 1}</span>
        <span>…</span>
      </div>
    )
  return (
    <div className={cx(s.line, line.stream === 'err' && s.err, line.stream === 'sys' && s.sys, on && s.on, now && s.now)}>
      {onPick ? (
        <a
          className={s.ln}
          href={`#L${line.n}`}
          tabIndex={-1}
          aria-label={`Line ${line.n}`}
          onClick={(e) => {
            if (e.metaKey || e.ctrlKey) return
            e.preventDefault()
            onPick(line.n, e.shiftKey)
          }}
        >
          {line.n}
        </a>
      ) : (
        <span className={s.ln}>{line.n}</span>
      )}
      <span className={s.time}>{clock(line.t, true)}</span>
      {showNode && (
        <span className={s.node} title={line.node}>
          {line.node}
        </span>
      )}
      <span className={s.text}>
        {line.stream === 'err' && (
          <abbr className={s.mark} title="Error output (stderr)">
            !
          </abbr>
        )}
        <Text text={line.text} query={query} />
      </span>
    </div>
  )
})
Row.displayName = 'LogRow'

function Text({ text, query }: { text: string; query: string }) {
  const cut = text.length > SHOWN
  const spans = ansi(cut ? text.slice(0, SHOWN) : text)
  const hits = query ? find(spans.map((x) => x.text).join(''), query) : []
  const parts = hits.length ? marked(spans, hits) : spans
  return (
    <>
      {parts.map((x, k) => {
        const style = x.fg || x.bg ? ({ '--fg': x.fg, '--bgc': x.bg } as CSSProperties) : undefined
        const body = x.className ? (
          <span key={k} className={x.className} style={style}>
            {x.text}
          </span>
        ) : (
          x.text
        )
        return 'hit' in x && x.hit ? <mark key={k}>{body}</mark> : body
      })}
      {cut && <span className={s.cut}> … {Math.round((text.length - SHOWN) / 1024).toLocaleString('en')} KiB more in the download</span>}
    </>
  )
}

/** Says whether the end is followed, and takes the reader back to it. */
export const FollowButton = ({ follow, live, onFollow }: { follow: boolean; live: boolean; onFollow: (f: boolean) => void }) => (
  <button type="button" className={cx(s.tool, follow && s.toolOn)} aria-pressed={follow} onClick={() => onFollow(!follow)}>
    <ArrowDownToLine size={12} />
    {follow ? (live ? 'Following' : 'At the end') : live ? 'Follow' : 'To the end'}
  </button>
)
