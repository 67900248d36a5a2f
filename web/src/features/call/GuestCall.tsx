// The call of the one room a guest is in, on the guest's page: offered, entered, and looked at.
import { Headphones, Mic } from 'lucide-react'
import { lazy, Suspense, useEffect, useMemo, useState } from 'react'
import type { GuestPerson, GuestView, IncidentRoleName } from '@/api'
import { cx } from '@/lib/cx'
import { useEvent, useWindow } from '@/lib/hooks'
import { Avatar, Button, Chip, GuestBadge, type GuestCallApi } from '@/ui'
import { Announcer } from './Announcer'
import { AroundProvider, useAround, useCallState, type Around, type CallRoom } from './around'
import { SettingsButton } from './CallControls'
import { devices } from './capture'
import { loadChoice, saveChoice } from './choice'
import { createGuest, named, type Guest } from './guest'
import { InCall } from './InCall'
import { loadEngine } from './load'
import { Over } from './Messages'
import { hasStage, joinWords } from './model'
import { takeTalked, keepTalked } from './talked'
import { useKeys } from './useKeys'
import s from './call.module.css'

const AskConsent = lazy(() => import('./AskConsent'))
const CallStage = lazy(() => import('./CallStage'))

export default function GuestCall({ view, api }: { view: GuestView; api: GuestCallApi }) {
  const [guest, set] = useState<Guest | null>(null)
  const start = useEvent(() =>
    createGuest(view, api, {
      connect: loadEngine,
      devices,
      choice: { ...loadChoice(), keep: false },
      // A member's preference, of who uses this browser for both, stays.
      talks: keepTalked,
      remember: (c) => saveChoice({ ...c, keep: loadChoice().keep }),
      agent: navigator.userAgent,
      now: Date.now,
      later: (ms, fn) => {
        const t = setTimeout(fn, ms)
        return () => clearTimeout(t)
      },
    }),
  )
  // One visit is one part in the call; where the visit ends, every device is free.
  const id = view.visit.id
  useEffect(() => {
    const talked = takeTalked()
    const g = start()
    set(g)
    if (talked) g.session.reloaded(talked)
    return () => g.end()
  }, [id, start])
  useEffect(() => guest?.tell(view), [guest, view])
  useWindow('online', () => guest?.session.retryNow())
  const around = useMemo(() => guest && aroundOf(guest), [guest])
  return around ? (
    <AroundProvider value={around}>
      <Voice view={view} />
    </AroundProvider>
  ) : null
}

const NO_ROLES: Record<string, IncidentRoleName> = {}
function aroundOf({ session, seen }: Guest): Around {
  const stranger = (id: string): GuestPerson => ({ id, display: 'Somebody', title: '', initials: '?', hue: 0, kind: 'person', state: 'call' })
  const usePerson = (id: string) => seen((v) => v.people.find((p) => p.id === id)) ?? stranger(id)
  return {
    session,
    office: false,
    usePeople() {
      const me = seen((v) => v.visit.id)
      const people = seen((v) => v.people)
      return useMemo(() => {
        const by = new Map(people.map((p) => [p.id, p]))
        return { me, name: (id) => named(by.get(id)), known: (id) => by.has(id) }
      }, [me, people])
    },
    useCall: (room) => seen((v) => (v.call?.room_id === room && v.call?.people.length ? v.call : undefined)),
    useRoles: () => NO_ROLES,
    useRoomName: () => seen((v) => v.room),
    useKeepDays: () => seen((v) => v.media.keep_days),
    Face: ({ id, size, you }) => <Avatar person={usePerson(id)} size={size} you={you} />,
    Name({ id, you, first }) {
      const { display, kind } = usePerson(id)
      const me = seen((v) => v.visit.id === id)
      return (
        <span>
          {you && me ? 'You' : first ? display.split(' ')[0] : display}
          {kind === 'guest' && <GuestBadge />}
        </span>
      )
    },
  }
}

function Voice({ view }: { view: GuestView }) {
  const main = useCallState((c) => c.main)
  const ended = useCallState((c) => c.ended)
  const asked = useCallState((c) => !!c.asking)
  const id = view.visit.room_id
  const room = useMemo<CallRoom>(() => ({ id, abilities: {} }), [id])
  useKeys()
  return (
    <>
      <Announcer />
      {asked && (
        <Suspense>
          <AskConsent />
        </Suspense>
      )}
      {main ? <InCall room={room} here /> : ended ? <Over here /> : <Offer view={view} />}
      {main && hasStage(main) && (
        <div className={s.guestStage} data-stage="">
          <Suspense>
            <CallStage room={room} />
          </Suspense>
        </div>
      )}
    </>
  )
}

/** Nothing is asked of a device, and nothing of the media engine is loaded, before the guest says so. */
function Offer({ view }: { view: GuestView }) {
  const { session } = useAround()
  const { media, visit, records } = view
  const call = view.call ?? undefined
  if (media.state === 'off') return null
  const ready = media.state === 'ready'
  const talk = call?.people.some((p) => p.user_id !== visit.id)
  return (
    <section className={cx(s.bar, s.guestOffer)} aria-label="Voice">
      <Button kind={talk ? 'live' : 'soft'} icon={<Mic size={13} />} disabled={!ready} onClick={() => void session.join(visit.room_id, 'table')}>
        {joinWords(call, visit.id)}
      </Button>
      {talk && (
        <Button icon={<Headphones size={13} />} disabled={!ready} onClick={() => void session.join(visit.room_id, 'gallery')}>
          Only listen
        </Button>
      )}
      <SettingsButton />
      {!ready && <span className={s.say}>Voice is starting</span>}
      {records && <Chip title="Who speaks here is asked first">Calls are recorded</Chip>}
    </section>
  )
}
