import { DoorOpen, Plus, Trash2, TriangleAlert, X } from 'lucide-react'
import { useEffect, useState, type ReactNode } from 'react'
import { Button, Field, IconButton, Input, PanelSection, Select } from '@/ui'
import * as m from './model'
import s from './edit.module.css'

type Act = (name: string, doc: m.Doc, merge?: string) => void
export type Loose = { id: string; name: string; kind: string; where: string }

/** Beside the plan: the chosen room in numbers and words, or the floor as a whole. */
export function Inspector({ doc, selected, wrong, loose, mayMake, act, onSelect, onRemove, onPlace }: { doc: m.Doc; selected: string; wrong: m.Trouble[]; loose: Loose[]; mayMake: boolean; act: Act; onSelect: (key: string, focus?: boolean) => void; onRemove: (key: string) => void; onPlace: (room: { id?: string; name: string; kind: string }) => void }) {
  const i = doc.items.find((x) => x.key === selected)
  return (
    <>
      {wrong.length > 0 && (
        <section className={s.troubles} aria-label="What keeps the plan from being saved">
          <h2>
            <TriangleAlert size={13} aria-hidden="true" /> {wrong.length === 1 ? 'One thing to mend' : `${wrong.length} things to mend`}
          </h2>
          <ul>
            {wrong.slice(0, 8).map((w, n) => (
              <li key={n}>{w.keys.length ? <button type="button" onClick={() => onSelect(w.keys.at(-1)!, true)}>{w.text}</button> : w.text}</li>
            ))}
            {wrong.length > 8 && <li>and {wrong.length - 8} more</li>}
          </ul>
        </section>
      )}
      {i ? <One key={i.key} doc={doc} i={i} act={act} onRemove={onRemove} onClose={() => onSelect('')} /> : <Whole doc={doc} loose={loose} mayMake={mayMake} act={act} onSelect={onSelect} onPlace={onPlace} />}
    </>
  )
}

function One({ doc, i, act, onRemove, onClose }: { doc: m.Doc; i: m.Item; act: Act; onRemove: (key: string) => void; onClose: () => void }) {
  const name = m.label(doc, i)
  const rect = (part: keyof m.Rect, title: string) => (
    <Field label={title}>
      <Number value={i[part]} min={part === 'w' || part === 'h' ? m.MIN_ROOM : 0} max={m.MAX_SIDE} onChange={(v) => act(`Change ${name}`, m.setRect(doc, i.key, { [part]: v }), `rect ${i.key}`)} />
    </Field>
  )
  return (
    <section aria-label={name}>
      <div className={s.head}>
        <h2>{name}</h2>
        <IconButton label="Back to the whole floor" size="s" side="left" onClick={onClose}>
          <X size={14} />
        </IconButton>
      </div>
      {i.type === 'slot' ? (
        <p className={s.hint}>The room of an open incident appears here by itself and leaves when the incident is closed.</p>
      ) : (
        <>
          {i.id === '' && (
            <Field label="Name" hint="The room is made when you save.">
              <Input value={i.name} maxLength={80} onChange={(e) => act(`Rename ${name}`, m.setName(doc, i.key, e.target.value), `name ${i.key}`)} />
            </Field>
          )}
          <div className={s.pair}>
            <Field label="Kind">
              <Select value={i.kind} onChange={(e) => act(`Make ${name} a ${m.kindLabel(e.target.value).toLowerCase()}`, m.setKind(doc, i.key, e.target.value))}>
                {m.KINDS.map((k) => (
                  <option key={k.id} value={k.id}>
                    {k.label}
                  </option>
                ))}
              </Select>
            </Field>
            <Field label="Seats">
              <Number value={i.seats} min={0} max={m.MAX_SEATS} onChange={(v) => act(`Seats of ${name}`, m.setSeats(doc, i.key, v), `seats ${i.key}`)} />
            </Field>
          </div>
        </>
      )}
      <div className={s.pair}>
        {rect('x', 'From the left')}
        {rect('y', 'From the top')}
      </div>
      <div className={s.pair}>
        {rect('w', 'Width')}
        {rect('h', 'Height')}
      </div>
      {i.type === 'room' && (
        <PanelSection
          title="Doors"
          count={i.doors.length}
          action={
            <Button size="s" icon={<Plus size={12} />} disabled={i.doors.length >= m.MAX_DOORS} onClick={() => act(`Add a door to ${name}`, m.addDoor(doc, i.key))}>
              Add a door
            </Button>
          }
        >
          <ul className={s.doors}>
            {i.doors.map((d, n) => (
              <li key={n}>
                <DoorOpen size={13} aria-hidden="true" />
                <Select aria-label={`Wall of door ${n + 1}`} value={d.side} onChange={(e) => act(`Move a door of ${name}`, m.setDoor(doc, i.key, n, { side: e.target.value as 'n' }))}>
                  <option value="n">Upper wall</option>
                  <option value="s">Lower wall</option>
                  <option value="w">Left wall</option>
                  <option value="e">Right wall</option>
                </Select>
                <Number label={`Place of door ${n + 1} along its wall`} value={d.at} min={0} max={(d.side === 'n' || d.side === 's' ? i.w : i.h) - m.DOOR} onChange={(v) => act(`Move a door of ${name}`, m.setDoor(doc, i.key, n, { at: v }), `door ${i.key} ${n}`)} />
                <IconButton label={`Remove door ${n + 1}`} size="s" side="left" onClick={() => act(`Remove a door of ${name}`, m.removeDoor(doc, i.key, n))}>
                  <X size={13} />
                </IconButton>
              </li>
            ))}
          </ul>
        </PanelSection>
      )}
      <div className={s.foot}>
        <Button kind="danger" icon={<Trash2 size={13} />} onClick={() => onRemove(i.key)}>
          Take off the plan
        </Button>
        {i.type === 'room' && i.id !== '' && <p className={s.hint}>The room and its history stay. Without a place it stands in a row below the plan.</p>}
      </div>
    </section>
  )
}

function Whole({ doc, loose, mayMake, act, onSelect, onPlace }: { doc: m.Doc; loose: Loose[]; mayMake: boolean; act: Act; onSelect: (key: string, focus?: boolean) => void; onPlace: (room: { id?: string; name: string; kind: string }) => void }) {
  const rooms = doc.items.filter((i) => i.type === 'room')
  const here = loose.filter((l) => !l.where)
  const elsewhere = loose.filter((l) => l.where)
  const [pick, setPick] = useState('')
  return (
    <section aria-label="The floor">
      <div className={s.head}>
        <h2>The floor</h2>
      </div>
      <p className={s.hint}>
        {rooms.length} {rooms.length === 1 ? 'room' : 'rooms'}, {rooms.reduce((n, i) => n + i.seats, 0)} seats, {doc.items.length - rooms.length} {doc.items.length - rooms.length === 1 ? 'place' : 'places'} for war rooms
      </p>
      <div className={s.pair}>
        <Field label="Width">
          <Number value={doc.width} min={m.MIN_WIDTH} max={m.MAX_SIDE} onChange={(v) => act('Size of the floor', m.setSize(doc, v, doc.height), 'size')} />
        </Field>
        <Field label="Height">
          <Number value={doc.height} min={m.MIN_ROOM} max={m.MAX_SIDE} onChange={(v) => act('Size of the floor', m.setSize(doc, doc.width, v), 'size')} />
        </Field>
      </div>
      {here.length > 0 && (
        <PanelSection title="Not on the plan yet" count={here.length}>
          <ul className={s.list}>
            {here.map((l) => (
              <li key={l.id}>
                <span>{l.name}</span>
                <Button size="s" onClick={() => onPlace(l)} aria-label={`Place ${l.name}`}>
                  Place
                </Button>
              </li>
            ))}
          </ul>
        </PanelSection>
      )}
      <PanelSection title="On the plan" count={doc.items.length}>
        {doc.items.length === 0 && <p className={s.hint}>Nothing yet. {mayMake ? 'Add a room, choose a template, or let a list of teams arrange itself.' : 'Place rooms that are on this floor.'}</p>}
        <ul className={s.list}>
          {[...doc.items]
            .sort((a, b) => a.y - b.y || a.x - b.x)
            .map((i) => (
              <li key={i.key}>
                <button type="button" onClick={() => onSelect(i.key, true)}>
                  <span>{m.label(doc, i)}</span>
                  <small>{i.type === 'slot' ? 'War room' : `${m.kindLabel(i.kind)}, ${i.seats}`}</small>
                </button>
              </li>
            ))}
        </ul>
      </PanelSection>
      {elsewhere.length > 0 && (
        <PanelSection title="From another floor">
          <div className={s.elsewhere}>
            <Select aria-label="Room of another floor" value={pick} onChange={(e) => setPick(e.target.value)}>
              <option value="">Choose a room</option>
              {elsewhere.map((l) => (
                <option key={l.id} value={l.id}>
                  {l.name}, {l.where}
                </option>
              ))}
            </Select>
            <Button
              disabled={!pick}
              onClick={() => {
                const l = elsewhere.find((x) => x.id === pick)
                if (l) onPlace(l)
                setPick('')
              }}
            >
              Move here
            </Button>
          </div>
        </PanelSection>
      )}
    </section>
  )
}

/** A whole number that is taken as soon as it is one. */
function Number({ value, min, max, label, onChange }: { value: number; min: number; max: number; label?: string; onChange: (v: number) => void }): ReactNode {
  const [text, setText] = useState(String(value))
  useEffect(() => setText(String(value)), [value])
  return (
    <Input
      type="number"
      inputMode="numeric"
      aria-label={label}
      min={min}
      max={max}
      step={1}
      value={text}
      onChange={(e) => {
        setText(e.target.value)
        const v = e.target.valueAsNumber
        if (globalThis.Number.isInteger(v) && v >= min && v <= max) onChange(v)
      }}
      onBlur={() => setText(String(value))}
    />
  )
}
