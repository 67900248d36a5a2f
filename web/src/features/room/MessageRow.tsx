import { Link2, MessageSquareReply, MoreHorizontal, PenLine, Pin, PinOff, SmilePlus, SquareTerminal, Trash2, Copy } from 'lucide-react'
import { memo, useMemo, useState, type FormEvent } from 'react'
import { errorText, useCan, useMyId, type Message } from '@/api'
import { cx } from '@/lib/cx'
import { emojiName } from '@/lib/emoji'
import { composing, usePhone } from '@/lib/hooks'
import { clock } from '@/lib/time'
import { visible } from '@/lib/visible'
import { deleteMessage, editMessage, editOf, endEdit, findUser, keepEdit, nameOf, pinMessage, react, useOffice, UserAvatar, UserName } from '@/realtime'
import { Button, copy, focusNext, IconButton, Markdown, Menu, MenuItem, MenuSeparator, Notice, Popover, PopoverClose, Time, toast, toastError, useSlots, type Mentions, type Refs } from '@/ui'
import { LongText } from './LongText'
import { asTyped, lengthOf } from './model'
import { Versions } from './Versions'
import s from './timeline.module.css'

const EMOJI = ['👍', '👀', '✅', '🙏', '🎉', '❤️', '😄', '🔥', '⚠️', '➕', '🚀', '🤝']

/** Shows as people those whom the server says the text speaks to; mine stands out. */
const useMentions = (m: Message): Mentions | undefined => {
  const me = useMyId()
  const names = m.mentions?.join(' ')
  return useMemo(() => {
    if (!names) return undefined
    const spokenTo = new Set(names.split(' '))
    return (name) => {
      const u = spokenTo.has(name.toLowerCase()) ? findUser(name) : undefined
      return u ? { display: u.display, me: u.id === me } : null
    }
  }, [names, me])
}
/** Where "INC-7", "run 12" and "#room" lead, and what is known of them without asking. */
const refs: Refs = (kind, name) => {
  const { incidents, runs, rooms, presence } = useOffice.getState()
  if (kind === 'incident') {
    const i = Object.values(incidents).find((x) => x.ticket === name)
    return { href: '/incidents/' + name, about: i && `SEV-${i.severity}, ${i.stage}: ${i.title}` }
  }
  if (kind === 'run') {
    const r = Object.values(runs).find((x) => String(x.number) === name)
    return { href: '/runs/' + name, about: r && `${r.title}: ${r.state}` }
  }
  const room = Object.values(rooms).find((r) => r.name.toLowerCase() === name.toLowerCase())
  if (!room) return null
  const inside = Object.values(presence).filter((p) => p.room_id === room.id).length
  return { href: '/rooms/' + room.id, about: [room.topic, inside ? `${inside} in the room` : ''].filter(Boolean).join('; ') }
}

type Props = {
  m: Message
  head: boolean
  latest: boolean
  lit: string | null
  tabStop: boolean
  editing: string | null
  onEdit: (id: string | null) => void
  onReply: (m: Message) => void
  onFocus: (id: string) => void
}

export const MessageRow = memo(
  ({ m, head, latest, lit, tabStop, editing, onEdit, onReply, onFocus }: Props) => {
    const { cards } = useSlots()
    // On a phone the bar above the composer asks for the same yes: the card need not say all of it as well.
    const phone = usePhone()
    const mayApprove = useCan('approve')
    const barUp = phone && mayApprove && m.card?.type === 'run' && (m.card.data as { state?: string } | null)?.state === 'waiting'
    if (m.kind === 'system')
      return (
        <div className={cx(s.system, lit === m.id && s.lit)} data-message={m.id} tabIndex={tabStop ? 0 : -1} onFocus={() => onFocus(m.id)}>
          <i aria-hidden="true" />
          <Markdown text={m.text} className={s.systemText} />
          <Time at={m.created_at} />
        </div>
      )
    const Card = m.card ? cards[m.card.type] : undefined
    const bot = m.author.kind === 'bot' || m.author.kind === 'system'
    return (
      <article
        className={cx(s.msg, head && s.head, lit === m.id && s.lit)}
        data-message={m.id}
        tabIndex={tabStop ? 0 : -1}
        aria-label={`${m.author.display}, ${clock(m.created_at)}`}
        onFocus={() => onFocus(m.id)}
      >
        {head ? (
          <UserAvatar id={m.author.id} size={32} fallback={m.author} link="beside" />
        ) : (
          <span className={s.hover}>
            <Time at={m.created_at} />
          </span>
        )}
        <div className={s.main}>
          {head && (
            <div className={s.by}>
              <b>
                <UserName id={m.author.id} fallback={m.author.display} guest={m.author.kind === 'guest'} link />
              </b>
              {bot && <span className={s.bot}>Bot</span>}
              <Via of={m} />
              <Time at={m.created_at} />
              <Pinned m={m} />
            </div>
          )}
          {!head && m.pinned && (
            <div className={s.by}>
              <Pinned m={m} />
            </div>
          )}
          {/* A card's text says the same in words, for clients that draw no cards. */}
          {Card && m.card && !m.deleted ? (
            <div className={s.card}>
              <Card card={m.card} message={m} latest={latest && !barUp} />
            </div>
          ) : (
            <Body m={m} editing={editing === m.id} onEdit={onEdit} />
          )}
          <Reactions m={m} />
          {!!m.replies?.length && <Replies m={m} lit={lit} editing={editing} onEdit={onEdit} onReply={onReply} />}
        </div>
        {!m.deleted && <Tools m={m} onEdit={onEdit} onReply={() => onReply(m)} />}
      </article>
    )
  },
  // Highlight and edit only matter to the row they name.
  (a, b) =>
    a.m === b.m &&
    a.head === b.head &&
    a.latest === b.latest &&
    a.tabStop === b.tabStop &&
    touches(a.m, a.lit) === touches(b.m, b.lit) &&
    touches(a.m, a.editing) === touches(b.m, b.editing),
)
MessageRow.displayName = 'MessageRow'
const touches = (m: Message, id: string | null) => (id && (m.id === id || m.replies?.some((r) => r.id === id)) ? id : null)

const Pinned = ({ m }: { m: Message }) =>
  m.pinned ? (
    <span className={s.pinned}>
      <Pin size={11} aria-hidden="true" />
      Pinned
    </span>
  ) : null

function Body({ m, editing, onEdit }: { m: Message; editing: boolean; onEdit: (id: string | null) => void }) {
  const mentions = useMentions(m)
  if (m.deleted)
    return (
      <p className={s.deleted}>
        This message was deleted. <Versions m={m} label="History" />
      </p>
    )
  const edited = () => {
    endEdit(m.room_id)
    onEdit(null)
    focusNext('[data-composer] textarea')
  }
  if (editing) return <Editor m={m} onDone={edited} />
  if (!m.text) return null
  if (m.text.startsWith('/')) return <CommandLine text={m.text} />
  return (
    <div className={s.text}>
      <LongText text={m.text}>
        <Markdown text={m.text} mentions={mentions} refs={refs} end={m.edited_at ? <Versions m={m} label="(edited)" /> : undefined} />
      </LongText>
    </div>
  )
}

/** A command as it was typed: verb, object, options apart. */
const CommandLine = ({ text }: { text: string }) => (
  <div className={cx(s.command, 'mono')}>
    <SquareTerminal size={13} aria-hidden="true" />
    {visible(text).split(/\s+/).map((w, i) => (
      <span key={i} className={cx(i === 1 && s.object, w.includes('=') && s.option)}>
        {w}
      </span>
    ))}
  </div>
)

function Editor({ m, onDone }: { m: Message; onDone: () => void }) {
  const kept = editOf(m.room_id)
  const [text, setText] = useState(kept?.id === m.id ? kept.text : m.text)
  const [error, setError] = useState('')
  const [busy, setBusy] = useState(false)
  const length = lengthOf(text)
  const save = async (e?: FormEvent) => {
    e?.preventDefault()
    if (!text.trim() || text === m.text) return onDone()
    if (length?.over) return
    setBusy(true)
    try {
      await editMessage(m, asTyped(text))
      onDone()
    } catch (x) {
      setError(errorText(x))
      setBusy(false)
    }
  }
  return (
    <form className={s.editor} onSubmit={(e) => void save(e)}>
      <textarea
        // Drawn again after it was scrolled away, it must not take the keys from where they go now.
        autoFocus={kept?.id !== m.id}
        rows={Math.min(10, text.split('\n').length)}
        value={text}
        aria-label="Change the message"
        onFocus={(e) => e.target.setSelectionRange(text.length, text.length)}
        onChange={(e) => {
          setText(e.target.value)
          keepEdit(m.room_id, m.id, e.target.value)
        }}
        onKeyDown={(e) => {
          e.stopPropagation()
          if (e.key === 'Escape') {
            e.preventDefault()
            onDone()
          }
          if (e.key === 'Enter' && !e.shiftKey && !composing(e)) {
            e.preventDefault()
            void save()
          }
        }}
      />
      {error && <Notice>{error}</Notice>}
      <div className={s.editorActs}>
        <span className={length?.over ? 'c-red' : 'c-3'}>{length?.words ?? 'Every version is kept.'}</span>
        <span className="grow" />
        <Button size="s" onClick={onDone}>
          Cancel
        </Button>
        <Button size="s" kind="primary" type="submit" busy={busy} disabled={!!length?.over}>
          Save
        </Button>
      </div>
    </form>
  )
}

function Reactions({ m }: { m: Message }) {
  const me = useMyId()
  if (!m.reactions.length || m.deleted) return null
  return (
    <div className={s.reactions}>
      {m.reactions.map((r) => {
        const mine = r.users.includes(me)
        const names = r.users.map(nameOf)
        return (
          <button
            key={r.emoji}
            type="button"
            className={cx(s.reaction, mine && s.mine)}
            aria-pressed={mine}
            aria-label={`${emojiName(r.emoji)}, ${r.users.length}: ${names.join(', ')}`}
            title={names.join(', ')}
            onClick={() => void react(m, r.emoji).catch((e) => toastError('Your reaction was not saved', e))}
          >
            <span className={s.emoji}>{r.emoji}</span>
            {r.users.length}
          </button>
        )
      })}
    </div>
  )
}

const SHOWN = 3
function Replies({ m, lit, editing, onEdit, onReply }: { m: Message; lit: string | null; editing: string | null; onEdit: (id: string | null) => void; onReply: (m: Message) => void }) {
  const all = m.replies ?? []
  const [open, setOpen] = useState(false)
  const wanted = all.findIndex((r) => r.id === lit)
  const hide = open || all.length <= SHOWN + 1 || (wanted >= 0 && wanted < all.length - SHOWN) ? 0 : all.length - SHOWN
  return (
    <div className={s.replies}>
      {hide > 0 && (
        <button type="button" className={s.moreReplies} onClick={() => setOpen(true)}>
          Show {hide} earlier {hide === 1 ? 'reply' : 'replies'}
        </button>
      )}
      {all.slice(hide).map((r) => (
        <div key={r.id} className={cx(s.reply, lit === r.id && s.lit)} data-message={r.id} tabIndex={-1}>
          <UserAvatar id={r.author.id} size={20} fallback={r.author} link="beside" />
          <div className={s.main}>
            <div className={s.by}>
              <b>
                <UserName id={r.author.id} fallback={r.author.display} link />
              </b>
              <Via of={r} />
              <Time at={r.created_at} />
              <Pinned m={r} />
            </div>
            <Body m={r} editing={editing === r.id} onEdit={onEdit} />
            <Reactions m={r} />
          </div>
          {!r.deleted && <Tools m={r} onEdit={onEdit} onReply={() => onReply(r)} />}
        </div>
      ))}
      <button type="button" className={s.moreReplies} onClick={() => onReply(m)}>
        Reply
      </button>
    </div>
  )
}

function Tools({ m, onEdit, onReply }: { m: Message; onEdit: (id: string | null) => void; onReply: () => void }) {
  const link = `${location.origin}/rooms/${m.room_id}#m=${m.id}`
  return (
    <div className={s.tools} role="toolbar" aria-label="Message actions">
      <Popover
        label="React"
        align="end"
        side="top"
        trigger={
          <IconButton label="React" size="s">
            <SmilePlus size={14} />
          </IconButton>
        }
      >
        <div className={s.picker}>
          {EMOJI.map((e) => (
            <PopoverClose key={e} asChild>
              <button type="button" aria-label={emojiName(e)} title={emojiName(e)} onClick={() => void react(m, e).catch((x) => toastError('Your reaction was not saved', x))}>
                {e}
              </button>
            </PopoverClose>
          ))}
        </div>
      </Popover>
      <IconButton label="Reply" size="s" onClick={onReply}>
        <MessageSquareReply size={14} />
      </IconButton>
      {m.abilities?.pin && (
        <IconButton label={m.pinned ? 'Unpin' : 'Pin (in an incident, to its timeline)'} size="s" onClick={() => void pinMessage(m, !m.pinned).catch((e) => toastError('Pinning failed', e))}>
          {m.pinned ? <PinOff size={14} /> : <Pin size={14} />}
        </IconButton>
      )}
      <Menu
        trigger={
          <IconButton label="More" size="s">
            <MoreHorizontal size={14} />
          </IconButton>
        }
      >
        <MenuItem icon={<Link2 size={14} />} onSelect={() => void copy(link).then(() => toast('The link is copied'))}>
          Copy the link
        </MenuItem>
        {m.text && (
          <MenuItem icon={<Copy size={14} />} onSelect={() => void copy(m.text).then(() => toast('The text is copied'))}>
            Copy the text
          </MenuItem>
        )}
        {(m.abilities?.edit || m.abilities?.delete) && <MenuSeparator />}
        {m.abilities?.edit && m.kind === 'text' && (
          <MenuItem icon={<PenLine size={14} />} onSelect={() => onEdit(m.id)}>
            Edit
          </MenuItem>
        )}
        {m.abilities?.delete && (
          <MenuItem
            icon={<Trash2 size={14} />}
            danger
            onSelect={() =>
              void deleteMessage(m).then(
                () => toast('The message is deleted', { tone: 'info' }),
                (e) => toastError('Deleting failed', e),
              )
            }
          >
            Delete
          </MenuItem>
        )}
      </Menu>
    </div>
  )
}

/** Whoever made the token that wrote this is the one who could have written it. */
function Via({ of: m }: { of: Message }) {
  if (!m.author.via) return null
  return <span className={s.via}>by a token that {m.author.via} made</span>
}
