// "Amara asks you to come": answered with one click, from wherever one is.
import { lazy, Suspense, useEffect, useState } from 'react'
import { tapEvents, useOffice, useUndisturbed } from '@/realtime'
import { useAsked } from './gets'
import type { Sent } from './KnockPopups'
import s from './people.module.css'

const Requests = lazy(() => import('./Requests'))
const KnockPopups = lazy(() => import('./KnockPopups'))

export function GetPopups() {
  const asked = useAsked()
  const undisturbed = useUndisturbed()
  const [sent, setSent] = useState<Sent | null>(null)
  // Heard here: what shows it is loaded only once there is something to show.
  useEffect(
    () =>
      tapEvents((_, e) => {
        if (e.type === 'sent_home') setSent({ room: useOffice.getState().rooms[e.room_id]?.name ?? 'the room', by: e.by, reason: e.reason, home: useOffice.getState().rooms[e.home_room_id]?.name ?? '' })
      }),
    [],
  )
  const knocked = useOffice((o) => Object.keys(o.knocks).length > 0) || sent !== null
  const loud = asked.filter((g) => !g.quiet)
  const quiet = asked.filter((g) => g.quiet)
  return (
    <>
      <div className={s.popups} role="region" aria-label="Requests to come" aria-live="assertive" data-region="requests" data-passing data-over-modal>
        {loud.length > 0 && (
          <Suspense>
            <Requests gets={loud} />
          </Suspense>
        )}
        {!undisturbed && knocked && (
          <Suspense>
            <KnockPopups sent={sent} onUnderstood={() => setSent(null)} />
          </Suspense>
        )}
      </div>
      {/* Asked not to be disturbed: what comes stands at the edge, and nothing speaks or moves. */}
      <div className={s.quiet} role="region" aria-label="Quiet requests" data-region="requests" data-passing data-over-modal>
        {quiet.length > 0 && (
          <Suspense>
            <Requests gets={quiet} quiet />
          </Suspense>
        )}
        {undisturbed && knocked && (
          <Suspense>
            <KnockPopups sent={sent} onUnderstood={() => setSent(null)} />
          </Suspense>
        )}
      </div>
    </>
  )
}
