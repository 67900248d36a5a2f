// Where one writes: drafts per room, "/" commands and "@" names completed, answers to commands shown
// here to their author only.
import { AtSign, CornerDownRight, SendHorizontal, Smile, SquareSlash, Hash, Terminal, UserRound, Variable, X, Play, Server } from 'lucide-react'
import { lazy, Suspense, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { api, ApiError, errorText, type Completion, type Items, type Message, type Room } from '@/api'
import { cx } from '@/lib/cx'
import { withEmoji } from '@/lib/emoji'
import { composing, typing as typingIn, usePhone, useSettled, useWindow } from '@/lib/hooks'
import { singleKeys } from '@/lib/keys'
import { takeTyped } from '@/lib/typeahead'
import { command as carryOut, draftOf, keepDraft, sayTyping, send, useConnection, useOffice, UserAvatar, usePeopleIn } from '@/realtime'
import { Button, focusNext, IconButton, Kbd, Loading, Markdown, Notice, Popover, toast, WhyDenied } from '@/ui'
import { commandOffers, emojiOffers, mentionOffers, wantsCommand, type Offer } from './complete'
import { asCode, asTyped, lengthOf, looksLikeLog, MAX_BYTES, tooMuch } from './model'
import s from './composer.module.css'

const EmojiPicker = lazy(() => import('./EmojiPicker'))

type Said = { tone: 'good' | 'bad'; title?: string; text: string; denied?: boolean; /** what is held beside the field: the command that failed, or what was in its place */ held?: { text: string; label: string } }

export function Composer({
  room,
  replyTo,
  onReplied,
  onEditLast,
  onSent,
}: {
  room: Room
  replyTo: Message | null
  onReplied: () => void
  onEditLast: () => void
  onSent: () => void
}) {
  const [text, setText] = useState(() => draftOf(room.id))
  const [caret, setCaret] = useState(text.length)
  const [said, setSaid] = useState<Said | null>(null)
  const [running, setRunning] = useState(false)
  const area = useRef<HTMLTextAreaElement>(null)
  const phone = usePhone()
  const offline = useConnection((c) => c.state === 'reconnecting' || c.state === 'closed')
  const offers = useOffers(room, text, caret)
  const [dismissed, setDismissed] = useState('')
  const open = offers.length > 0 && dismissed !== text
  const [at, setAt] = useState(0)
  const listId = useId()
  const pick = Math.min(at, offers.length - 1)
  useEffect(() => setAt(0), [text])
  const kept = useRef('')
  useEffect(() => {
    keepDraft(room.id, text, kept.current)
    kept.current = text
  }, [room.id, text])
  useEffect(() => {
    if (replyTo) area.current?.focus()
  }, [replyTo])
  // Not at the first rendering, which may be thrown away; in the commit that gives the focus, so that no key falls between.
  useLayoutEffect(() => {
    const before = takeTyped(room.id).trimStart()
    if (before) setText((text) => text + before)
  }, [room.id])
  useLayoutEffect(() => {
    // The talk comes a moment after the room: whoever opened a menu meanwhile keeps it.
    if (!phone && !document.querySelector('[role=menu], [role=dialog]')) area.current?.focus()
  }, [phone])

  // The field grows with what is written, up to a third of the screen.
  useLayoutEffect(() => {
    const el = area.current
    if (!el) return
    el.style.height = 'auto'
    // What is too long to be sent is not measured: ten thousands of lines take seconds.
    el.style.height = (text.length > MAX_BYTES ? window.innerHeight / 3 : Math.min(el.scrollHeight, window.innerHeight / 3)) + 'px'
  }, [text])
  useWindow('keydown', (e) => {
    if (e.key !== '/' || !singleKeys() || e.ctrlKey || e.metaKey || e.altKey || typingIn(e)) return
    e.preventDefault()
    area.current?.focus()
  })

  // The caret goes with the text, before the next key: a frame later it would part what is typed on.
  const goal = useRef<number | null>(null)
  useLayoutEffect(() => {
    if (goal.current === null) return
    area.current?.setSelectionRange(goal.current, goal.current)
    goal.current = null
  }, [text, caret])
  const put = (next: string, to = next.length) => {
    goal.current = to
    setText(next)
    setCaret(to)
    area.current?.focus()
  }
  // What was refused can be mended; what completes it need not cover the answer.
  const again = (body: string) => {
    put(body)
    setDismissed(body)
  }
  const take = (o: Offer | undefined) => o && put(o.text, o.caret)

  const length = lengthOf(text)
  // What was just pasted and looks like a log is offered as code, for as long as it stands in the field.
  const [pasted, setPasted] = useState('')
  const offerCode = !!pasted && text.includes(pasted)

  const latest = useRef(text)
  useLayoutEffect(() => {
    latest.current = text
  }, [text])
  const shown = useRef(false)
  useEffect(() => {
    shown.current = true
    return () => {
      shown.current = false
    }
  }, [])
  const run = async (body: string, thread: string | null) => {
    setRunning(true)
    const failed = (said: Said) => {
      if (!shown.current) {
        // Whoever looks into another room meanwhile is told there, and finds the command where they typed it.
        if (!draftOf(room.id).trim()) keepDraft(room.id, body)
        toast(`In ${room.name}: ${said.title ?? 'That did not work'}`, { tone: 'bad', detail: said.text })
        return
      }
      setSaid({ ...said, tone: 'bad', held: { text: body, label: 'Edit command' } })
      // Whoever writes on is not interrupted: the command waits behind a button.
      if (!latest.current.trim()) again(body)
    }
    try {
      const answer = await carryOut(room.id, body, thread)
      if (answer.reply && shown.current) setSaid({ tone: 'good', text: answer.reply })
      else if (answer.reply) toast(`${body.split(/\s/)[0]} in ${room.name}`, { tone: 'info', detail: answer.reply })
    } catch (e) {
      const fields = e instanceof ApiError ? Object.values(e.fields) : []
      const denied = e instanceof ApiError && e.status === 403
      failed({ tone: 'bad', title: denied ? 'You may not do this' : 'That did not work', text: [errorText(e), ...fields.filter((f) => f !== errorText(e))].join('\n'), denied })
    } finally {
      setRunning(false)
    }
  }
  const submit = () => {
    const isCommand = text.trimStart().startsWith('/')
    const body = isCommand ? text.trim() : asTyped(text)
    if (!body || length?.over || (running && isCommand)) return
    const thread = replyTo?.id ?? null
    if (!isCommand && !send(room.id, body, thread)) {
      setSaid({ tone: 'bad', title: 'Too much waits to be sent', text: 'Send or discard what has not arrived yet; what you wrote stays here.' })
      return
    }
    setSaid(null)
    setText('')
    setCaret(0)
    setPasted('')
    latest.current = ''
    onReplied()
    onSent()
    if (isCommand) void run(body, thread)
  }

  const may = room.abilities.post !== false && !room.archived
  if (!may)
    return (
      <div className={s.closed}>
        {room.archived ? 'This room is archived: it can be read.' : 'You may read here, not write. A member of the room or an administrator can let you.'}
      </div>
    )
  return (
    <div className={s.wrap} data-composer={room.id}>
      {said && (
        <div className={s.said}>
          <Notice
            tone={said.tone === 'bad' ? 'red' : 'mute'}
            title={said.title}
            action={
              <IconButton label="Dismiss" size="s" onClick={() => setSaid(null)}>
                <X size={13} />
              </IconButton>
            }
          >
            {said.tone === 'good' ? <Markdown text={said.text} className={s.answer} /> : said.text}
            {said.held && text.trim() !== said.held.text && (
              <p className={s.mend}>
                <code>{said.held.text.length > 80 ? said.held.text.slice(0, 80) + '…' : said.held.text}</code>
                <Button
                  size="s"
                  onClick={() => {
                    // The two change places: nothing that was written is lost.
                    const was = asTyped(text)
                    again(said.held!.text)
                    setSaid({ ...said, held: was ? { text: was, label: 'Put it back' } : undefined })
                  }}
                >
                  {said.held.label}
                </Button>
              </p>
            )}
            {said.denied && (
              <p>
                <WhyDenied />
              </p>
            )}
            <small>Only you see this.</small>
          </Notice>
        </div>
      )}
      {open && (
        <ul className={s.offers} role="listbox" id={listId} aria-label="Completions" tabIndex={0}>
          {offers.map((o, i) => (
            <li
              key={o.key}
              id={`${listId}-${i}`}
              role="option"
              aria-selected={i === pick}
              className={cx(s.offer, i === pick && s.picked)}
              ref={i === pick ? (el) => el?.scrollIntoView({ block: 'nearest' }) : undefined}
              onPointerDown={(e) => {
                e.preventDefault()
                take(o)
              }}
            >
              <span className={s.offerIcon}>{o.userId ? <UserAvatar id={o.userId} size={18} dot /> : (o.glyph ?? <OfferIcon kind={o.kind} />)}</span>
              <b className={o.kind === 'user' ? undefined : 'mono'}>{o.label}</b>
              <span>{o.detail}</span>
            </li>
          ))}
          <li className={s.keys} aria-hidden="true">
            <Kbd>↑↓</Kbd> choose <Kbd>Tab</Kbd> take <Kbd>Esc</Kbd> close
          </li>
        </ul>
      )}
      <form
        className={cx(s.box, text.startsWith('/') && s.command)}
        onSubmit={(e) => {
          e.preventDefault()
          submit()
        }}
      >
        {replyTo && (
          <div className={s.replying}>
            <CornerDownRight size={13} aria-hidden="true" />
            <span>
              Reply to <b>{replyTo.author.display}</b>: {replyTo.text.slice(0, 90) || replyTo.card?.type}
            </span>
            <IconButton label="Do not reply" size="s" onClick={onReplied}>
              <X size={13} />
            </IconButton>
          </div>
        )}
        <textarea
          ref={area}
          rows={1}
          value={text}
          aria-label={`Message ${room.name}`}
          placeholder={phone ? 'Message' : `Message ${room.name}, or / to run a command`}
          className={text.startsWith('/') ? 'mono' : undefined}
          aria-haspopup="listbox"
          aria-controls={open ? listId : undefined}
          aria-activedescendant={open ? `${listId}-${pick}` : undefined}
          aria-autocomplete="list"
          enterKeyHint="send"
          onChange={(e) => {
            goal.current = null
            const at = e.target.selectionStart
            const emoji = e.target.value.length > text.length ? withEmoji(e.target.value, at) : null
            if (emoji) return put(emoji.text, emoji.caret)
            setText(e.target.value)
            setCaret(at)
            if (e.target.value && !e.target.value.startsWith('/')) sayTyping(room.id)
          }}
          onSelect={(e) => setCaret(e.currentTarget.selectionStart)}
          onPaste={(e) => {
            const what = e.clipboardData.getData('text/plain').replace(/\r\n?/g, '\n')
            if (tooMuch(what)) {
              e.preventDefault()
              setSaid({ tone: 'bad', title: 'Too much for a message', text: `What you pasted has ${what.length.toLocaleString('en-GB')} characters, and a message holds ${MAX_BYTES.toLocaleString('en-GB')}. It was left on your clipboard; paste the part that matters.` })
              return
            }
            setPasted(looksLikeLog(what) ? what.replace(/\n+$/, '') : '')
          }}
          onKeyDown={(e) => {
            if (composing(e)) return
            if (open) {
              if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
                e.preventDefault()
                setAt((pick + (e.key === 'ArrowDown' ? 1 : -1) + offers.length) % offers.length)
                return
              }
              // Enter takes an offer that still changes the text; a whole command is sent.
              if (e.key === 'Tab' || (e.key === 'Enter' && !e.shiftKey && offers[pick]!.text.trimEnd() !== text.trimEnd() && (offers[pick]!.glyph || offers[pick]!.kind === 'user' || offers[pick]!.kind === 'verb' || offers[pick]!.kind === 'job'))) {
                e.preventDefault()
                take(offers[pick])
                return
              }
              if (e.key === 'Escape') {
                e.preventDefault()
                e.stopPropagation()
                setDismissed(text)
                return
              }
            }
            if (e.key === 'Enter' && !e.shiftKey) {
              e.preventDefault()
              submit()
            } else if (e.key === 'Escape' && (replyTo || said)) {
              e.preventDefault()
              e.stopPropagation()
              if (replyTo) onReplied()
              setSaid(null)
            } else if (e.key === 'ArrowUp' && !text) {
              e.preventDefault()
              onEditLast()
            }
          }}
        />
        <div className={s.row}>
          <Popover
            label="Emoji"
            align="start"
            side="top"
            width={308}
            trigger={
              <IconButton label="Emoji" size="s">
                <Smile size={15} />
              </IconButton>
            }
          >
            <Suspense fallback={<Loading lines={3} />}>
              <EmojiPicker
                onPick={(e) => {
                  const at = Math.min(caret, text.length)
                  focusNext('[data-composer] textarea')
                  put(text.slice(0, at) + e + text.slice(at), at + e.length)
                }}
              />
            </Suspense>
          </Popover>
          <IconButton label="Mention someone" size="s" onClick={() => put(text + (text && !/\s$/.test(text) ? ' @' : '@'))}>
            <AtSign size={15} />
          </IconButton>
          <IconButton label="Run a command" size="s" onClick={() => put(text.startsWith('/') ? text : '/' + text)}>
            <SquareSlash size={15} />
          </IconButton>
          {offerCode && (
            <Button
              size="s"
              kind="quiet"
              onClick={() => {
                const code = asCode(pasted)
                const at = text.indexOf(pasted)
                const [before, after] = [text.slice(0, at).replace(/\n?$/, at ? '\n' : ''), text.slice(at + pasted.length)]
                setPasted('')
                put(before + code + (after.startsWith('\n') || !after ? after : '\n' + after), (before + code).length)
              }}
            >
              Paste as code
            </Button>
          )}
          <span className={s.hint}>
            {offline ? 'Not connected: what you send goes out when the connection is back.' : running ? 'Running the command…' : phone || offerCode ? '' : 'Markdown. Edits and deletions keep every version.'}
          </span>
          <span className="grow" />
          {length && (
            <span className={cx(s.length, length.over && s.over)} role={length.over ? 'alert' : undefined}>
              {length.words}
            </span>
          )}
          <button type="submit" className={s.send} aria-label="Send message" disabled={!text.trim() || !!length?.over || (running && text.startsWith('/'))}>
            <SendHorizontal size={15} aria-hidden="true" />
          </button>
        </div>
      </form>
    </div>
  )
}

const ICON = { verb: Terminal, job: Play, option: Variable, value: Variable, user: UserRound, node: Server, room: Hash }
const OfferIcon = ({ kind }: { kind: Offer['kind'] }) => {
  const Icon = ICON[kind] ?? Terminal
  return <Icon size={13} aria-hidden="true" />
}

function useOffers(room: Room, text: string, caret: number): Offer[] {
  const users = useOffice((o) => o.users)
  const inside = usePeopleIn(room.id)
  const command = wantsCommand(text, caret)
  const asked = useSettled(command ? text : '', 90)
  const [items, setItems] = useState<{ text: string; items: Completion[] }>({ text: '', items: [] })
  useEffect(() => {
    if (!asked) return
    const stop = new AbortController()
    api
      .get<Items<Completion>>(`/rooms/${room.id}/complete`, { text: asked }, { signal: stop.signal })
      .then((r) => setItems({ text: asked, items: r.items }))
      .catch(() => {})
    return () => stop.abort()
  }, [asked, room.id])
  return useMemo(() => {
    const names = mentionOffers(text, caret, Object.values(users), new Set(inside.map((u) => u.id)))
    if (names.length) return names
    const emoji = emojiOffers(text, caret)
    if (emoji.length) return emoji
    // Old answers would write over newer words.
    return command && items.text === text ? commandOffers(items.items).filter((o) => o.text !== text) : []
  }, [text, caret, users, inside, command, items])
}
