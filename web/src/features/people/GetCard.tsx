import { Hand } from 'lucide-react'
import type { Get } from '@/api'
import { UserAvatar, UserName } from '@/realtime'
import type { CardProps } from '@/ui'
import s from './people.module.css'

const WORD: Record<Get['state'], string> = {
  pending: 'was asked to come',
  accepted: 'is on the way',
  declined: "can't come now",
  expired: 'did not answer',
}
/** A request to come, in the room it calls to. */
export function GetCard({ card }: CardProps) {
  const g = card.data as Get
  return (
    <div className={s.getCard}>
      <Hand size={14} className="c-teal" aria-hidden="true" />
      <UserAvatar id={g.to} size={20} link />
      <span>
        <b>
          <UserName id={g.to} />
        </b>{' '}
        {WORD[g.state] ?? g.state} <span className="c-3">by <UserName id={g.from} /></span>
        {g.note && <q>{g.note}</q>}
        {g.state === 'declined' && g.answer && (
          <>
            {' '}
            <span className="c-3">answered</span> <q>{g.answer}</q>
          </>
        )}
      </span>
    </div>
  )
}
