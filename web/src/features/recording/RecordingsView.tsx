// What was recorded of a room's calls: played in step, with what was written meanwhile beside it.
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { AudioLines, Download, Pause, Play } from 'lucide-react'
import { useEffect, useMemo, useRef, useState } from 'react'
import { api, apiUrl, type Items, type Message, type MessagePage, type Recording, type Room, type TimelineEntry } from '@/api'
import { cx } from '@/lib/cx'
import { typing, useWindow } from '@/lib/hooks'
import { length } from '@/lib/time'
import { callsOf, nameOf, type Recorded, UserAvatar, useOffice, useVoice } from '@/realtime'
import { Box, Button, buttonClass, Chip, Empty, ErrorState, IconButton, Loading, Notice, Page, Time } from '@/ui'
import { createDeck, type Deck } from './deck'
import { keyTo, place, saidAt, saidIn } from './model'
import s from './recording.module.css'

const MOST_PAGES = 15

/** The room's messages back to a moment, oldest first. */
async function messagesSince(room: string, at: number): Promise<Message[]> {
  const out: Message[] = []
  let before: number | undefined
  for (let n = 0; n < MOST_PAGES; n++) {
    const page = await api.get<MessagePage>(`/rooms/${room}/messages`, { limit: 200, before })
    out.unshift(...page.items)
    const first = page.items[0]
    if (!first || !page.has_before || Date.parse(first.created_at) < at) break
    before = first.seq
  }
  return out.flatMap((m) => [m, ...(m.replies ?? [])])
}

export default function RecordingsView() {
  const { id = '' } = useParams({ strict: false })
  const { call, at } = useSearch({ strict: false }) as { call?: string; /** milliseconds into it */ at?: number }
  const navigate = useNavigate()
  const known = useOffice((o) => o.rooms[id])
  const fetched = useQuery({ queryKey: ['room', id], queryFn: () => api.get<Room>(`/rooms/${id}`), enabled: !known, retry: false })
  const room = known ?? fetched.data
  const q = useQuery({ queryKey: ['recordings', id], queryFn: () => api.get<Items<Recording>>(`/rooms/${id}/recordings`), staleTime: 0 })
  const calls = useMemo(() => callsOf(q.data?.items ?? []), [q.data])
  const shown = call ? calls.find((c) => c.id === call) : calls[0]
  return (
    <Page
      wide
      title={`Recordings${room ? ` of ${room.name}` : ''}`}
      actions={
        room && (
          <Link to="/rooms/$id" params={{ id }} className={buttonClass('ghost')}>
            Go to the room
          </Link>
        )
      }
    >
      {q.isPending ? (
        <Loading label="Loading the recordings" lines={6} />
      ) : q.error ? (
        <ErrorState error={q.error} onRetry={() => void q.refetch()} />
      ) : !calls.length ? (
        <Empty icon={<AudioLines size={22} />} title="There is no recording that you may hear">
          No call here was recorded, or you took part in none that was. Who took part in a call may hear it again; others need a rule that lets them read recordings. Ask an administrator.
        </Empty>
      ) : (
        <div className={s.cols}>
          <nav aria-label="Recorded calls">
            <ul className={s.calls}>
              {calls.map((c) => (
                <li key={c.id}>
                  <button type="button" aria-current={c === shown || undefined} onClick={() => void navigate({ to: '/rooms/$id/recordings', params: { id }, search: { call: c.id } })}>
                    <b>
                      <Time at={new Date(c.at).toISOString()} mode="date" />
                    </b>
                    <small>
                      {length(c.ms)}, {c.people.map((p) => nameOf(p).split(' ')[0]).join(', ')}
                    </small>
                  </button>
                </li>
              ))}
            </ul>
          </nav>
          {shown ? (
            <Playback key={`${shown.id} ${at}`} call={shown} from={at ?? 0} room={id} incident={room?.subject.kind === 'incident' ? room.subject.id : ''} />
          ) : (
            <Notice>There is no such recording, or you may not hear it.</Notice>
          )}
        </div>
      )}
    </Page>
  )
}

function Playback({ call, from, room, incident }: { call: Recorded; from: number; room: string; incident: string }) {
  const kept = useMemo(() => call.tracks.filter((t) => t.state === 'kept'), [call])
  const [deck] = useState(() => {
    const d = createDeck(kept, call.ms, () => performance.now())
    d.to(from)
    return d
  })
  const playing = deck.use((d) => d.playing)
  const broken = deck.use((d) => d.broken)
  const at = deck.use((d) => d.at)
  const voice = useVoice((v) => v.room !== null)
  const box = useRef<HTMLElement>(null)
  useEffect(() => {
    if (!playing) return
    const t = setInterval(deck.tick, 100)
    return () => clearInterval(t)
  }, [playing, deck])
  const toggle = () => (playing ? deck.pause() : deck.play())
  useWindow('keydown', (e) => {
    const el = e.target as HTMLElement | null
    if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return
    const slider = el?.getAttribute('type') === 'range'
    const inside = !!el && !!box.current?.contains(el)
    if (!inside && el !== document.body && el?.getAttribute('tabindex') !== '-1') return
    if (e.key === ' ') {
      // In a call the key opens the microphone, but where one is at the player.
      if ((voice && !inside) || (typing(e) && !slider) || /^(BUTTON|A|SUMMARY)$/.test(el?.tagName ?? '')) return
      e.preventDefault()
      toggle()
      return
    }
    const to = keyTo(e.key, at, call.ms)
    if (to === null || (typing(e) && !slider)) return
    e.preventDefault()
    deck.to(to)
  })
  return (
    <section ref={box} className={s.playback} aria-label="Player">
      <Box
        title={<Time at={new Date(call.at).toISOString()} mode="date" />}
        actions={<span className="c-3 tnum">{`${place(at)} of ${place(call.ms)}`}</span>}
      >
        <div className={s.deck}>
          <IconButton label={playing ? 'Pause' : 'Play all tracks in step'} aria-label={playing ? 'Pause' : 'Play'} disabled={!kept.length} onClick={toggle} className={s.play}>
            {playing ? <Pause size={16} /> : <Play size={16} />}
          </IconButton>
          <input type="range" aria-label="Place in the call" aria-valuetext={`${place(at)} of ${place(call.ms)}`} min={0} max={call.ms} step={100} value={Math.round(at)} onChange={(e) => deck.to(Number(e.target.value))} />
        </div>
        <ul className={s.tracks} aria-label="Tracks">
          {call.tracks.map((t) => (
            <TrackRow key={t.id} t={t} call={call} deck={deck} />
          ))}
        </ul>
        {broken && (
          <div className={s.pad}>
            <Notice title={`The track of ${nameOf(kept.find((t) => t.id === broken)?.user_id ?? '')} could not be played`}>It may have been deleted meanwhile, or you may no longer hear it. Load the page again.</Notice>
          </div>
        )}
        <p className={s.note}>Each playing is written to the ledger, with your name. Space plays and pauses, arrows move by 5 seconds.</p>
      </Box>
      <Talk call={call} room={room} incident={incident} deck={deck} at={at} />
    </section>
  )
}

function TrackRow({ t, call, deck }: { t: Recording; call: Recorded; deck: Deck }) {
  const name = nameOf(t.user_id)
  const quiet = deck.use((d) => !!d.quiet[t.id])
  const audio = useRef<HTMLAudioElement>(null)
  const kept = t.state === 'kept'
  const url = apiUrl(`/recordings/${t.id}/audio`)
  useEffect(() => (audio.current ? deck.add(t.id, audio.current) : undefined), [deck, t.id])
  return (
    <li className={s.track}>
      <div className={s.row}>
        <UserAvatar id={t.user_id} size={24} />
        <span className={s.name}>
          <b>{name}</b>
          <small className="tnum">
            {t.state === 'kept' ? `${length(t.ms)}, from ${place(t.offset_ms)}` : t.state === 'open' ? 'Still being recorded' : 'Deleted: its time was over'}
          </small>
        </span>
        {kept && (
          <>
            <label className={s.hear}>
              <input type="checkbox" checked={!quiet} aria-label={`Hear ${name}`} onChange={(e) => deck.hear(t.id, e.target.checked)} />
              Hear
            </label>
            <Button size="s" aria-label={`Hear only ${name}`} onClick={() => deck.only(t.id)}>
              Hear only
            </Button>
            <a className={cx(buttonClass('ghost'), s.load)} href={url} download={`${name} ${t.started_at.slice(0, 16)}.ogg`} aria-label={`Download the track of ${name}`}>
              <Download size={13} aria-hidden="true" />
            </a>
            {/* Nothing is fetched before it is played: each playing is on record. */}
            <audio ref={audio} src={url} preload="none" data-track={t.id} aria-label={`Track of ${name}`} />
          </>
        )}
        {!kept && <Chip>{t.state === 'open' ? 'Open' : 'Deleted'}</Chip>}
      </div>
      <svg className={s.lane} viewBox="0 0 1000 6" preserveAspectRatio="none" aria-hidden="true">
        <rect className={s.laneAll} x="0" y="0" width="1000" height="6" />
        <rect className={cx(s.laneOn, quiet && s.laneQuiet)} x={(t.offset_ms / Math.max(1, call.ms)) * 1000} y="0" width={Math.max(4, (t.ms / Math.max(1, call.ms)) * 1000)} height="6" />
      </svg>
      {t.transcript && (
        <details className={s.words}>
          <summary>What {name} says, put into words by a machine</summary>
          <p>{t.transcript}</p>
        </details>
      )}
    </li>
  )
}

/** What was written while they talked; it moves with the play head, and a click moves that. */
function Talk({ call, room, incident, deck, at }: { call: Recorded; room: string; incident: string; deck: Deck; at: number }) {
  const messages = useQuery({ queryKey: ['recordings', room, 'talk', call.id], queryFn: () => messagesSince(room, call.at), retry: false })
  const timeline = useQuery({ queryKey: ['incident', incident, 'timeline'], queryFn: () => api.get<Items<TimelineEntry>>(`/incidents/${incident}/timeline`), enabled: !!incident, retry: false })
  const said = useMemo(() => saidIn(call, messages.data ?? [], timeline.data?.items), [call, messages.data, timeline.data])
  const now = saidAt(said, at)
  const list = useRef<HTMLOListElement>(null)
  useEffect(() => {
    const row = list.current?.children[now] as HTMLElement | undefined
    if (row && list.current) list.current.scrollTop = row.offsetTop - list.current.clientHeight / 2
  }, [now])
  return (
    <Box title="Written meanwhile">
      {messages.isPending ? (
        <Loading label="Loading the talk" />
      ) : messages.error ? (
        <ErrorState error={messages.error} compact />
      ) : !said.length ? (
        <p className={s.note}>Nothing was written while they talked.</p>
      ) : (
        <ol ref={list} className={s.talk} aria-label="Written while they talked">
          {said.map((x, i) => (
            <li key={x.id}>
              <button type="button" aria-current={i === now ? 'true' : undefined} onClick={() => deck.to(x.ms)}>
                <span className="tnum c-3">{place(x.ms)}</span>
                <span>
                  {x.by ? <b>{x.by} </b> : null}
                  <span className={x.entry ? 'c-2' : undefined}>{x.text}</span>
                </span>
              </button>
            </li>
          ))}
        </ol>
      )}
    </Box>
  )
}
