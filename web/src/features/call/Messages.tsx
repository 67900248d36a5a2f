// What a call has to tell: what went wrong or changed, that it is over, and a way on.
import { X } from 'lucide-react'
import { Button, IconButton, Notice } from '@/ui'
import { useAround, useCallState, usePeople } from './around'
import s from './call.module.css'

/** What went wrong or changed, with a way on. */
export function Messages() {
  const { session } = useAround()
  const people = usePeople()
  const notice = useCallState((c) => c.notice)
  const blocked = useCallState((c) => c.blocked)
  const whisper = useCallState((c) => c.whisper)
  return (
    <>
      {blocked && (
        <div className={s.message}>
          <Notice tone="amber" title="Your browser holds the sound back" action={<Button onClick={() => void session.unblock()}>Hear them</Button>} />
        </div>
      )}
      {whisper && (
        <div className={s.message}>
          <Notice tone="violet" title={`Only ${people.name(whisper)} hears you. Everybody sees that you whisper.`} action={<Button onClick={() => void session.whisper('')}>Speak to everybody</Button>} />
        </div>
      )}
      {notice && (
        <div className={s.message}>
          <Notice
            tone={notice.tone === 'amber' ? 'amber' : 'blue'}
            title={notice.title}
            action={
              <IconButton label="Dismiss" size="s" onClick={session.dismiss}>
                <X size={13} />
              </IconButton>
            }
          >
            {notice.text}
          </Notice>
        </div>
      )}
    </>
  )
}

/** Voice ended without my doing: why, and the way back where there is one. */
export function Over({ here }: { here: boolean }) {
  const { session } = useAround()
  const ended = useCallState((c) => c.ended)
  if (!ended) return null
  const back = ended.why === 'moved' ? 'Take it back' : ended.why === 'reloaded' ? 'Join again' : ended.why === 'refused' ? 'Try again' : (ended.why === 'removed' || ended.why === 'over') && here ? 'Join again' : ''
  return (
    <section className={s.bar} aria-label="Voice">
      <span className={s.say} role="alert">
        {ended.text}
      </span>
      <span className="grow" />
      {back && (
        <Button kind="live" onClick={session.takeBack}>
          {back}
        </Button>
      )}
      <IconButton label="Dismiss" onClick={session.dismiss}>
        <X size={14} />
      </IconButton>
    </section>
  )
}
