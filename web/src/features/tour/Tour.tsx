// Shows somebody around: a small dialog beside what it speaks of. Nothing is covered or locked; the
// app can be used while it is open. → and ← move, Esc leaves, and it can be gone on with later.
import { Link, useNavigate } from '@tanstack/react-router'
import { ArrowLeft, ArrowRight, ChevronDown, ChevronUp, ListChecks, X } from 'lucide-react'
import { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from 'react'
import { useMe } from '@/api'
import { typing } from '@/lib/hooks'
import { sidebarRooms, useOffice } from '@/realtime'
import { Button, GuideLink, IconButton, toast, useOverlays } from '@/ui'
import { Checklist } from './Checklist'
import { recall, remember } from './memory'
import { steps } from './model'
import s from './tour.module.css'

export default function Tour({ kind, onClose }: { kind: 'walk' | 'list'; onClose: () => void }) {
  return kind === 'list' ? <List onClose={onClose} /> : <Walk onClose={onClose} />
}

function List({ onClose }: { onClose: () => void }) {
  const me = useMe()
  const [folded, setFolded] = useState(false)
  const leave = () => {
    if (recall(me.user.name).state === 'new') remember(me.user.name, { state: 'left', step: 0 })
    onClose()
  }
  return (
    <Panel title="Set up this office" onLeave={leave} className={s.list} fold={{ folded, set: setFolded }}>
      <Checklist
        folded={folded}
        onTour={() => useOverlays.setState({ tour: 'walk' })}
        // On a phone it would cover the very screen it leads to.
        onGo={() => matchMedia('(max-width: 760px)').matches && setFolded(true)}
      />
    </Panel>
  )
}

function Walk({ onClose }: { onClose: () => void }) {
  const me = useMe()
  const navigate = useNavigate()
  const login = me.user.name
  const rooms = useOffice((o) => o.rooms)
  const incidents = useOffice((o) => o.incidents)
  // The room shown stays the same while rooms come and go.
  const [room] = useState(() => sidebarRooms({ rooms, incidents }).find((r) => r.abilities.post !== false) ?? null)
  const all = useMemo(() => steps({ abilities: me.abilities, roles: me.user.roles }, room), [me, room])
  const before = useRef(recall(login))
  const [at, setAt] = useState(-1) // -1 asks whether to begin
  const step = all[at]

  const to = (n: number) => {
    const next = all[n]
    if (!next) return
    remember(login, { state: 'left', step: n })
    setAt(n)
    if (next.to) void navigate({ to: next.to })
  }
  const leave = () => {
    if (before.current.state !== 'done') remember(login, { state: 'left', step: Math.max(at, 0) })
    if (at >= 0) toast('The walk waits for you', { tone: 'info', detail: 'Press ? and choose “Show me around” to go on.' })
    onClose()
  }
  const finish = () => {
    remember(login, { state: 'done', step: 0 })
    onClose()
  }
  const admin = me.abilities.manage_users && me.abilities.manage_rooms

  if (!step) {
    const past = before.current.state === 'left' ? before.current.step : 0
    return (
      <Panel title={past ? 'Go on where you stopped?' : `Welcome to ${me.office.name}`} onLeave={leave} onNext={() => to(past)} stepKey="start">
        <p>{past ? `You were at “${all[past]?.title}”, step ${past + 1} of ${all.length}.` : 'A walk of two minutes through the map, rooms, commands, jobs and approvals. You can leave at any time and go on later.'}</p>
        <div className={s.acts}>
          {past > 0 ? (
            <Button onClick={() => to(0)}>From the beginning</Button>
          ) : (
            <Button onClick={leave}>Not now</Button>
          )}
          {admin && !past && (
            <Button icon={<ListChecks size={13} />} onClick={() => useOverlays.setState({ tour: 'list' })}>
              Set up this office
            </Button>
          )}
          <span className="grow" />
          <Button kind="primary" onClick={() => to(past)}>
            {past ? 'Go on' : 'Show me around'}
          </Button>
        </div>
      </Panel>
    )
  }
  const last = at === all.length - 1
  return (
    <Panel title={step.title} target={step.target} stepKey={step.id} onLeave={leave} onNext={last ? undefined : () => to(at + 1)} onBack={at > 0 ? () => to(at - 1) : undefined}>
      <p>{step.text}</p>
      <p>
        {last ? (
          <Link to="/guide/$page" params={{ page: 'first-incident' }} className={s.more} onClick={finish}>
            Begin with your first incident
          </Link>
        ) : (
          <GuideLink to={step.guide}>More in the guide</GuideLink>
        )}
      </p>
      <div className={s.acts}>
        <span className={s.dots} role="img" aria-label={`Step ${at + 1} of ${all.length}`}>
          {all.map((x, i) => (
            <i key={x.id} data-on={i === at || undefined} />
          ))}
        </span>
        <span className="grow" />
        {at > 0 && (
          <Button size="s" icon={<ArrowLeft size={13} />} onClick={() => to(at - 1)}>
            Back
          </Button>
        )}
        {last ? (
          <Button size="s" kind="primary" onClick={finish}>
            Done
          </Button>
        ) : (
          <Button size="s" kind="primary" onClick={() => to(at + 1)}>
            Next <ArrowRight size={13} aria-hidden="true" />
          </Button>
        )}
      </div>
    </Panel>
  )
}

type PanelProps = {
  title: string
  target?: string
  stepKey?: string
  className?: string
  onLeave: () => void
  onNext?: () => void
  onBack?: () => void
  /** It can be made small, so that one sees what is behind it. */
  fold?: { folded: boolean; set: (folded: boolean) => void }
  children: ReactNode
}
/** The dialog itself, beside its target or below the screen, and a frame around the target. */
function Panel({ title, target, stepKey = '', className, onLeave, onNext, onBack, fold, children }: PanelProps) {
  const box = useRef<HTMLDivElement>(null)
  const ring = useRef<HTMLDivElement>(null)
  const id = useId()
  useBeside(box, ring, target)
  useHeld(box, stepKey)
  const key = (e: KeyboardEvent) => {
    if (e.altKey || e.ctrlKey || e.metaKey || typing(e.nativeEvent)) return
    const act = e.key === 'Escape' ? onLeave : e.key === 'ArrowRight' ? onNext : e.key === 'ArrowLeft' ? onBack : undefined
    if (!act) return
    e.preventDefault()
    e.stopPropagation()
    act()
  }
  return (
    <>
      <div ref={ring} className={s.ring} aria-hidden="true" hidden />
      <div ref={box} className={[s.panel, className].filter(Boolean).join(' ')} role="dialog" aria-labelledby={id} aria-describedby={id + 'x'} tabIndex={-1} onKeyDown={key}>
        <div className={s.head}>
          <h2 id={id}>{title}</h2>
          {fold && (
            <IconButton label={fold.folded ? 'Show the list' : 'Make it small'} size="s" onClick={() => fold.set(!fold.folded)}>
              {fold.folded ? <ChevronUp size={14} /> : <ChevronDown size={14} />}
            </IconButton>
          )}
          <IconButton label="Leave" size="s" onClick={onLeave}>
            <X size={14} />
          </IconButton>
        </div>
        <div id={id + 'x'} className={s.text}>
          {children}
        </div>
      </div>
    </>
  )
}

/** Puts the box beside what it points at, and follows it while screens come and go. */
function useBeside(box: React.RefObject<HTMLDivElement | null>, ring: React.RefObject<HTMLDivElement | null>, target?: string) {
  const place = useCallback(() => {
    const el = box.current
    const frame = ring.current
    if (!el || !frame) return
    const aim = target ? document.querySelector<HTMLElement>(target) : null
    const a = aim?.getBoundingClientRect()
    const seen = !!a && a.width > 0 && a.bottom > 0 && a.top < innerHeight
    frame.hidden = !seen
    el.toggleAttribute('data-free', !seen)
    if (!seen) {
      el.style.left = el.style.top = ''
      return
    }
    const b = el.getBoundingClientRect()
    const gap = 14
    const beside = a.right + gap + b.width < innerWidth && a.width < 320 && a.left < 120
    let x = beside ? a.right + gap : a.left + Math.min(a.width, 640) / 2 - b.width / 2
    let y = beside ? a.top - 12 : a.bottom + gap
    if (!beside && y + b.height > innerHeight - 8) y = a.top - gap - b.height
    x = Math.max(8, Math.min(x, innerWidth - b.width - 8))
    y = Math.max(8, Math.min(y, innerHeight - b.height - 8))
    el.style.left = x + 'px'
    el.style.top = y + 'px'
    Object.assign(frame.style, { left: a.left - 5 + 'px', top: a.top - 5 + 'px', width: a.width + 10 + 'px', height: a.height + 10 + 'px' })
  }, [box, ring, target])
  useLayoutEffect(place)
  useEffect(() => {
    const timer = setInterval(place, 150)
    addEventListener('resize', place)
    return () => {
      clearInterval(timer)
      removeEventListener('resize', place)
    }
  }, [place])
}

/**
 * Takes the focus at each step and keeps it while the step's screen builds itself, which may want it
 * for a field of its own. As soon as the person does something it goes where they say.
 */
function useHeld(box: React.RefObject<HTMLDivElement | null>, step: string) {
  useEffect(() => {
    const back = document.activeElement
    return () => {
      if (back instanceof HTMLElement && back.isConnected) back.focus()
    }
  }, [])
  useEffect(() => {
    box.current?.focus()
    let theirs = false
    const act = () => {
      theirs = true
    }
    const hold = (e: FocusEvent) => {
      if (!theirs && e.target instanceof Node && !box.current?.contains(e.target)) box.current?.focus()
    }
    addEventListener('pointerdown', act, true)
    addEventListener('keydown', act, true)
    document.addEventListener('focusin', hold)
    return () => {
      removeEventListener('pointerdown', act, true)
      removeEventListener('keydown', act, true)
      document.removeEventListener('focusin', hold)
    }
  }, [box, step])
}
