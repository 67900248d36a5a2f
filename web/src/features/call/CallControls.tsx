// The buttons of a call, wherever they stand: in the room, in the dock, in the small window.
import { Hand, Headphones, Mic, MicOff, MonitorOff, MonitorUp, Phone, PhoneOff, Settings2, SmilePlus, Video, VideoOff } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { errorText } from '@/api'
import { cx } from '@/lib/cx'
import { Button, IconButton, Popover, PopoverClose, toastError } from '@/ui'
import { useAround, useCallState } from './around'
import { isTrouble, REACTIONS } from './model'
import s from './call.module.css'

const Settings = lazy(() => import('./Settings'))

export function MicButton({ small }: { small?: boolean }) {
  const { session } = useAround()
  const mic = useCallState((c) => c.mic)
  const held = useCallState((c) => c.held)
  const gallery = useCallState((c) => c.main?.mode === 'gallery')
  const on = mic === 'on'
  const label = on ? 'Mute' : 'Unmute'
  if (gallery) return null
  return (
    <IconButton
      label={mic === 'starting' ? 'Your microphone starts' : label}
      aria-label="Microphone"
      shortcut="M"
      aria-keyshortcuts="M"
      on={on}
      size={small ? 's' : 'm'}
      className={cx(s.control, on && s.live, isTrouble(mic) && s.warn)}
      aria-busy={mic === 'starting' || undefined}
      data-held={held || undefined}
      onClick={() => void session.toggleMic()}
    >
      {on ? <Mic size={small ? 14 : 16} /> : <MicOff size={small ? 14 : 16} />}
    </IconButton>
  )
}
export function CameraButton() {
  const { session } = useAround()
  const camera = useCallState((c) => c.camera)
  const on = camera === 'on'
  return (
    <IconButton label={on ? 'Turn the camera off' : 'Turn the camera on'} aria-label="Camera" on={on} className={cx(s.control, on && s.live, isTrouble(camera) && s.warn)} aria-busy={camera === 'starting' || undefined} onClick={() => void session.toggleCamera()}>
      {on ? <Video size={16} /> : <VideoOff size={16} />}
    </IconButton>
  )
}
export function ShareButton() {
  const { session } = useAround()
  const sharing = useCallState((c) => c.sharing)
  const can = typeof navigator.mediaDevices?.getDisplayMedia === 'function'
  if (!can) return null
  return sharing ? (
    <>
      <IconButton label="Stop showing your screen" className={cx(s.control, s.live)} onClick={() => void session.unshare()}>
        <MonitorOff size={16} />
      </IconButton>
      <IconButton label="Show one more screen" className={s.control} onClick={() => void session.share()}>
        <MonitorUp size={16} />
      </IconButton>
    </>
  ) : (
    <IconButton label="Show a screen" className={s.control} onClick={() => void session.share()}>
      <MonitorUp size={16} />
    </IconButton>
  )
}
export function HandButton() {
  const { session, usePeople, useCall } = useAround()
  const { me } = usePeople()
  const room = useCallState((c) => c.main?.room)
  const raised = !!useCall(room)?.people.find((p) => p.user_id === me)?.hand_at
  return (
    <IconButton label={raised ? 'Lower your hand' : 'Raise your hand'} aria-label="Raise hand" on={raised} className={cx(s.control, raised && s.hand)} onClick={() => void session.hand(!raised)?.catch((e) => toastError('Your hand stayed where it was', e))}>
      <Hand size={16} />
    </IconButton>
  )
}
export function ReactButton() {
  const { session } = useAround()
  return (
    <Popover
      label="Reactions"
      align="center"
      trigger={
        <IconButton label="React" className={s.control}>
          <SmilePlus size={16} />
        </IconButton>
      }
    >
      <div className={s.emojis}>
        {REACTIONS.map(([emoji, word]) => (
          <PopoverClose asChild key={emoji}>
            <button type="button" aria-label={word} title={word} onClick={() => void session.react(emoji)?.catch((e) => toastError('The reaction was not sent', e))}>
              {emoji}
            </button>
          </PopoverClose>
        ))}
      </div>
    </Popover>
  )
}
export function SettingsButton() {
  const [open, setOpen] = useState(false)
  return (
    <>
      <IconButton label="Sound and camera" className={s.control} onClick={() => setOpen(true)}>
        <Settings2 size={16} />
      </IconButton>
      {open && (
        <Suspense>
          <Settings onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  )
}
export function LeaveButton({ word }: { word?: string }) {
  const { session } = useAround()
  return word ? (
    <Button kind="stop" icon={<PhoneOff size={14} />} onClick={session.leave}>
      {word}
    </Button>
  ) : (
    <IconButton label="Leave the call" className={s.leave} onClick={session.leave}>
      <PhoneOff size={15} />
    </IconButton>
  )
}

/** To the table, or to the gallery. */
export function PlaceButton({ here }: { here: boolean }) {
  const { session, usePeople } = useAround()
  const { me } = usePeople()
  const mode = useCallState((c) => c.main?.mode)
  const [busy, setBusy] = useState(false)
  const move = async (to: 'table' | 'gallery') => {
    setBusy(true)
    try {
      await session.moveTo(me, to)
    } catch (e) {
      session.say('You stay where you are', errorText(e), 'amber')
    } finally {
      setBusy(false)
    }
  }
  if (mode === 'gallery')
    return here ? (
      <Button kind="live" busy={busy} icon={<Phone size={13} />} onClick={() => void move('table')}>
        Go to the table
      </Button>
    ) : null
  return (
    <IconButton label="Only listen, from the gallery" className={s.control} aria-busy={busy || undefined} onClick={() => void move('gallery')}>
      <Headphones size={16} />
    </IconButton>
  )
}
