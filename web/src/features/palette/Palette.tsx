// Ctrl+K: everything reachable by a few letters, by keyboard alone.
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useRouterState } from '@tanstack/react-router'
import { Command } from 'cmdk'
import { BellOff, BookOpen, CircleHelp, Clock3, Coffee, Crosshair, DoorOpen, Flame, Footprints, Hand, Hash, Home, Inbox, KeyRound, ListChecks, LogIn, LogOut, Map, Mic, Moon, PhoneOff, Play, PlayCircle, Plus, ScrollText, Settings, ShieldCheck, Siren, SquareTerminal, Star, Sun, UsersRound, type LucideIcon } from 'lucide-react'
import { Dialog as Radix } from 'radix-ui'
import { useLayoutEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import { api, signOut, useMe, type Alert, type Items, type JobSummary, type Project } from '@/api'
import { toggleFavourite, useFavourites } from '@/lib/favourites'
import { rank } from '@/lib/fuzzy'
import { useSettled } from '@/lib/hooks'
import { PALETTE, takeTyped } from '@/lib/typeahead'
import { useTheme } from '@/lib/theme'
import { enterRoom, getPerson, goHome, keptOut, knockAt, leaveOffice, setAvailability, spotlight, sidebarRooms, useIncidents, useInsideRooms, useOffice, UserAvatar, useVoice, voiceAct } from '@/realtime'
import { dialogClass, EnvChip, Kbd, openChecklist, openDeclare, openJobForm, SeverityChip, startTour, toast, toastError, useOverlays } from '@/ui'
import s from './palette.module.css'

type Item = {
  id: string
  group: 'Incidents' | 'Run a job' | 'Rooms' | 'People' | 'Actions' | 'Pages' | 'Alerts' | 'Guide'
  texts: string[]
  icon: ReactNode
  title: string
  detail?: string
  end?: ReactNode
  run: () => void
  /** Done by Ctrl+Enter. */
  alt?: { label: string; run: () => void }
  /** Done by Alt+Enter. */
  find?: () => void
  /** Found only behind this word: "enter inc", "get jon". */
  verb?: Verb
}
type Verb = 'enter' | 'get' | 'join'
const VERB = /^(enter|get|join)\s+(\S.*)$/i
const GROUPS: Item['group'][] = ['Incidents', 'Run a job', 'Rooms', 'People', 'Actions', 'Pages', 'Guide']

const useJobs = () =>
  useQuery({
    queryKey: ['jobs', 'all'],
    staleTime: 60_000,
    queryFn: async () => {
      const { items } = await api.get<Items<Project>>('/projects')
      const lists = await Promise.all(items.map((p) => api.get<Items<JobSummary>>(`/projects/${p.name}/jobs`).catch(() => ({ items: [] }))))
      return lists.flatMap((l) => l.items)
    },
  })

export default function Palette({ onClose }: { onClose: () => void }) {
  const [query, setQuery] = useState('')
  // Not at the first rendering, which may be thrown away.
  useLayoutEffect(() => {
    const before = takeTyped(PALETTE)
    if (before) setQuery(before)
  }, [])
  const [moved, setMoved] = useState('')
  const items = useItems(onClose)
  const guide = useGuide(query, onClose)
  const alerts = useAlerts(query, onClose)
  const shown = useMemo(() => [...choose(items, query), ...alerts, ...guide], [items, query, alerts, guide])
  const list = useRef<HTMLDivElement>(null)
  const byHand = useRef(false)
  // The first stands ready until the person moves, also when better ones arrive late.
  const selected = shown.find((i) => i.id === moved) ?? shown[0]
  return (
    <Radix.Root open onOpenChange={(open) => !open && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className={dialogClass('scrim')} />
        <Radix.Content
          className={s.box}
          data-modal=""
          aria-describedby={undefined}
          // It has no trigger: ui/focus knows where the keyboard was, and a room one jumped to has it already.
          onCloseAutoFocus={(e) => e.preventDefault()}
        >
          <Radix.Title className="sr">Go to or do anything</Radix.Title>
          <Command
            label="Go to or do anything"
            shouldFilter={false}
            loop
            value={selected?.id ?? ''}
            onPointerMove={() => {
              byHand.current = true
            }}
            onValueChange={(v) => byHand.current && setMoved(v)}
            onKeyDown={(e) => {
              if (/^(Arrow|Home|End|Page)/.test(e.key) || (e.ctrlKey && /^[njpk]$/.test(e.key))) byHand.current = true
              if (e.key === 'Enter' && e.altKey && selected?.find) {
                e.preventDefault()
                selected.find()
              } else if (e.key === 'Enter' && (e.ctrlKey || e.metaKey) && selected?.alt) {
                e.preventDefault()
                selected.alt.run()
              }
            }}
          >
            <Command.Input
              autoFocus
              value={query}
              onValueChange={(v) => {
                setQuery(v)
                setMoved('')
                byHand.current = false
                list.current?.scrollTo(0, 0)
              }}
              placeholder="Search, jump to a room or run a job"
              className={s.input}
            />
            <Command.List ref={list} className={s.list} label="Results">
              <Command.Empty className={s.empty}>Nothing matches. Try a room, a person, a job or a ticket.</Command.Empty>
              {[...new Set(shown.map((i) => i.group))].map((g) => {
                const group = shown.filter((i) => i.group === g)
                return group.length ? (
                  <Command.Group key={g} heading={g}>
                    {group.map((i) => (
                      <Command.Item key={i.id} value={i.id} onSelect={i.run} className={s.item}>
                        <span className={s.icon}>{i.icon}</span>
                        <b>{i.title}</b>
                        {i.detail && <span className={s.detail}>{i.detail}</span>}
                        <span className={s.end}>{i.end}</span>
                      </Command.Item>
                    ))}
                  </Command.Group>
                ) : null
              })}
            </Command.List>
            <footer className={s.foot}>
              <span>
                <Kbd>↑</Kbd>
                <Kbd>↓</Kbd> move
              </span>
              <span>
                <Kbd>↵</Kbd> open
              </span>
              {selected?.alt && (
                <span>
                  <Kbd>Ctrl ↵</Kbd> {selected.alt.label}
                </span>
              )}
              {selected?.find && (
                <span>
                  <Kbd>Alt ↵</Kbd> find on the map
                </span>
              )}
              <span className="grow" />
              <span>Every run is written to the ledger</span>
            </footer>
          </Command>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}

/** What the guide says about it, from the second letter on. */
function useGuide(query: string, onClose: () => void): Item[] {
  const navigate = useNavigate()
  const words = query.trim()
  const { data } = useQuery({ queryKey: ['guide'], queryFn: async () => (await import('@/lib/guide')).loadSections(), enabled: words.length > 1, staleTime: Infinity })
  const find = useQuery({ queryKey: ['guide', 'search'], queryFn: async () => (await import('@/lib/guide')).search, enabled: words.length > 1, staleTime: Infinity }).data
  return useMemo(
    () =>
      (words.length > 1 && data && find ? find(words, data, 5) : []).map(({ section: x }) => ({
        id: `guide ${x.page}#${x.id}`,
        group: 'Guide',
        texts: [],
        icon: <BookOpen size={15} aria-hidden="true" />,
        title: x.heading,
        detail: x.depth > 1 ? x.title : undefined,
        run: () => {
          onClose()
          void navigate({ to: '/guide/$page', params: { page: x.page }, hash: x.id })
        },
      })),
    [words, data, find, navigate, onClose],
  )
}

/** Alerts that are not over, found by the server: there may be thousands. */
function useAlerts(query: string, onClose: () => void): Item[] {
  const navigate = useNavigate()
  const words = useSettled(query.trim(), 200)
  const { data } = useQuery({
    queryKey: ['alerts', 'palette', words],
    queryFn: () => api.get<Items<Alert>>('/alerts', { state: 'live', sort: 'worst', q: words, limit: 5 }),
    enabled: words.length > 1,
    staleTime: 10_000,
    retry: false,
  })
  // What was found for other words is no answer to these.
  const found = words.length > 1 && words === query.trim() ? data?.items : undefined
  return useMemo(
    () =>
      (found ?? []).map((a) => ({
        id: 'alert ' + a.id,
        group: 'Alerts',
        texts: [],
        icon: <Siren size={15} className={a.severity === 1 ? 'c-red' : 'c-amber'} aria-hidden="true" />,
        title: a.title,
        detail: [a.service, a.state === 'acknowledged' ? 'acknowledged' : 'fires'].filter(Boolean).join(', '),
        end: <SeverityChip severity={a.severity} />,
        run: () => {
          onClose()
          void (a.incident_id ? navigate({ to: '/incidents/$id', params: { id: a.incident_id } }) : navigate({ to: '/alerts' }))
        },
      })),
    [found, navigate, onClose],
  )
}

/** Without words: what is likely. With words: the best of each group. */
function choose(items: Item[], query: string): Item[] {
  if (!query.trim()) {
    const most: Partial<Record<Item['group'], number>> = { Incidents: 4, Rooms: 6, 'Run a job': 4, People: 0, Actions: 4, Pages: 8 }
    return GROUPS.flatMap((g) => items.filter((i) => i.group === g && !i.verb).slice(0, most[g] ?? 5))
  }
  const said = VERB.exec(query.trim())
  const verb = said ? rank(said[2]!, items.filter((i) => i.verb === said[1]!.toLowerCase()), (i) => i.texts, 8) : []
  const best = [...verb, ...rank(query, items.filter((i) => !i.verb), (i) => i.texts, 40)]
  // The group of the best match stands first: what Enter takes is what was meant.
  return [...new Set(best.map((i) => i.group))].flatMap((g) => best.filter((i) => i.group === g).slice(0, 7))
}

function useItems(onClose: () => void): Item[] {
  const me = useMe()
  const navigate = useNavigate()
  const rooms = useOffice((o) => o.rooms)
  const users = useOffice((o) => o.users)
  const presence = useOffice((o) => o.presence)
  const home = useOffice((o) => o.desk.home_room_id)
  const incidents = useIncidents()
  const inside = useInsideRooms()
  const media = useOffice((o) => o.media.state)
  const talking = useVoice((v) => v.room)
  const favourites = useFavourites()
  const jobs = useJobs().data
  const { theme, toggle } = useTheme()
  const shown = useRouterState({ select: (r) => /^\/rooms\/([^/]+)/.exec(r.location.pathname)?.[1] })
  return useMemo(() => {
    const done = (fn: () => void) => () => {
      onClose()
      fn()
    }
    const go = (to: string) => done(() => void navigate({ to }))
    const icon = (I: LucideIcon, tone = '') => <I size={15} className={tone} aria-hidden="true" />
    const target = shown ?? presence[me.user.id]?.room_id ?? null
    const out: Item[] = []
    const homeRoom = home ? rooms[home] : undefined

    for (const i of incidents)
      out.push({
        id: 'incident ' + i.id,
        group: 'Incidents',
        texts: [i.title, i.ticket, i.service],
        icon: icon(Flame, i.severity === 1 ? 'c-red' : 'c-amber'),
        title: i.title,
        detail: i.ticket,
        end: <SeverityChip severity={i.severity} mode={i.mode} />,
        run: go('/rooms/' + i.room.id),
        alt: { label: 'facts', run: go('/incidents/' + i.ticket) },
      })
    for (const j of jobs ?? [])
      out.push({
        id: 'job ' + j.id,
        group: 'Run a job',
        texts: [j.full_name, j.name, j.description],
        icon: (
          <span className={s.job}>
            <Play size={11} fill="currentColor" aria-hidden="true" />
          </span>
        ),
        title: j.full_name,
        detail: j.description,
        end: j.needs_approval_in.length ? (
          <span className={s.approval}>
            <ShieldCheck size={12} aria-hidden="true" />
            <span>
              Approval in{' '}
              {j.needs_approval_in.map((e) => (
                <EnvChip key={e} env={e} production={j.production_environments.includes(e)} />
              ))}
            </span>
          </span>
        ) : null,
        run: done(() => openJobForm(j.id, shown)),
        alt: { label: 'definition', run: go('/jobs/' + j.id) },
      })
    for (const r of sidebarRooms({ rooms, incidents: useOffice.getState().incidents }).sort((a, b) => b.mentions - a.mentions || b.unread - a.unread)) {
      const n = inside[r.id]?.length ?? 0
      out.push({
        id: 'room ' + r.id,
        group: 'Rooms',
        texts: [r.name, r.topic],
        icon: icon(Hash),
        title: r.name,
        detail: n ? `${n} in the room` : r.topic,
        end: r.unread ? <span className="c-3 tnum">{r.unread} unread</span> : null,
        run: go('/rooms/' + r.id),
        alt: {
          label: keptOut(r.id) ? 'knock' : 'enter',
          run: done(() => {
            if (keptOut(r.id)) void knockAt(r.id).catch((e) => toastError('You did not knock', e))
            else void enterRoom(r.id).catch((e) => toastError(`You could not enter ${r.name}`, e))
            void navigate({ to: '/rooms/$id', params: { id: r.id } })
          }),
        },
      })
    }
    for (const u of Object.values(users)) {
      if (u.kind !== 'person' || u.disabled || u.id === me.user.id) continue
      const where = presence[u.id]?.room_id
      const room = where ? rooms[where] : undefined
      const get = target && target !== where ? done(() => void ask(u.id, u.display, target)) : undefined
      out.push({
        id: 'person ' + u.id,
        group: 'People',
        texts: [u.display, u.name, u.title, u.team, ...u.skills],
        icon: <UserAvatar id={u.id} size={20} dot />,
        title: u.display,
        detail: u.title || u.team,
        end: <span className="c-3">{room ? `Go to ${room.name}` : get ? 'Get' : 'Not in a room'}</span>,
        run: room
          ? done(() => {
              if (!keptOut(room.id)) void enterRoom(room.id).catch((e) => toastError(`You could not enter ${room.name}`, e))
              void navigate({ to: '/rooms/$id', params: { id: room.id } })
            })
          : (get ?? onClose),
        alt: get && { label: 'get them here', run: get },
        find:
          room &&
          done(() => {
            spotlight(u.id)
            void navigate({ to: '/' })
          }),
      })
    }
    // Behind a word: what else there is to do with a room or a person.
    const enter = (roomId: string) => {
      if (keptOut(roomId)) void knockAt(roomId).catch((e) => toastError('You did not knock', e))
      else void enterRoom(roomId).catch((e) => toastError('You could not enter', e))
      void navigate({ to: '/rooms/$id', params: { id: roomId } })
    }
    const mine = presence[me.user.id]?.room_id ?? null
    const talkIn = (roomId: string) => {
      enter(roomId)
      voiceAct('join-voice', roomId)
    }
    for (const r of Object.values(rooms)) {
      if (r.archived) continue
      const i = r.subject.kind === 'incident' ? incidents.find((x) => x.id === r.subject.id) : undefined
      const texts = [r.name, ...(i ? [i.ticket, i.title] : [])]
      const name = i?.ticket ?? r.name
      if (r.id !== mine) out.push({ id: 'enter ' + r.id, verb: 'enter', group: 'Actions', texts, icon: icon(LogIn, 'c-teal'), title: `${keptOut(r.id) ? 'Knock at' : 'Enter'} ${name}`, detail: i?.title, run: done(() => enter(r.id)) })
      if (media === 'ready' && !keptOut(r.id)) out.push({ id: 'join ' + r.id, verb: 'join', group: 'Actions', texts, icon: icon(Mic, 'c-teal'), title: `Join voice in ${name}`, detail: i?.title, run: done(() => talkIn(r.id)) })
    }
    if (target)
      for (const u of Object.values(users))
        if (u.kind === 'person' && !u.disabled && u.id !== me.user.id && presence[u.id]?.room_id !== target)
          out.push({ id: 'get ' + u.id, verb: 'get', group: 'Actions', texts: [u.display, u.name], icon: <UserAvatar id={u.id} size={20} dot />, title: `Get ${u.display}`, detail: `to ${rooms[target]?.name ?? 'your room'}`, run: done(() => void ask(u.id, u.display, target)) })

    const act = (id: string, title: string, I: LucideIcon, run: () => void, texts: string[] = []) =>
      out.push({ id: 'act ' + id, group: 'Actions', texts: [title, ...texts], icon: icon(I), title, run: done(run) })
    const here = shown ?? mine
    const hereName = here ? (incidents.find((i) => i.room.id === here)?.ticket ?? rooms[here]?.name ?? 'this room') : ''
    if (shown && shown !== mine && rooms[shown] && !rooms[shown].archived) act('enter', `${keptOut(shown) ? 'Knock at' : 'Enter'} ${hereName}`, LogIn, () => enter(shown), ['go in', 'sit down'])
    if (here && !keptOut(here) && media === 'ready' && talking !== here) act('voice', `Join voice in ${hereName}`, Mic, () => talkIn(here), ['start voice', 'call', 'talk', 'speak'])
    if (talking) {
      act('mic', 'Mute or unmute my microphone', Mic, () => voiceAct('toggle', talking), ['voice', 'silent'])
      act('hand', 'Raise or lower my hand', Hand, () => voiceAct('hand', talking), ['voice', 'word'])
      act('hangup', 'Leave the call', PhoneOff, () => voiceAct('leave-voice', talking), ['voice', 'hang up'])
    }
    if (shown && rooms[shown]) act('like', favourites.includes(shown) ? `${hereName}: no longer a favourite` : `Make ${hereName} a favourite`, Star, () => toggleFavourite(shown), ['favourite', 'star', 'pin'])
    if (mine) act('leave', `Leave ${rooms[mine]?.name ?? 'the room'}`, DoorOpen, () => void leaveOffice().catch((e) => toastError('You could not leave', e)), ['get up', 'go out'])
    if (me.abilities.declare) act('declare', 'Declare an incident', Siren, openDeclare, ['new incident', 'sev'])
    if (me.abilities.manage_rooms) act('room', 'Create a room', Plus, () => useOverlays.setState({ createRoom: true }), ['new room'])
    act('theme', theme === 'dark' ? 'Switch to the light theme' : 'Switch to the dark theme', theme === 'dark' ? Sun : Moon, toggle, ['dark', 'light'])
    const say = (state: 'dnd' | 'away' | 'available', minutes = 0) => () =>
      void setAvailability(state, '', minutes ? new Date(Date.now() + minutes * 60_000).toISOString() : null).catch((e) => toastError('This was not saved', e))
    act('dnd', 'Do not disturb me', BellOff, say('dnd'), ['availability', 'busy', 'quiet', 'focus'])
    act('dnd1', 'Do not disturb me for an hour', Clock3, say('dnd', 60), ['availability', 'dnd', 'quiet', 'focus'])
    act('away', 'I am away', Coffee, say('away'), ['availability', 'lunch', 'break'])
    act('available', 'I am available', Crosshair, say('available'), ['availability', 'back'])
    if (homeRoom)
      act('home', `Go home to ${homeRoom.name}`, Home, () =>
        void goHome()
          .then((r) => navigate({ to: '/rooms/$id', params: { id: r.id } }))
          .catch((e) => toastError('You could not go home', e)),
      )
    act('account', 'Change my password', KeyRound, () => void navigate({ to: '/account' }), ['tokens', 'sessions', 'account'])
    act('help', 'Help and keyboard shortcuts', CircleHelp, () => useOverlays.setState({ shortcuts: true }), ['keys', 'support'])
    act('tour', 'Show me around', Footprints, startTour, ['tour', 'introduction', 'welcome', 'getting started'])
    if (me.abilities.manage_users) act('checklist', 'Set up this office', ListChecks, openChecklist, ['checklist', 'getting started'])
    act('out', 'Sign out', LogOut, () => void signOut().catch(() => {}), ['log out', 'quit'])

    const page = (to: string, title: string, I: LucideIcon, texts: string[] = []) =>
      out.push({ id: 'page ' + to, group: 'Pages', texts: [title, ...texts], icon: icon(I), title, run: go(to) })
    page('/', 'Floor map', Map, ['office', 'plan'])
    page('/people', 'People', UsersRound, ['who is here', 'starred', 'team', 'skills', 'directory'])
    page('/inbox', 'Inbox', Inbox, ['notifications'])
    page('/runs', 'Runs', PlayCircle)
    page('/jobs', 'Jobs', SquareTerminal, ['runbooks', 'ad-hoc'])
    page('/incidents', 'Incidents', Flame)
    page('/alerts', 'Alerts', Siren)
    page('/guide', 'Guide', BookOpen, ['documentation', 'manual', 'help'])
    if (me.abilities.read_ledger) page('/ledger', 'Ledger', ScrollText, ['audit'])
    if (me.abilities.manage_users) page('/admin/people', 'Admin', Settings, ['users', 'policies', 'keys', 'services'])
    return out
  }, [me, rooms, users, presence, home, incidents, inside, media, talking, favourites, jobs, theme, shown, navigate, onClose, toggle])
}

async function ask(userId: string, display: string, roomId: string) {
  try {
    await getPerson(userId, roomId)
    toast(`${display} is asked to come`, { tone: 'info' })
  } catch (e) {
    toastError(`${display} could not be asked`, e)
  }
}
