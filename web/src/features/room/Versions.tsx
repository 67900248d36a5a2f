import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, type Items, type Message, type MessageVersion } from '@/api'
import { UserName } from '@/realtime'
import { ErrorState, Loading, Markdown, Popover, Time } from '@/ui'
import s from './timeline.module.css'

/** What a message said before, version by version. */
export function Versions({ m, label }: { m: Message; label: string }) {
  const [open, setOpen] = useState(false)
  return (
    <Popover
      label="Versions of this message"
      width={360}
      open={open}
      onOpenChange={setOpen}
      trigger={
        <button type="button" className={s.edited}>
          {label}
        </button>
      }
    >
      {open && <List m={m} />}
    </Popover>
  )
}
function List({ m }: { m: Message }) {
  const q = useQuery({
    queryKey: ['versions', m.id, m.change_seq],
    queryFn: () => api.get<Items<MessageVersion>>(`/messages/${m.id}/versions`),
  })
  if (q.isPending) return <Loading lines={2} />
  if (q.error) return <ErrorState compact error={q.error} onRetry={() => void q.refetch()} />
  return (
    <ol className={s.versions}>
      {q.data.items
        .filter((v) => v.change === 'posted' || v.change === 'edited' || v.change === 'deleted')
        .map((v, i) => (
          <li key={v.seq}>
            <span className="c-3">
              Version {i + 1}, {v.change} <Time at={v.at} mode="date" /> by <UserName id={v.by} fallback={v.by} />
            </span>
            {v.change !== 'deleted' && <Markdown text={v.text} />}
          </li>
        ))}
    </ol>
  )
}
