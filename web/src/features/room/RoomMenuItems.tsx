import { Archive, AudioLines, Disc, DoorClosed, DoorOpen, History, Home, Link2, Lock, PenLine, Phone, Star, StarOff } from 'lucide-react'
import { go } from '@/lib/go'
import { api, useMyId, type Door, type Room, type User } from '@/api'
import { setHome, turnDoor, useOffice } from '@/realtime'
import { copy, MenuItem, MenuSeparator, toast, toastError } from '@/ui'

export type RoomDialog = 'bridge' | 'edit' | 'record'

/** What can be done with a room, as entries of its menu. */
export default function RoomMenuItems({ room, people, caughtUp, onDialog }: { room: Room; people: User[]; caughtUp?: () => void; onDialog: (d: RoomDialog) => void }) {
  const me = useMyId()
  const may = room.abilities.update !== false
  const home = useOffice((o) => o.desk.home_room_id === room.id)
  const change = (what: string, patch: Partial<Room>) => () => void api.patch(`/rooms/${room.id}`, patch).catch((e) => toastError(`${what} failed`, e))
  const here = people.some((p) => p.id === me)
  const turns = !room.archived && (may || (here && room.door !== 'locked'))
  const turn = (door: Door) => () => void turnDoor(room.id, door).catch((e) => toastError('The door was not turned', e))
  const member = () =>
    void (room.member ? api.del(`/rooms/${room.id}/membership`) : api.put(`/rooms/${room.id}/membership`))
      .then(() => {
        useOffice.setState((o) => (o.rooms[room.id] ? { rooms: { ...o.rooms, [room.id]: { ...o.rooms[room.id]!, member: !room.member } } } : o))
        toast(room.member ? `You left ${room.name}` : `You follow ${room.name}`, { tone: 'info' })
      })
      .catch((e) => toastError('This was not saved', e))
  return (
    <>
      {caughtUp && (
        <MenuItem icon={<History size={14} />} onSelect={caughtUp}>
          Catch up
        </MenuItem>
      )}
      <MenuItem icon={<Link2 size={14} />} onSelect={() => void copy(`${location.origin}/rooms/${room.id}`).then(() => toast('The link is copied'))}>
        Copy the link
      </MenuItem>
      <MenuItem icon={room.member ? <StarOff size={14} /> : <Star size={14} />} onSelect={member}>
        {room.member ? 'Stop following' : 'Follow this room'}
      </MenuItem>
      <MenuItem icon={<AudioLines size={14} />} onSelect={() => go(`/rooms/${room.id}/recordings`)}>
        Recordings
      </MenuItem>
      {room.abilities.invite !== false && !room.archived && (
        <MenuItem icon={<Phone size={14} />} onSelect={() => onDialog('bridge')}>
          Bridge by link or phone
        </MenuItem>
      )}
      {room.kind !== 'incident' && !room.archived && (
        <MenuItem
          icon={<Home size={14} />}
          onSelect={() =>
            void setHome(home ? '' : room.id)
              .then(() => toast(home ? 'You have no home room now' : `${room.name} is your home room`, { tone: 'info' }))
              .catch((e) => toastError('This was not saved', e))
          }
        >
          {home ? 'No longer my home room' : 'Make this my home room'}
        </MenuItem>
      )}
      {turns && (
        <>
          <MenuSeparator />
          {room.door !== 'open' && (
            <MenuItem icon={<DoorOpen size={14} />} onSelect={turn('open')}>
              Open the door
            </MenuItem>
          )}
          {room.door !== 'closed' && here && (
            <MenuItem icon={<DoorClosed size={14} />} onSelect={turn('closed')}>
              Close the door
            </MenuItem>
          )}
          {room.door !== 'locked' && may && (
            <MenuItem icon={<Lock size={14} />} onSelect={turn('locked')}>
              Lock the door
            </MenuItem>
          )}
        </>
      )}
      {may && (
        <>
          <MenuSeparator />
          <MenuItem icon={<PenLine size={14} />} onSelect={() => onDialog('edit')}>
            Name and topic
          </MenuItem>
          {!room.archived && (
            <MenuItem icon={<Disc size={14} />} onSelect={() => onDialog('record')}>
              {room.recording === 'required' ? 'No longer record calls here' : 'Record calls here'}
            </MenuItem>
          )}
          <MenuItem icon={<Archive size={14} />} danger={!room.archived} onSelect={change('Archiving', { archived: !room.archived })}>
            {room.archived ? 'Open again' : 'Archive'}
          </MenuItem>
        </>
      )}
    </>
  )
}
