import { useQuery } from '@tanstack/react-query'
import { ShieldCheck } from 'lucide-react'
import { api, useCan, type Items, type PendingApproval, type Room } from '@/api'
import { cx } from '@/lib/cx'
import { useNow } from '@/lib/hooks'
import { UserName } from '@/realtime'
import { EnvChip } from '@/ui'
import { DeclineButton, ReviewButton } from './actions'
import { approvalWords, expiryWords, nodesWord } from './model'
import s from './run.module.css'

/** Above the composer: runs of this room that wait for my yes. */
export default function RoomBar({ room }: { room: Room }) {
  const may = useCan('approve')
  const { data } = useQuery({ queryKey: ['approvals'], queryFn: () => api.get<Items<PendingApproval>>('/approvals'), enabled: may })
  const mine = (data?.items ?? []).filter((x) => x.run.room_id === room.id)
  const now = useNow('second', mine.length > 0)
  const open = mine.filter((x) => Date.parse(x.approval.expires_at) > now)
  if (open.length === 0) return null
  return (
    <div className={s.pends}>
      {open.slice(0, 3).map(({ run, approval }) => {
        const expiry = expiryWords(approval.expires_at, now)
        return (
          <section key={run.id} className={s.pend} aria-label={`Run ${run.number} waits for your approval`}>
            <ShieldCheck size={15} aria-hidden="true" />
            <div className={s.pendText}>
              <b>Needs you: {run.title}</b>
              <span>
                <EnvChip env={run.environment} production={run.production} />
                <span>{nodesWord(run.progress.total)}</span>
                <span>
                  run {run.number}, asked by <UserName id={run.requested_by} />
                </span>
                {approval.need > 1 && <span>{approvalWords(approval)}</span>}
                <span className={cx('tnum', expiry.soon && s.soon)}>{expiry.text}</span>
              </span>
            </div>
            <DeclineButton run={run} />
            <ReviewButton run={run} />
          </section>
        )
      })}
      {open.length > 3 && <p className={s.dim}>and {open.length - 3} more under Inbox</p>}
    </div>
  )
}
