import { Copy, CornerDownRight, PenLine, RotateCw, TriangleAlert, X } from 'lucide-react'
import { memo, useState } from 'react'
import { useMyId, type Room } from '@/api'
import { cx } from '@/lib/cx'
import { discard, retry, send, UserAvatar, UserName, type Pending } from '@/realtime'
import { Button, copy, Markdown, Spinner, toast } from '@/ui'
import { LongText } from './LongText'
import { asTyped, lengthOf } from './model'
import s from './timeline.module.css'

/** My own post on its way, or one that did not arrive. */
export const PendingRow = memo(({ room, p, head }: { room: Room; p: Pending; head: boolean }) => {
  const me = useMyId()
  const [editing, setEditing] = useState(false)
  const stuck = p.state !== 'sending'
  return (
    <article className={cx(s.msg, head && s.head, !stuck && s.sending)} aria-label={stuck ? 'Not sent' : 'Sending'}>
      {head ? <UserAvatar id={me} size={32} /> : <span />}
      <div className={s.main}>
        {head && (
          <div className={s.by}>
            <b>
              <UserName id={me} />
            </b>
            {p.thread && (
              <span className="c-3">
                <CornerDownRight size={11} aria-hidden="true" /> an answer
              </span>
            )}
            {!stuck && <Spinner size={10} label="Sending" />}
          </div>
        )}
        {editing ? (
          <Mend room={room} p={p} onDone={() => setEditing(false)} />
        ) : (
          <>
            <LongText text={p.text} fold={stuck ? 3 : undefined}>
              <Markdown text={p.text} />
            </LongText>
            {stuck && (
              <div className={s.failed} role="alert">
                <TriangleAlert size={13} aria-hidden="true" />
                <span>{p.state === 'waiting' ? 'Not sent yet. It goes out by itself as soon as Muster can be reached.' : `Not sent. ${p.error ?? ''}`}</span>
                {p.state === 'waiting' && (
                  <Button size="s" icon={<RotateCw size={11} />} onClick={() => retry(p.key)}>
                    Try again
                  </Button>
                )}
                <Button size="s" kind="quiet" icon={<PenLine size={11} />} onClick={() => setEditing(true)}>
                  Edit
                </Button>
                <Button size="s" kind="quiet" icon={<Copy size={11} />} onClick={() => void copy(p.text).then(() => toast('The text is copied'))}>
                  Copy
                </Button>
                <Button size="s" kind="quiet" icon={<X size={11} />} onClick={() => discard(p.key)}>
                  Discard
                </Button>
              </div>
            )}
          </>
        )}
      </div>
    </article>
  )
})
PendingRow.displayName = 'PendingRow'

/** Mended where it stands: what is being written below is not touched. */
function Mend({ room, p, onDone }: { room: Room; p: Pending; onDone: () => void }) {
  const [text, setText] = useState(p.text)
  const length = lengthOf(text)
  const off = !text.trim() || !!length?.over
  const again = () => {
    // Under a key of its own: the server may know the old text by the old one.
    if (off || !send(room.id, asTyped(text), p.thread)) return
    discard(p.key)
  }
  return (
    <form
      className={s.editor}
      onSubmit={(e) => {
        e.preventDefault()
        again()
      }}
    >
      <textarea
        autoFocus
        rows={Math.min(10, text.split('\n').length)}
        value={text}
        aria-label="Change the message before it is sent"
        onChange={(e) => setText(e.target.value)}
        onKeyDown={(e) => {
          e.stopPropagation()
          if (e.key === 'Escape') {
            e.preventDefault()
            onDone()
          }
        }}
      />
      <div className={s.editorActs}>
        {length && <span className={length.over ? 'c-red' : 'c-3'}>{length.words}</span>}
        <span className="grow" />
        <Button size="s" onClick={onDone}>
          Cancel
        </Button>
        <Button size="s" kind="primary" type="submit" disabled={off}>
          Send
        </Button>
      </div>
    </form>
  )
}
