// The virtual list of a room's messages.
//
// It sticks to the bottom until the person lets go with their own wheel, touch, key or drag; growth,
// measuring and reflow never do. Older messages are loaded when the top comes near, and the place on
// the screen stays.
import { ArrowDown, ArrowUp } from 'lucide-react'
import { useCallback, useEffect, useImperativeHandle, useLayoutEffect, useRef, useState, type KeyboardEvent, type Ref } from 'react'
import { VList, type VListHandle } from 'virtua'
import type { Message, Room } from '@/api'
import { useWindow } from '@/lib/hooks'
import { day } from '@/lib/time'
import { loadAfter, loadBefore } from '@/realtime'
import { Button, Spinner } from '@/ui'
import { MessageRow, PendingRow } from './MessageRow'
import { grewAtTop, rowOf, type Row } from './model'
import s from './timeline.module.css'

export type TimelineHandle = { toEnd: () => void }

export function Timeline({
  room,
  rows,
  hasBefore,
  hasAfter,
  target,
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
  editing: string | null
  onEdit: (id: string | null) => void
  onReply: (m: Message) => void
  onAtEnd: (at: boolean) => void
  onLatest: () => void
  ref?: Ref<TimelineHandle>
}) {
  const list = useRef<VListHandle>(null)
  const stick = useRef(!target)
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
    if (!(e.target as HTMLElement).matches('[data-message]')) return
    if (e.key !== 'ArrowUp' && e.key !== 'ArrowDown') return
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

  const unread = rows.findIndex((r) => r.kind === 'new')
  const [passed, setPassed] = useState(false)
  const first = rows[unread]
  const jumpUp = !passed && first?.kind === 'new' && first.count > 8 && !target

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
              <span>{day(r.at)}</span>
            </div>
          )
        case 'new':
          return (
            <div key={r.key} className={s.fresh}>
              <span>New</span>
            </div>
          )
        case 'pending':
          return <PendingRow key={r.key} roomId={room.id} p={r.p} head={r.head} />
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
    [room, failed, older, lit, stop, editing, onEdit, onReply],
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
      {jumpUp && (
        <button
          type="button"
          className={s.up}
          onClick={() => {
            setPassed(true)
            setAtEnd(false)
            list.current?.scrollToIndex(unread, { align: 'start' })
          }}
        >
          <ArrowUp size={13} />
          {first.count} new messages
        </button>
      )}
      {(away || hasAfter) && (
        <button type="button" className={s.jump} onClick={onLatest}>
          <ArrowDown size={13} />
          Jump to latest
        </button>
      )}
    </div>
  )
}
