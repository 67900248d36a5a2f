// The virtual list of a room's messages.
//
// It sticks to the bottom until the person lets go with their own wheel, touch, key or drag; growth,
// measuring and reflow never do. Older messages are loaded when the top comes near, and the place on
// the screen stays.
import { ArrowDown, ChevronDown } from 'lucide-react'
import { lazy, Suspense, useCallback, useEffect, useImperativeHandle, useLayoutEffect, useRef, useState, type KeyboardEvent, type Ref } from 'react'
import { VList, type VListHandle } from 'virtua'
import type { Message, Room } from '@/api'
import { useEvent, useWindow } from '@/lib/hooks'
import { day } from '@/lib/time'
import { loadAfter, loadBefore } from '@/realtime'
import { Button, Loading, Popover, Spinner, Time } from '@/ui'
import { MessageRow } from './MessageRow'
import { PendingRow } from './PendingRow'
import { grewAtTop, rowOf, type Row } from './model'
import s from './timeline.module.css'

const DayMenu = lazy(() => import('./DayMenu'))

const STOPS = 'a[href], button, input, select, textarea, summary, [tabindex]'
/** Takes what is in a row out of the order of tabs, or puts it back. */
export function tabStops(row: HTMLElement, on: boolean) {
  for (const el of row.querySelectorAll<HTMLElement>(STOPS)) {
    const was = el.dataset.stop
    if (on && was !== undefined) {
      if (was) el.setAttribute('tabindex', was)
      else el.removeAttribute('tabindex')
      delete el.dataset.stop
    } else if (!on && was === undefined && el.tabIndex >= 0) {
      el.dataset.stop = el.getAttribute('tabindex') ?? ''
      el.tabIndex = -1
    }
  }
}

export type TimelineHandle = { toEnd: () => void }

export function Timeline({
  room,
  rows,
  hasBefore,
  hasAfter,
  target,
  land,
  onRead,
  editing,
  onEdit,
  onReply,
  onAtEnd,
  onLatest,
  ref,
}: {
  room: Room
  rows: Row[]
  hasBefore: boolean
  hasAfter: boolean
  target: string | null
  /** Begin at the first message that is new. */
  land: boolean
  /** All of it counts as read. */
  onRead: () => void
  editing: string | null
  onEdit: (id: string | null) => void
  onReply: (m: Message) => void
  onAtEnd: (at: boolean) => void
  onLatest: () => void
  ref?: Ref<TimelineHandle>
}) {
  const list = useRef<VListHandle>(null)
  const stick = useRef(!target && !land)
  const [away, setAway] = useState(false)
  const intent = useRef(0)
  const current = useRef(rows)
  const [lit, setLit] = useState<string | null>(null)
  const [failed, setFailed] = useState(false)

  // Rows added above keep what is on the screen where it is.
  const before = useRef(rows)
  const shift = grewAtTop(before.current, rows)
  useLayoutEffect(() => {
    before.current = rows
    current.current = rows
  }, [rows])

  const ended = useRef(0)
  const end = useCallback(() => {
    ended.current = performance.now()
    list.current?.scrollToIndex(current.current.length - 1, { align: 'end' })
  }, [])
  const setAtEnd = useCallback(
    (at: boolean) => {
      stick.current = at
      setAway(!at)
      onAtEnd(at && !hasAfter)
    },
    [onAtEnd, hasAfter],
  )
  useImperativeHandle(ref, () => ({
    toEnd: () => {
      setAtEnd(true)
      requestAnimationFrame(end)
    },
  }))
  const last = rows.at(-1)?.key
  useLayoutEffect(() => {
    if (stick.current && !hasAfter) end()
  }, [rows.length, last, end, hasAfter])

  const fresh = rows.findIndex((r) => r.kind === 'new')
  const landed = useRef(!land)
  useEffect(() => {
    if (landed.current) return
    landed.current = true
    if (fresh < 0) {
      // Everything new was my own, or taken back.
      if (!hasAfter) {
        setAtEnd(true)
        end()
      }
      return
    }
    const go = () => list.current?.scrollToIndex(Math.max(0, fresh - 1), { align: 'start' })
    go()
    // Once more when the rows around it have been measured; what fits on the screen is seen to its end.
    setTimeout(() => {
      const h = list.current
      if (!h) return
      if (!intent.current) go() // else the person is on their way already
      requestAnimationFrame(() => setAtEnd(h.scrollSize - h.scrollOffset - h.viewportSize < 4))
    }, 120)
  }, [fresh, hasAfter, setAtEnd, end])

  // A permalink: go there, and mark it for a moment.
  const gone = useRef<string | null>(null)
  useEffect(() => {
    if (!target || gone.current === target) return
    const i = rowOf(rows, target)
    if (i < 0) return
    gone.current = target
    setAtEnd(false)
    const go = () => list.current?.scrollToIndex(i, { align: 'center' })
    go()
    // Once more when the rows around it have been measured.
    const again = setTimeout(go, 80)
    setLit(target)
    const off = setTimeout(() => setLit(null), 3000)
    return () => {
      clearTimeout(again)
      clearTimeout(off)
    }
  }, [target, rows, setAtEnd])

  const busy = useRef(false)
  const older = useCallback(() => {
    if (busy.current || !hasBefore) return
    busy.current = true
    setFailed(false)
    loadBefore(room.id)
      .catch(() => setFailed(true))
      .finally(() => {
        busy.current = false
      })
  }, [hasBefore, room.id])

  const mark = useCallback(() => {
    intent.current = performance.now()
  }, [])
  const onScroll = useCallback(() => {
    const h = list.current
    if (!h) return
    const rest = h.scrollSize - h.scrollOffset - h.viewportSize
    const meant = performance.now() - intent.current < 350
    if (rest < 4) {
      if (!hasAfter) setAtEnd(true)
    } else if (meant) {
      // A jump to the end may still wait for rows to be measured: it must not undo what the person does.
      if (stick.current && performance.now() - ended.current < 400) h.scrollTo(h.scrollOffset)
      setAtEnd(false)
    }
    else if (stick.current) end()
    if (h.scrollOffset < 900 && (meant || !stick.current) && !failed) older()
    if (hasAfter && rest < 900 && meant) void loadAfter(room.id).catch(() => {})
  }, [end, older, setAtEnd, hasAfter, room.id, failed])
  const onScrollEnd = useCallback(() => {
    if (stick.current && !hasAfter) end()
  }, [end, hasAfter])
  useWindow('resize', onScrollEnd)
  // A short first page leaves room above: fill it.
  useEffect(() => {
    const h = list.current
    if (h && hasBefore && h.scrollSize <= h.viewportSize + 200) older()
  }, [rows.length, hasBefore, older])

  // One message is the tab stop; the arrow keys move between them.
  const [active, setActive] = useState<string | null>(null)
  const messages = rows.filter((r) => r.kind === 'message')
  const stop = active && messages.some((r) => r.key === active) ? active : messages.at(-1)?.key
  const box = useRef<HTMLDivElement>(null)
  const onKeyDown = (e: KeyboardEvent) => {
    mark()
    if (e.key !== 'ArrowUp' && e.key !== 'ArrowDown') return
    const at = e.target as HTMLElement
    // From a message, or from a button in it; what takes the arrows itself keeps them.
    if (!at.closest('[data-message]') || at.closest('input, textarea, select, [role=log], [role=tablist], [role=menu], [aria-haspopup=menu], pre')) return
    const i = messages.findIndex((r) => r.key === stop)
    const next = messages[i + (e.key === 'ArrowDown' ? 1 : -1)]
    if (!next) return
    e.preventDefault()
    setActive(next.key)
    setAtEnd(next === messages.at(-1))
    list.current?.scrollToIndex(rows.indexOf(next), { align: 'nearest' })
    requestAnimationFrame(() => box.current?.querySelector<HTMLElement>(`[data-message="${next.key}"]`)?.focus())
  }
  useWindow('keydown', (e) => {
    if (e.key === 'Escape' && !e.defaultPrevented && away && !document.querySelector('[role=dialog],[role=menu],[role=listbox]')) onLatest()
  })

  // The controls in a message are tab stops only while one is in that message: else the way past the talk is long.
  useEffect(() => {
    const root = box.current
    if (!root) return
    let frame = 0
    const look = () => {
      frame = 0
      const at = document.activeElement
      for (const row of root.querySelectorAll<HTMLElement>('[data-message]')) if (!row.parentElement?.closest('[data-message]')) tabStops(row, row.contains(at))
    }
    const soon = () => {
      frame ||= requestAnimationFrame(look)
    }
    const enter = (e: FocusEvent) => {
      const row = (e.target as HTMLElement).closest<HTMLElement>('[data-message]')
      if (row) look()
      else soon()
    }
    const seen = new MutationObserver(soon)
    seen.observe(root, { childList: true, subtree: true })
    root.addEventListener('focusin', enter)
    root.addEventListener('focusout', soon)
    look()
    return () => {
      cancelAnimationFrame(frame)
      seen.disconnect()
      root.removeEventListener('focusin', enter)
      root.removeEventListener('focusout', soon)
    }
  }, [])

  const toLatest = useEvent(onLatest)
  const first = rows[fresh]
  const [passed, setPassed] = useState(false)
  const pill = !passed && away && first?.kind === 'new' && !target

  const render = useCallback(
    (r: Row) => {
      switch (r.kind) {
        case 'start':
          return (
            <div key={r.key} className={s.start}>
              <b>This is the start of {room.name}</b>
              {room.topic && <span>{room.topic}</span>}
            </div>
          )
        case 'older':
          return (
            <div key={r.key} className={s.older}>
              {failed ? (
                <Button size="s" onClick={older}>
                  Older messages did not load. Try again
                </Button>
              ) : (
                <>
                  <Spinner size={12} /> Loading older messages
                </>
              )}
            </div>
          )
        case 'day':
          return (
            <div key={r.key} className={s.day}>
              <Popover
                label="Jump to a day"
                width={230}
                trigger={
                  <button type="button" className={s.dayButton} title="Jump to…">
                    {day(r.at)}
                    <span className="sr">, jump to another day</span>
                    <ChevronDown size={11} aria-hidden="true" />
                  </button>
                }
              >
                <Suspense fallback={<Loading lines={3} />}>
                  <DayMenu room={room.id} onLatest={toLatest} />
                </Suspense>
              </Popover>
            </div>
          )
        case 'new':
          return (
            <div key={r.key} className={s.fresh}>
              <span>New</span>
            </div>
          )
        case 'pending':
          return <PendingRow key={r.key} room={room} p={r.p} head={r.head} />
        case 'message':
          return (
            <MessageRow
              key={r.key}
              m={r.m}
              head={r.head}
              latest={r.latest}
              lit={lit}
              tabStop={r.key === stop}
              editing={editing}
              onEdit={onEdit}
              onReply={onReply}
              onFocus={setActive}
            />
          )
      }
    },
    [room, failed, older, toLatest, lit, stop, editing, onEdit, onReply],
  )

  return (
    <div
      ref={box}
      className={s.wrap}
      onWheel={mark}
      onTouchMove={mark}
      onKeyDown={onKeyDown}
      onPointerDown={mark}
      onPointerMove={(e) => {
        if (e.buttons) mark()
      }}
    >
      <VList
        ref={list}
        data={rows}
        shift={shift}
        className={s.list}
        bufferSize={400}
        itemSize={58}
        onScroll={onScroll}
        onScrollEnd={onScrollEnd}
        onResize={onScrollEnd}
        role="log"
        aria-live="off"
        aria-label={`Messages in ${room.name}`}
        tabIndex={0}
        data-scroller=""
      >
        {render}
      </VList>
      {pill && (
        <div className={s.up}>
          <button
            type="button"
            title="To the first of them"
            onClick={() => {
              setAtEnd(false)
              list.current?.scrollToIndex(Math.max(0, fresh - 1), { align: 'start' })
            }}
          >
            <b>{first.count.toLocaleString('en-GB')} new</b> since <Time at={first.since} mode={new Date(first.since).toDateString() === new Date().toDateString() ? 'clock' : 'date'} />
          </button>
          <button type="button" onClick={onLatest}>
            Jump to latest
          </button>
          <button
            type="button"
            onClick={() => {
              setPassed(true)
              onRead()
            }}
          >
            Mark as read
          </button>
        </div>
      )}
      {(away || hasAfter) && !pill && (
        <button type="button" className={s.jump} onClick={onLatest}>
          <ArrowDown size={13} />
          Jump to latest
        </button>
      )}
    </div>
  )
}
