// Asked before one speaks where it is recorded: what is kept, who hears it, for how long.
import { Headphones, Mic } from 'lucide-react'
import { useState } from 'react'
import { Button, Dialog, DialogActions } from '@/ui'
import { useAround, useCallState } from './around'
import { keptWords } from './model'
import s from './call.module.css'

const TITLE = { join: 'Calls in this room are recorded', walk: 'Calls in this room are recorded', began: 'This call is recorded from now on' }

/** Nobody speaks into a recording who was not told of it first. */
export default function AskConsent() {
  const { session, office, useKeepDays, useRoomName } = useAround()
  const asking = useCallState((c) => c.asking)
  const room = useRoomName(asking?.room ?? '')
  const days = useKeepDays()
  const [busy, setBusy] = useState(false)
  if (!asking) return null
  const began = asking.why === 'began'
  return (
    <Dialog open onOpenChange={() => void session.decline(false)} title={TITLE[asking.why]} width={460}>
      <div className={s.consent}>
        <p>
          {began ? `Since calls in ${room} are recorded now, you were moved to the gallery, of which nothing is kept. ` : asking.why === 'walk' ? `You keep voice on when you walk, and you came to ${room}. ` : ''}
          If you speak at the table of {room}:
        </p>
        <ul>
          <li>
            <b>Your microphone is recorded</b>, in a track of your own, for as long as you are in the call. Cameras and screens are not.
          </li>
          <li>
            {office ? (
              <>
                <b>Who took part may hear it again</b>, and who else the rules of this office let.
              </>
            ) : (
              <>
                <b>Members of the office who took part may hear it again</b>, and who else its rules let.
              </>
            )}{' '}
            Each playing is on record.
          </li>
          <li>
            <b>{keptWords(days)}</b>
          </li>
          <li>That you agreed is written to the ledger.</li>
        </ul>
        <DialogActions>
          <Button onClick={() => (began ? session.leave() : void session.decline(false))}>{began ? 'Leave the call' : 'Cancel'}</Button>
          <Button icon={<Headphones size={13} />} onClick={() => void session.decline(true)}>
            Only listen
          </Button>
          <Button
            kind="primary"
            icon={<Mic size={13} />}
            busy={busy}
            onClick={() => {
              setBusy(true)
              void session.agree().finally(() => setBusy(false))
            }}
          >
            {began ? 'Stay and be recorded' : 'Join and be recorded'}
          </Button>
        </DialogActions>
      </div>
    </Dialog>
  )
}
