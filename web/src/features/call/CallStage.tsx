// What there is to look at: screens, the newest in the middle, and faces.
import { Expand, Maximize, MessagesSquare, Minus, PictureInPicture2, Plus, X } from 'lucide-react'
import { useEffect, useRef, useState, type KeyboardEvent, type PointerEvent } from 'react'
import { cx } from '@/lib/cx'
import { Button, IconButton, toast } from '@/ui'
import { useAround, useCallState, usePeople, type CallRoom } from './around'
import { Strip } from './CallPeople'
import { centred, FIT, panBy, zoomAt, type Seat, type Zoom } from './model'
import { useLine, useSeats } from './useSeats'
import s from './call.module.css'

export default function CallStage({ room, talk = false, onTalk }: { room: CallRoom; talk?: boolean; /** there is a talk beside it that can be folded away */ onTalk?: () => void }) {
  const { session } = useAround()
  const { me, name } = usePeople()
  const line = useLine(room.id)
  const picked = useCallState((c) => c.picked)
  const all = useSeats(room.id)
  if (!line) return null
  const { main, strip } = centred(line.shares, picked, me)
  const faces = all.filter((x) => x.camera)
  const owner = (by: string) => (by === me ? 'Your screen' : `${name(by)}’s screen`)
  return (
    <section className={s.stage} aria-label="Screens and cameras">
      {main ? (
        <Screen
          key={main.id}
          room={room.id}
          id={main.id}
          title={owner(main.by)}
          tools={
            <>
              {main.by === me && (
                <Button size="s" icon={<X size={12} />} onClick={() => void session.unshare(main.id)}>
                  Stop showing
                </Button>
              )}
              {onTalk && (
                <IconButton label={talk ? 'Hide the talk' : 'Show the talk'} on={talk} size="s" onClick={onTalk}>
                  <MessagesSquare size={14} />
                </IconButton>
              )}
            </>
          }
        />
      ) : (
        <ul className={s.grid} aria-label="Cameras">
          {faces.map((x) => (
            <Camera key={x.id} seat={x} room={room.id} />
          ))}
        </ul>
      )}
      {(strip.length > 0 || (main && faces.length > 0)) && (
        <ul className={s.thumbs} aria-label="More screens and cameras" tabIndex={0}>
          {strip.map((x) => (
            <li key={x.id} className={s.thumb}>
              <button type="button" aria-label={`Put ${owner(x.by).replace('Your', 'your')} in the middle`} onClick={() => session.pick(x.id)}>
                <Video room={room.id} id={x.id} />
                <span aria-hidden="true">{owner(x.by)}</span>
              </button>
            </li>
          ))}
          {main && faces.map((x) => <Camera key={x.id} seat={x} room={room.id} small />)}
        </ul>
      )}
      <Strip room={room} />
    </section>
  )
}

/** One video of a room, attached for as long as it stands on the screen. */
export function Video({ room, id, mirror, className }: { room: string; id: string; mirror?: boolean; className?: string }) {
  const { session } = useAround()
  const el = useRef<HTMLVideoElement>(null)
  const phase = useLine(room)?.phase
  useEffect(() => {
    if (!el.current || phase !== 'on') return
    return session.attach(room, id, el.current)
  }, [session, room, id, phase])
  return <video ref={el} className={cx(s.video, mirror && s.mirror, className)} autoPlay playsInline muted aria-hidden="true" />
}

function Camera({ seat: x, room, small }: { seat: Seat; room: string; small?: boolean }) {
  const { Name } = useAround()
  return (
    <li className={cx(small ? s.thumb : s.cell, x.speaking && s.speaking)}>
      <Video room={room} id={x.camera} mirror={x.me} />
      <Name id={x.id} you />
    </li>
  )
}

function Screen({ room, id, title, tools }: { room: string; id: string; title: string; tools: React.ReactNode }) {
  const frame = useRef<HTMLDivElement>(null)
  const [z, set] = useState<Zoom>(FIT)
  const drag = useRef<{ x: number; y: number } | null>(null)
  const size = () => ({ w: frame.current?.clientWidth ?? 1, h: frame.current?.clientHeight ?? 1 })
  const by = (factor: number, at = { x: 0, y: 0 }) => set((old) => zoomAt(old, factor, at, size()))
  // React listens to the wheel passively: zooming must stop the page from doing so itself.
  useEffect(() => {
    const el = frame.current
    if (!el) return
    const wheel = (e: WheelEvent) => {
      if (!e.ctrlKey && !e.metaKey) return
      e.preventDefault()
      const r = el.getBoundingClientRect()
      const at = { x: e.clientX - r.left - r.width / 2, y: e.clientY - r.top - r.height / 2 }
      set((old) => zoomAt(old, Math.exp(-e.deltaY / 240), at, { w: r.width, h: r.height }))
    }
    el.addEventListener('wheel', wheel, { passive: false })
    return () => el.removeEventListener('wheel', wheel)
  }, [])
  const full = () => {
    const el = frame.current?.parentElement
    if (!el) return
    void (document.fullscreenElement ? document.exitFullscreen() : el.requestFullscreen()).catch(() => toast('Full screen is not available here', { tone: 'info' }))
  }
  const small = () => {
    const v = frame.current?.querySelector('video')
    void v?.requestPictureInPicture?.().catch(() => toast('This browser shows no picture in picture', { tone: 'info' }))
  }
  const key = (e: KeyboardEvent) => {
    const step = 60
    const pan: Record<string, [number, number]> = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }
    if (e.ctrlKey || e.metaKey || e.altKey) return
    if (e.key === '+' || e.key === '=') by(1.3)
    else if (e.key === '-') by(1 / 1.3)
    else if (e.key === '0') set(FIT)
    else if (e.key === 'f') full()
    else if (pan[e.key] && z.scale > 1) set(panBy(z, ...pan[e.key]!, size()))
    else return
    e.preventDefault()
  }
  const move = (e: PointerEvent) => {
    if (!drag.current) return
    set(panBy(z, e.clientX - drag.current.x, e.clientY - drag.current.y, size()))
    drag.current = { x: e.clientX, y: e.clientY }
  }
  return (
    <div className={s.screen}>
      <div
        ref={frame}
        className={s.frame}
        role="group"
        aria-label={`${title}. Plus and minus zoom, 0 fits, F fills the screen`}
        tabIndex={0}
        data-zoomed={z.scale > 1 || undefined}
        onKeyDown={key}
        onDoubleClick={() => (z.scale > 1 ? set(FIT) : by(2))}
        onPointerDown={(e) => {
          if (z.scale <= 1) return
          drag.current = { x: e.clientX, y: e.clientY }
          e.currentTarget.setPointerCapture(e.pointerId)
        }}
        onPointerMove={move}
        onPointerUp={() => (drag.current = null)}
        onPointerCancel={() => (drag.current = null)}
      >
        <div className={s.zoomed} style={{ transform: `translate(${z.x}px, ${z.y}px) scale(${z.scale})` }}>
          <Video room={room} id={id} />
        </div>
      </div>
      <div className={s.tools} role="toolbar" aria-label={title}>
        <b>{title}</b>
        <span className="grow" />
        <IconButton label="Smaller" size="s" disabled={z.scale <= 1} onClick={() => by(1 / 1.3)}>
          <Minus size={14} />
        </IconButton>
        <IconButton label="Larger" size="s" onClick={() => by(1.3)}>
          <Plus size={14} />
        </IconButton>
        <IconButton label="Fit" size="s" disabled={z.scale <= 1} onClick={() => set(FIT)}>
          <Maximize size={13} />
        </IconButton>
        <IconButton label="Full screen" size="s" onClick={full}>
          <Expand size={13} />
        </IconButton>
        {document.pictureInPictureEnabled && (
          <IconButton label="In a small window" size="s" onClick={small}>
            <PictureInPicture2 size={14} />
          </IconButton>
        )}
        {tools}
      </div>
    </div>
  )
}
