// Who is in the call: as a list with what one can do, and as the strip below the stage.
import { Eye, Hand, Headphones, Mic, MicOff, MonitorUp, MoreHorizontal, Phone, Users, Video, VolumeX, WifiOff } from 'lucide-react'
import { cx } from '@/lib/cx'
import { Chip, IconButton, Menu, MenuItem, Popover, Time, toastError } from '@/ui'
import { useAround, useCallState, usePeople, type CallRoom } from './around'
import { aside, bars, hands, QUALITY, seatWords, type Seat } from './model'
import { useSeats } from './useSeats'
import s from './call.module.css'

export const Bars = ({ seat }: { seat: Seat }) =>
  seat.quality ? (
    <span className={cx(s.bars, s[seat.quality])} title={QUALITY[seat.quality]}>
      {[1, 2, 3].map((n) => (
        <i key={n} className={n <= bars(seat.quality) ? s.full : undefined} />
      ))}
      <span className="sr">{QUALITY[seat.quality]}</span>
    </span>
  ) : null

function Person({ seat, room }: { seat: Seat; room: CallRoom }) {
  const { Face, Name } = useAround()
  const { name } = usePeople()
  const Sound = seat.mode === 'gallery' ? Headphones : seat.mic ? Mic : MicOff
  return (
    <li className={cx(s.person, seat.speaking && s.speaking, seat.quality === 'lost' && s.gone)}>
      <span className={s.face}>
        <Face id={seat.id} size={28} you={seat.me} />
      </span>
      <span className={s.personText}>
        <b>
          <Name id={seat.id} />
          {seat.me && <Chip>you</Chip>}
          {seat.role && <Chip tone="blue">{seat.role}</Chip>}
        </b>
        <small>
          {seat.quality === 'lost' ? 'Connection lost' : seat.speaking ? 'Speaking' : seat.mode === 'gallery' ? 'In the gallery' : seat.mic ? 'Microphone on' : 'Muted'}
          {seat.whisper && `, whispers to ${name(seat.whisper)}`}
        </small>
      </span>
      {seat.hand && (
        <span className={s.raised}>
          <Hand size={14} aria-hidden="true" />
          <span className="sr">Hand raised </span>
          <Time at={seat.hand} />
        </span>
      )}
      {seat.shares > 0 && <MonitorUp size={14} className="c-teal" aria-hidden="true" />}
      {seat.camera && <Video size={14} className="c-teal" aria-hidden="true" />}
      <Sound size={14} className={seat.speaking ? 'c-teal' : 'c-3'} aria-hidden="true" />
      <Bars seat={seat} />
      <Acts seat={seat} room={room} />
    </li>
  )
}
function Acts({ seat, room }: { seat: Seat; room: CallRoom }) {
  const { session, office } = useAround()
  const people = usePeople()
  const whisper = useCallState((c) => c.whisper)
  const mine = useCallState((c) => c.main)
  if (mine?.room !== room.id || seat.me) return <span className={s.noActs} />
  const moderate = !!room.abilities.moderate
  const may = office && mine.mode === 'table'
  const name = people.name(seat.id)
  const act = (what: string, work: Promise<unknown> | null | undefined) => void work?.catch((e) => toastError(what, e))
  if (!moderate && !may) return <span className={s.noActs} />
  return (
    <Menu
      trigger={
        <IconButton size="s" label={`More about ${name}`}>
          <MoreHorizontal size={14} />
        </IconButton>
      }
    >
      {may && !mine.recording && seat.mode === 'table' && (
        <MenuItem icon={<Eye size={14} />} onSelect={() => act('You did not whisper', session.whisper(whisper === seat.id ? '' : seat.id))}>
          {whisper === seat.id ? 'Speak to everybody again' : 'Whisper to them; all see that you do'}
        </MenuItem>
      )}
      {moderate && seat.mode === 'table' && (
        <MenuItem icon={<VolumeX size={14} />} disabled={!seat.mic} onSelect={() => act(`${name} was not muted`, session.mute(seat.id))}>
          Mute
        </MenuItem>
      )}
      {moderate &&
        (seat.mode === 'table' ? (
          <MenuItem icon={<Headphones size={14} />} onSelect={() => act(`${name} was not moved`, session.moveTo(seat.id, 'gallery'))}>
            Move to the gallery
          </MenuItem>
        ) : (
          <MenuItem icon={<Phone size={14} />} onSelect={() => act(`${name} was not moved`, session.moveTo(seat.id, 'table'))}>
            Bring to the table
          </MenuItem>
        ))}
    </Menu>
  )
}

export function PeopleList({ room }: { room: CallRoom }) {
  const { name } = usePeople()
  const all = useSeats(room.id)
  const table = all.filter((x) => x.mode === 'table')
  const gallery = all.filter((x) => x.mode === 'gallery')
  const up = hands(all)
  return (
    <div className={s.list}>
      {up.length > 0 && (
        <p className={s.queue}>
          <Hand size={13} aria-hidden="true" /> {up.map((x) => name(x.id)).join(', then ')}
        </p>
      )}
      <h2>
        At the table <em>{table.length}</em>
      </h2>
      {table.length ? (
        <ul>
          {table.map((x) => (
            <Person key={x.id} seat={x} room={room} />
          ))}
        </ul>
      ) : (
        <p className="c-3">Nobody speaks.</p>
      )}
      {gallery.length > 0 && (
        <>
          <h2>
            In the gallery <em>{gallery.length}</em>
          </h2>
          <ul>
            {gallery.map((x) => (
              <Person key={x.id} seat={x} room={room} />
            ))}
          </ul>
        </>
      )}
    </div>
  )
}
export function PeopleButton({ room }: { room: CallRoom }) {
  const all = useSeats(room.id)
  const up = hands(all).length
  return (
    <Popover
      label="People in the call"
      align="end"
      width={380}
      trigger={
        <button type="button" className={s.count}>
          <Users size={14} aria-hidden="true" />
          <span className="tnum">{all.length}</span>
          <span className="sr">
            {all.length === 1 ? 'person' : 'people'} in the call{up > 0 && ','}
          </span>
          {up > 0 && (
            <span className={s.raised}>
              <Hand size={13} aria-hidden="true" />
              {up}
              <span className="sr">{up === 1 ? 'hand raised' : 'hands raised'}</span>
            </span>
          )}
        </button>
      }
    >
      <PeopleList room={room} />
    </Popover>
  )
}

/** Everybody in the call, each with their voice and what they react with: below the stage, or by itself where there is nothing to look at. */
export function Strip({ room }: { room: CallRoom }) {
  const all = useSeats(room.id)
  const { me, name } = usePeople()
  const words = aside(all, me, name)
  return (
    <>
      <ul className={s.strip} aria-label="People in the call" tabIndex={0}>
        {all.map((x) => (
          <Tile key={x.id} seat={x} room={room.id} />
        ))}
      </ul>
      {words && (
        <p className={s.aside}>
          <Eye size={13} aria-hidden="true" /> {words}
        </p>
      )}
    </>
  )
}
export function Tile({ seat: x, room }: { seat: Seat; room: string }) {
  const { Face, Name } = useAround()
  const { name } = usePeople()
  const lost = x.quality === 'lost'
  const Sound = lost ? WifiOff : x.whisper ? Eye : x.mode === 'gallery' ? Headphones : x.mic ? Mic : MicOff
  return (
    <li className={cx(s.tile, x.speaking && s.speaking, lost && s.gone)}>
      <span className="sr">{seatWords(x, name)}</span>
      <span className={s.face} aria-hidden="true">
        <Face id={x.id} size={32} you={x.me} badge={x.role === 'commander' ? 'commander' : undefined} />
        <Floats user={x.id} room={room} />
        {x.hand && (
          <i className={s.up}>
            <Hand size={11} aria-hidden="true" />
          </i>
        )}
      </span>
      <span className={s.tileName} aria-hidden="true">
        <Sound size={11} aria-hidden="true" />
        <Name id={x.id} you first />
      </span>
      {(lost || x.role || x.whisper) && <small aria-hidden="true">{lost ? 'connection lost' : x.whisper ? `to ${name(x.whisper).split(' ')[0]}` : x.role}</small>}
    </li>
  )
}
/** What somebody reacted with, rising from their picture. */
export function Floats({ user, room }: { user: string; room: string }) {
  const all = useCallState((c) => c.reactions)
  const mine = all.filter((r) => r.user === user && r.room === room)
  return mine.length ? (
    <span className={s.floats} aria-hidden="true">
      {mine.map((r) => (
        <i key={r.id}>{r.emoji}</i>
      ))}
    </span>
  ) : null
}
