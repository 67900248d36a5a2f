import { Archive, Lock, Pencil, Plus } from 'lucide-react'
import { useState } from 'react'
import { api, type Room, type RoomKind } from '@/api'
import { useInsideRooms, useOffice } from '@/realtime'
import { Button, Checkbox, Chip, ConfirmButton, DataTable, Empty, Field, GuideLink, Input, Select, toast } from '@/ui'
import { slugProblem } from './model'
import { FormDialog, Head, useItems, useRefresh } from './parts'
import s from './admin.module.css'

const KINDS: { id: RoomKind; label: string }[] = [
  { id: 'team', label: 'Team room' },
  { id: 'meeting', label: 'Meeting room' },
  { id: 'focus', label: 'Focus booths' },
  { id: 'office', label: 'Office' },
  { id: 'lounge', label: 'Lounge' },
  { id: 'lobby', label: 'Lobby' },
  { id: 'gallery', label: 'Gallery' },
]
const kindLabel = (kind: string) => (kind === 'incident' ? 'War room' : (KINDS.find((k) => k.id === kind)?.label ?? kind))

/** Rooms that stay. Those of incidents come and go by themselves. */
export default function Rooms() {
  const { items, state } = useItems<Room>(['rooms'], '/rooms')
  const refresh = useRefresh()
  const inside = useInsideRooms()
  const floors = useOffice((x) => x.floors)
  const [form, setForm] = useState<Room | 'new' | null>(null)
  const rooms = items.filter((r) => r.kind !== 'incident' && !r.archived).sort((a, b) => a.name.localeCompare(b.name))
  return (
    <>
      <Head
        title="Rooms"
        action={
          <Button kind="primary" icon={<Plus size={13} />} onClick={() => setForm('new')}>
            Add a room
          </Button>
        }
      >
        A room stands on the map and in the sidebar. The rooms of incidents are opened and closed by their incidents.
      </Head>
      {state ?? (
        <div className={s.list}>
          <DataTable
            label="Rooms"
            rows={rooms}
            rowKey={(r) => r.id}
            empty={<Empty title="No rooms yet" action={<GuideLink to="people-and-roles#rooms">About rooms</GuideLink>}>Add the first one: a team’s room, a lounge, a meeting room.</Empty>}
            columns={[
              {
                key: 'name',
                head: 'Room',
                fill: true,
                cell: (r) => (
                  <span className={s.who}>
                    <span>
                      <b>{r.name}</b>
                      <small>{r.topic}</small>
                    </span>
                    {r.private && (
                      <Chip icon={<Lock size={10} />} outline>
                        Private
                      </Chip>
                    )}
                  </span>
                ),
              },
              { key: 'kind', head: 'Kind', cell: (r) => kindLabel(r.kind) },
              { key: 'floor', head: 'Floor', wide: true, cell: (r) => floors.find((f) => f.id === r.floor)?.name ?? '–' },
              { key: 'in', head: 'Here now', num: true, wide: true, cell: (r) => inside[r.id]?.length ?? 0 },
              {
                key: 'do',
                head: <span className="sr">Actions</span>,
                cell: (r) => (
                  <span className={s.actions}>
                    <Button size="s" icon={<Pencil size={12} />} aria-label={`Edit ${r.name}`} onClick={() => setForm(r)}>
                      Edit
                    </Button>
                    <ConfirmButton
                      size="s"
                      icon={<Archive size={12} />}
                      label={`Archive ${r.name}`}
                      title={`Archive ${r.name}?`}
                      description="It leaves the map and the sidebar. Its messages stay and can be read by those who could."
                      confirm="Archive"
                      onConfirm={async () => {
                        await api.patch(`/rooms/${r.id}`, { archived: true })
                        await refresh('rooms')
                        toast(`${r.name} is archived`)
                      }}
                    >
                      Archive
                    </ConfirmButton>
                  </span>
                ),
              },
            ]}
          />
        </div>
      )}
      {form && <RoomForm room={form === 'new' ? undefined : form} onClose={() => setForm(null)} onSaved={() => refresh('rooms')} />}
    </>
  )
}

function RoomForm({ room, onClose, onSaved }: { room?: Room; onClose: () => void; onSaved: () => Promise<unknown> }) {
  const [name, setName] = useState(room?.name ?? '')
  const [kind, setKind] = useState<RoomKind>(room?.kind ?? 'team')
  const [topic, setTopic] = useState(room?.topic ?? '')
  const [hidden, setHidden] = useState(room?.private ?? false)
  const [door, setDoor] = useState(room?.door ?? 'open')
  const bad = slugProblem(name, 'room')
  return (
    <FormDialog
      title={room ? `Edit ${room.name}` : 'Add a room'}
      submit={room ? 'Save' : 'Add'}
      valid={!bad}
      onClose={onClose}
      onSave={async () => {
        if (room) await api.patch(`/rooms/${room.id}`, { name, topic: topic.trim(), door })
        else await api.post('/rooms', { name, kind, topic: topic.trim(), private: hidden })
        await onSaved()
        onClose()
      }}
    >
      {(fields, tried) => (
        <>
          <Field label="Name" required hint="Small letters, digits and dashes" error={(tried && bad) || fields['name']}>
            <Input value={name} placeholder="payments-ops" onChange={(e) => setName(e.target.value)} autoFocus />
          </Field>
          <Field label="Topic" error={fields['topic']}>
            <Input value={topic} onChange={(e) => setTopic(e.target.value)} />
          </Field>
          {room ? (
            <Field label="Door" hint="Closed: people knock. Locked: only members enter.">
              <Select value={door} onChange={(e) => setDoor(e.target.value as Room['door'])}>
                <option value="open">Open</option>
                <option value="closed">Closed</option>
                <option value="locked">Locked</option>
              </Select>
            </Field>
          ) : (
            <>
              <Field label="Kind" hint="Decides its furniture on the map">
                <Select value={kind} onChange={(e) => setKind(e.target.value as RoomKind)}>
                  {KINDS.map((k) => (
                    <option key={k.id} value={k.id}>
                      {k.label}
                    </option>
                  ))}
                </Select>
              </Field>
              <Checkbox label="Private" hint="Only members see it and what is said in it" checked={hidden} onChange={(e) => setHidden(e.target.checked)} />
            </>
          )}
        </>
      )}
    </FormDialog>
  )
}
