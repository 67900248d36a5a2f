import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { Button, Field, Input, PopoverClose, toast, toastError } from '@/ui'
import { firstOn } from '@/realtime'
import { daysBack } from './days'
import s from './day.module.css'

/** From a day in the talk to another one. */
export default function DayMenu({ room, onLatest }: { room: string; onLatest: () => void }) {
  const navigate = useNavigate()
  const [date, setDate] = useState('')
  const go = (on: Date) =>
    void firstOn(room, on)
      .then((id) => {
        if (id) void navigate({ to: '/rooms/$id', params: { id: room }, hash: 'm=' + id })
        else toast('Nothing was said from that day on', { tone: 'info' })
      })
      .catch((e) => toastError('The day was not found', e))
  const picked = date ? new Date(date + 'T00:00') : null
  return (
    <div className={s.menu}>
      <PopoverClose asChild>
        <button type="button" onClick={onLatest}>
          Latest message
        </button>
      </PopoverClose>
      {daysBack(new Date()).map((d) => (
        <PopoverClose key={d.label} asChild>
          <button type="button" onClick={() => go(d.at)}>
            {d.label}
          </button>
        </PopoverClose>
      ))}
      <form
        onSubmit={(e) => {
          e.preventDefault()
          if (picked && !Number.isNaN(picked.getTime())) go(picked)
        }}
      >
        <Field label="A day">
          <Input type="date" value={date} onChange={(e) => setDate(e.target.value)} />
        </Field>
        <Button size="s" type="submit" disabled={!date}>
          Jump there
        </Button>
      </form>
    </div>
  )
}
