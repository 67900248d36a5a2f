// The talk of a room: timeline above, what waits for me, composer below.
import { useNavigate, useRouterState } from '@tanstack/react-router'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { useMyId, type Message, type Room } from '@/api'
import { useWindow } from '@/lib/hooks'
import { takeTyped } from '@/lib/typeahead'
import { loadAround, loadLatest, markRead, nameOf, useRoom, useTyping } from '@/realtime'
import { Empty, ErrorState, Loading, toast, useSlots } from '@/ui'
import { Composer } from './Composer'
import { lastOwn, rows, writing } from './model'
import { Timeline, type TimelineHandle } from './Timeline'
import s from './room.module.css'

export function Chat({ room }: { room: Room }) {
  const state = useRoom(room.id)
  const me = useMyId()
  const navigate = useNavigate()
  const timeline = useRef<TimelineHandle>(null)
  const { roomBar: Bar } = useSlots()
  const [replyTo, setReplyTo] = useState<Message | null>(null)
  const [editing, setEditing] = useState<string | null>(null)
  // What was new when I came stays marked until I leave.
  const [readSeq] = useState<number | null>(() => (room.unread > 0 ? room.read_seq : null))
  const list = useMemo(
    () => rows({ messages: state.messages, pending: state.pending, hasBefore: state.hasBefore, readSeq, me }),
    [state.messages, state.pending, state.hasBefore, readSeq, me],
  )

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

  const [atEnd, setAtEnd] = useState(true)
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
      ) : state.messages.length + state.pending.length === 0 ? (
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
          editing={editing}
          onEdit={setEditing}
          onReply={setReplyTo}
          onAtEnd={setAtEnd}
          onLatest={() => void latest()}
        />
      )}
      <Announcer messages={state.messages} />
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

/** Reads new messages aloud, politely; history that is loaded stays silent. */
function Announcer({ messages }: { messages: Message[] }) {
  const me = useMyId()
  const last = messages.at(-1)
  const seen = useRef(last?.seq ?? 0)
  const [text, setText] = useState('')
  useEffect(() => {
    if (!last || last.seq <= seen.current) return
    const first = seen.current === 0
    seen.current = last.seq
    if (!first && last.author.id !== me) setText(`${last.author.display}: ${last.text || last.card?.type || ''}`.slice(0, 240))
  }, [last, me])
  // Once read out it is gone, so that nobody finds the words twice.
  useEffect(() => {
    if (!text) return
    const t = setTimeout(() => setText(''), 1500)
    return () => clearTimeout(t)
  }, [text])
  return (
    <div className="sr" aria-live="polite">
      {text}
    </div>
  )
}
