// The talk of a room: timeline above, what waits for me, composer below.
import { useNavigate, useRouterState } from '@tanstack/react-router'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { useMyId, type Message, type Room } from '@/api'
import { useWindow } from '@/lib/hooks'
import { takeTyped } from '@/lib/typeahead'
import { editOf, loadAround, loadLatest, markRead, nameOf, stillPending, usePending, useRoom, useTyping } from '@/realtime'
import { Empty, ErrorState, Loading, say, toast, useSlots } from '@/ui'
import { heard, spoken, type Heard } from './announce'
import { Composer } from './Composer'
import { lastOwn, rows, writing, type Came } from './model'
import { Timeline, type TimelineHandle } from './Timeline'
import s from './room.module.css'

/** What I answer, by room: whoever looks into another room comes back to it. */
const answering = new Map<string, Message>()

export function Chat({ room }: { room: Room }) {
  // What was new when I came stays marked until I leave.
  const [came] = useState<Came | null>(() => (room.unread > 0 && room.read_seq >= 0 ? { read: room.read_seq, count: room.unread } : null))
  const state = useRoom(room.id, came?.read ?? null)
  const waiting = usePending(room.id)
  const pending = useMemo(() => stillPending(waiting, state.messages), [waiting, state.messages])
  const me = useMyId()
  const navigate = useNavigate()
  const timeline = useRef<TimelineHandle>(null)
  const { roomBar: Bar } = useSlots()
  const [replyTo, setReplyTo] = useState<Message | null>(() => answering.get(room.id) ?? null)
  useEffect(() => {
    if (replyTo) answering.set(room.id, replyTo)
    else answering.delete(room.id)
  }, [room.id, replyTo])
  const [editing, setEditing] = useState<string | null>(() => editOf(room.id)?.id ?? null)
  const list = useMemo(() => rows({ messages: state.messages, pending, hasBefore: state.hasBefore, came, me }), [state.messages, pending, state.hasBefore, came, me])

  const hash = useRouterState({ select: (r) => r.location.hash })
  const target = /^m=(.+)$/.exec(hash)?.[1] ?? null
  const ready = state.status === 'ready'
  const [found, setFound] = useState<string | null>(null)
  useEffect(() => {
    if (!target || !ready) return
    let live = true
    void loadAround(room.id, target).then((ok) => {
      if (!live) return
      if (ok) setFound(target)
      else toast('That message is not here', { tone: 'info', detail: 'The link may be old, or the message is in another room.' })
    })
    return () => {
      live = false
    }
  }, [target, ready, room.id])

  const [atEnd, setAtEnd] = useState(!came)
  const seen = useCallback(() => {
    if (ready && atEnd && !state.hasAfter && document.visibilityState === 'visible' && document.hasFocus()) void markRead(room.id, state.seq)
  }, [ready, atEnd, state.hasAfter, state.seq, room.id])
  useEffect(seen, [seen, room.unread, room.mentions])
  useWindow('focus', seen)

  const latest = useCallback(async () => {
    if (hash) void navigate({ to: '/rooms/$id', params: { id: room.id }, replace: true })
    setFound(null)
    if (state.hasAfter) await loadLatest(room.id)
    timeline.current?.toEnd()
  }, [hash, navigate, room.id, state.hasAfter])

  const failed = state.status === 'failed'
  useEffect(() => {
    if (failed) takeTyped(room.id)
  }, [failed, room.id])
  const typing = useTyping(room.id)
  if (failed)
    return (
      <div className={s.chat}>
        <ErrorState error={state.error} title="The messages did not load" onRetry={() => void loadLatest(room.id)} />
      </div>
    )
  return (
    <div className={s.chat}>
      {!ready ? (
        <div className="grow">
          <Loading label="Loading messages" lines={6} />
        </div>
      ) : state.messages.length + pending.length === 0 ? (
        <div className="grow">
          <Empty title={`This is the start of ${room.name}`}>{room.topic || 'Say hello, or type / to run a command.'}</Empty>
        </div>
      ) : (
        <Timeline
          ref={timeline}
          room={room}
          rows={list}
          hasBefore={state.hasBefore}
          hasAfter={state.hasAfter}
          target={found}
          land={!!came && !target}
          onRead={() => void markRead(room.id, Math.max(state.seq, room.seq))}
          editing={editing}
          onEdit={setEditing}
          onReply={setReplyTo}
          onAtEnd={setAtEnd}
          onLatest={() => void latest()}
        />
      )}
      <Announcer messages={state.messages} seq={state.seq} ready={ready} />
      <div className={s.typing} aria-live="off">
        {typing.length > 0 && (
          <>
            <span className={s.dots} aria-hidden="true">
              <i />
              <i />
              <i />
            </span>
            {writing(typing.map((id) => nameOf(id).split(' ')[0]!))}
          </>
        )}
      </div>
      {Bar && (
        <div className={s.bar}>
          <Bar room={room} />
        </div>
      )}
      <Composer
        room={room}
        replyTo={replyTo}
        onReplied={() => setReplyTo(null)}
        onEditLast={() => {
          const m = lastOwn(state.messages, me)
          if (m) setEditing(m.id)
        }}
        onSent={() => void latest()}
      />
    </div>
  )
}

/** Reads aloud what is said, and what becomes of runs and approvals; history that is loaded stays silent. */
function Announcer({ messages, seq, ready }: { messages: Message[]; seq: number; ready: boolean }) {
  const me = useMyId()
  const before = useRef<Heard | null>(null)
  const queue = useRef<string[]>([])
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  useEffect(() => {
    if (!ready) return
    const { now, talk, outcomes } = heard(before.current, messages, me, seq)
    before.current = now
    for (const o of outcomes) say(o.text, { urgent: o.urgent, key: o.key })
    if (!talk.length) return
    queue.current.push(...talk)
    // A burst is one sentence: eight in a second would each cut off the one before.
    timer.current ??= setTimeout(() => {
      timer.current = undefined
      say(spoken(queue.current.splice(0)))
    }, 700)
  }, [messages, seq, ready, me])
  useEffect(() => () => clearTimeout(timer.current), [])
  return null
}
