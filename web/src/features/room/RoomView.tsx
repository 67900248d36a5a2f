// A room: header with who is inside, tabs, timeline, composer, and the panel of what it is about.
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Hash } from 'lucide-react'
import { lazy, Suspense, useEffect, useState } from 'react'
import { api, ApiError, type Room } from '@/api'
import { usePhone, useStored } from '@/lib/hooks'
import { takeTyped } from '@/lib/typeahead'
import { useActiveRuns, useOffice, usePeopleIn, useVoice } from '@/realtime'
import { cx } from '@/lib/cx'
import { buttonClass, Empty, ErrorState, Loading, TabPanel, useSlots } from '@/ui'
import { useBridge } from './useBridge'
import { RoomHeader, type RoomTab } from './RoomHeader'
import s from './room.module.css'

// Fetched at once, beside the sign-in check: the timeline is what people come for.
const chat = import('./Chat')
const Chat = lazy(async () => ({ default: (await chat).Chat }))
const Bridge = lazy(() => import('./Bridge'))
const CatchUp = lazy(() => import('./CatchUp'))
const RoomPeople = lazy(() => import('./RoomPeople'))

export function RoomView({ id }: { id: string }) {
  const known = useOffice((o) => o.rooms[id])
  const client = useQueryClient()
  // A room the snapshot doesn't hold (archived, closed incident) is fetched by itself.
  const q = useQuery({
    queryKey: ['room', id],
    queryFn: () => api.get<Room>(`/rooms/${id}`),
    enabled: !known,
  })
  const room = known ?? q.data
  // Without a composer that takes them, keys do again what they do everywhere.
  const none = !!q.error || (!!room && room.id !== id)
  useEffect(() => {
    if (none) takeTyped(id)
  }, [none, id])
  if (!room) {
    if (q.error) {
      const gone = q.error instanceof ApiError && q.error.status === 404
      return gone ? (
        <div className="grow">
          <Empty
            page
            icon={<Hash size={20} />}
            title="There is no such room"
            action={
              <Link to="/" className={buttonClass('soft')}>
                To the floor map
              </Link>
            }
          >
            It may have been archived, or it is private and you are not a member. Its members can bring you in.
          </Empty>
        </div>
      ) : (
        <div className="grow">
          <ErrorState error={q.error} onRetry={() => void client.invalidateQueries({ queryKey: ['room', id] })} />
        </div>
      )
    }
    return (
      <div className="grow">
        <Loading label="Loading the room" lines={6} />
      </div>
    )
  }
  return <Inside room={room} />
}

function Inside({ room }: { room: Room }) {
  const [tab, setTab] = useState<RoomTab>('chat')
  const phone = usePhone()
  const [wide, setWide] = useStored('panel', true)
  const [sheet, setSheet] = useState(false)
  const { roomPanel, roomRuns: Runs, roomCall: Voice, roomStage: Stage, stageSide } = useSlots()
  const [talk, setTalk] = useStored('stage.talk', true)
  // While somebody shows something it takes the middle, with what the room is about on its left and the talk on its right.
  const staged = useVoice((v) => !!v.stage[room.id]) && !!Stage
  const Brief = stageSide[room.subject.kind]
  const Panel = roomPanel[room.subject.kind]
  const people = usePeopleIn(room.id)
  const bridge = useBridge(room)
  const runs = useActiveRuns().filter((r) => r.room_id === room.id).length
  // Who comes late to an incident is told what they missed; everybody can ask.
  const [late, setLate] = useState(() => room.kind === 'incident' && !room.archived && (room.read_seq < 0 ? room.seq > 3 : room.unread >= 10))
  const shown = phone ? sheet : wide
  const show = phone ? setSheet : setWide
  return (
    <>
      <section className={s.column} aria-label={'Room ' + room.name}>
        <RoomHeader
          room={room}
          people={people}
          runs={runs}
          tab={tab}
          onTab={setTab}
          hasRuns={!!Runs}
          panel={Panel ? shown : undefined}
          onPanel={() => show(!shown)}
          staged={staged}
          caughtUp={late ? undefined : () => setLate(true)}
        />
        {Voice && <Voice room={room} />}
        {bridge && (
          <Suspense>
            <Bridge room={room} bridge={bridge} />
          </Suspense>
        )}
        <div className={cx(s.body, staged && s.war)}>
          {staged && !phone && Brief && shown && (
            <div className={s.brief}>
              <Brief room={room} />
            </div>
          )}
          {staged && (
            <div className={s.centre}>
              <Stage room={room} talk={talk} onTalk={() => setTalk(!talk)} />
            </div>
          )}
          <TabPanel id={tab} idBase="room" className={cx(s.panelBody, staged && !talk && s.away)}>
            {tab === 'chat' ? (
              <Suspense fallback={<div className="grow"><Loading label="Loading messages" lines={6} /></div>}>
                {late && <CatchUp room={room} onClose={() => setLate(false)} />}
                <Chat room={room} />
              </Suspense>
            ) : tab === 'runs' && Runs ? (
              <div className={s.pad}>
                <Runs room={room} />
              </div>
            ) : (
              <Suspense fallback={<Loading lines={4} />}>
                <RoomPeople room={room} inside={people} />
              </Suspense>
            )}
          </TabPanel>
        </div>
      </section>
      {Panel && shown && (!staged || phone) && (
        <div className={cx(s.side, phone && s.sheet)} data-region="panel">
          <Panel room={room} onClose={() => show(false)} />
        </div>
      )}
    </>
  )
}
