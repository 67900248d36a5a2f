// What I do with my voice while I am in a call.
import { usePhone } from '@/lib/hooks'
import { Chip, Spinner } from '@/ui'
import { useAround, useCallState, type CallRoom } from './around'
import { CameraButton, HandButton, LeaveButton, MicButton, PlaceButton, ReactButton, SettingsButton, ShareButton } from './CallControls'
import { PeopleButton, Strip } from './CallPeople'
import { Messages } from './Messages'
import { hasStage } from './model'
import { RecordedChip } from './Recorded'
import s from './call.module.css'

export function InCall({ room, here }: { room: CallRoom; /** I sit in the room, so the table is open to me */ here: boolean }) {
  const { office, useCall } = useAround()
  const phase = useCallState((c) => c.main?.phase)
  const mode = useCallState((c) => c.main?.mode)
  const recording = useCallState((c) => c.main?.recording)
  const trouble = useCallState((c) => c.trouble)
  const held = useCallState((c) => c.held)
  const phone = usePhone()
  const line = useCallState((c) => c.main)
  const told = useCall(room.id)?.recording
  return (
    <>
      <section className={s.bar} aria-label="Voice" data-voice data-phase={phase}>
        {phase === 'on' ? (
          <>
            <MicButton />
            {mode === 'table' && (
              <>
                <CameraButton />
                <ShareButton />
    </>
          )}
          <HandButton />
          {office && <ReactButton />}
          <PlaceButton here={here} />
          {held && <Chip tone="teal">You speak while you hold Space</Chip>}
          {!phone && mode === 'gallery' && <span className={s.say}>You listen from the gallery</span>}
        </>
      ) : (
        <span className={s.say} role="status">
          <Spinner size={12} />
          {phase === 'connecting' ? 'Joining voice' : 'Voice is reconnecting'}
          {trouble && <small>{trouble}</small>}
        </span>
      )}
      {recording && (told ? <RecordedChip /> : <Chip tone="amber">The recording starts</Chip>)}
      <span className="grow" />
      <PeopleButton room={room} />
      <SettingsButton />
      <LeaveButton word={phone ? '' : office ? 'Leave' : 'Leave the call'} />
      <Messages />
    </section>
    {/* With screens or cameras the same people stand below those. */}
    {phase === 'on' && !hasStage(line) && (
      <div className={s.voices}>
        <Strip room={room} />
      </div>
    )}
    </>
  )
}
