import { Ear, Hand, MicOff, ScreenShare, Video } from 'lucide-react'
import { memo, type CSSProperties, type PointerEvent } from 'react'
import { cx } from '@/lib/cx'
import { hash } from '@/lib/ids'
import { CAMERA, HAND, LISTENS, MUTED, SHARES, SPEAKING } from './media'
import type { Placed } from './model'
import { fit } from './plan'
import s from './map.module.css'

// The same quiet shapes the interface draws behind initials, here without an element per layer of markup.
const SHAPES = ['M0 40 40 0v40Z', 'M0 26c12-10 26 8 40-4v18H0Z', 'M40 0v40A40 40 0 0 1 0 0Z', 'M0 0h20v40H0Z', 'M20-2 42 20 20 42-2 20Z', 'M0 0h40v14C26 22 14 6 0 14Z', 'M0 40A40 40 0 0 1 40 0H0Z', 'M0 24h40v16H0Z']

type PersonProps = { w: Placed; /** one of a crowd: without letters */ terse: boolean; /** bits of media.ts */ marks: number; found: boolean; commander: boolean; /** the smallest letters there are, and by how much faces grow, in units of the floor */ least: number; face: number; dragged: { x: number; y: number } | null; onDown: (e: PointerEvent, w: Placed) => void }

export const Person = memo((p: PersonProps) => (p.terse && p.w.user.kind !== 'bot' && !p.marks && !p.commander && !p.dragged ? <OneOfMany {...p} /> : <Portrait {...p} />))
Person.displayName = 'Person'

const says = (w: Placed) => `${w.user.display}${w.user.team ? `, ${w.user.team}` : ''}`

/**
 * A face of a crowd, where it stands: what is moved, clipped or scaled is a layer of its own to the browser, which goes
 * through all of them whenever one of three hundred people takes a step.
 */
function OneOfMany({ w, found, onDown }: PersonProps) {
  const { x, y } = w.seat
  const state = w.presence.state
  const turn = ((hash(w.user.id) % 8) * Math.PI) / 4
  const [dx, dy] = [13 * Math.cos(turn), 13 * Math.sin(turn)]
  return (
    <g className={s.person} style={{ '--hue': w.user.hue } as CSSProperties} onPointerDown={(e) => onDown(e, w)} data-person={w.user.id}>
      <title>{says(w)}</title>
      {found && <circle cx={x} cy={y} r={18} className={s.found2} />}
      <circle cx={x} cy={y} r={13.6} className={cx(s.face, state === 'away' && s.faceAway)} />
      <path className={s.shape} d={`M${x - dx} ${y - dy}A13 13 0 0 1 ${x + dx} ${y + dy}Z`} />
      <circle cx={x + 10} cy={y + 9} r={state === 'busy' || state === 'dnd' ? 5.3 : 4.5} className={cx(s.dotMark, state === 'busy' || state === 'dnd' ? s.dotBusy : state === 'away' ? s.dotAway : s.dotOn)} />
      {state === 'dnd' && <path className={s.presenceBar} d={`M${x + 7.5} ${y + 8.1}h5v1.8h-5Z`} />}
    </g>
  )
}

function Portrait({ w, terse, marks, found, commander, least, face, dragged, onDown }: PersonProps) {
  const { x, y } = dragged ?? w.seat
  const state = w.presence.state
  const letters = w.user.initials || w.user.display.slice(0, 2)
  // Seats stand 40 apart: a name that would run into the next one is left to the title, the panel and the list.
  const size = Math.max(10, least)
  const name = w.you || found || size <= 16 ? fit(w.name, size > 12 ? 58 : 70, size) : ''
  const base = w.seat.label === 'above' ? -13 * face - 6 : 13 * face + 3 + size
  const plate = name.length * size * 0.55 + size * 0.8
  return (
    <g className={cx(s.person, dragged && s.dragged)} data-face="" style={{ transform: `translate(${x}px, ${y}px)`, '--hue': w.user.hue } as CSSProperties} onPointerDown={(e) => onDown(e, w)} data-person={w.user.id}>
      <title>{says(w)}</title>
      <g transform={face > 1 ? `scale(${face})` : undefined}>
        {found && <circle r={18} className={s.found2} />}
        {w.you && <circle r={16} className={s.you} />}
        {(marks & SPEAKING) !== 0 && <circle r={17.5} className={s.speaking} />}
        <circle r={14.2} className={s.edge} />
        {w.user.kind === 'bot' ? (
          <path className={s.hex} d="M0-13 11-6.500v13L0 13-11 6.500v-13Z" />
        ) : (
          <g className={state === 'away' ? s.faded : undefined}>
            <svg x={-13} y={-13} width={26} height={26} viewBox="0 0 40 40">
              <g clipPath="url(#plan-face)">
                <rect className={s.ground} width="40" height="40" />
                <path className={s.shape} d={SHAPES[hash(w.user.id) % SHAPES.length]} />
              </g>
              {!terse && (
                <text className={s.initials} x="20" y="20.5" fontSize={letters.length > 1 ? 17 : 20}>
                  {letters.slice(0, 2)}
                </text>
              )}
            </svg>
          </g>
        )}
        <PresenceMark state={state} />
        {commander && <path d="M-14-13l3.500 3.500L-7-14l3.500 4.500L0-13l-1.500 7h-11Z" transform="translate(7 -6)" className={s.roleMark} />}
        <Marks bits={marks} />
      </g>
      {!terse && name && (
        <>
          <rect x={-plate / 2} y={base - size * 0.98} width={plate} height={size * 1.34} rx={size * 0.4} className={cx(s.plate, w.you && s.plateYou)} />
          <text y={base} className={cx(s.name, w.you && s.nameYou)}>
            {name}
          </text>
        </>
      )}
    </g>
  )
}

/** What is on: only one thing at a time fits beside a face, and the rarest says most. */
function Marks({ bits }: { bits: number }) {
  const Icon = bits & HAND ? Hand : bits & SHARES ? ScreenShare : bits & CAMERA ? Video : bits & LISTENS ? Ear : bits & MUTED ? MicOff : null
  if (!Icon) return null
  return (
    <g className={cx(s.mark, (bits & HAND) !== 0 && s.markHand, (bits & (SHARES | CAMERA)) !== 0 && s.markLive)}>
      <circle cx={-10.5} cy={9} r={6.8} />
      <Icon x={-15} y={4.5} size={9} strokeWidth={2.6} />
    </g>
  )
}

function PresenceMark({ state }: { state: Placed['presence']['state'] }) {
  const x = 10
  const y = 9
  if (state === 'away')
    return (
      <g>
        <circle cx={x} cy={y} r={5.5} className={s.presenceEdge} />
        <circle cx={x} cy={y} r={3.5} className={s.presenceAway} />
      </g>
    )
  if (state === 'busy' || state === 'dnd')
    return (
      <g>
        <circle cx={x} cy={y} r={6} className={s.presenceEdge} />
        <circle cx={x} cy={y} r={4.6} className={s.presenceBusy} />
        {state === 'dnd' && <rect x={x - 2.5} y={y - 0.9} width={5} height={1.8} rx={0.9} className={s.presenceBar} />}
      </g>
    )
  return (
    <g>
      <circle cx={x} cy={y} r={5.2} className={s.presenceEdge} />
      <circle cx={x} cy={y} r={3.6} className={s.presenceOn} />
    </g>
  )
}

const ROUND = 2 * Math.PI * 16
/** The bot, sitting in the room it works in, with how far it is. */
export const BotRing = memo(({ x, y, value, failed, runs, least }: { x: number; y: number; value: number; failed: number; runs: number; least: number }) => (
  <g pointerEvents="none">
    <circle cx={x} cy={y} r={16} className={s.ringTrack} />
    <circle cx={x} cy={y} r={16} className={s.ringBar} strokeDasharray={`${(ROUND * Math.max(2, value)) / 100} ${ROUND}`} transform={`rotate(-90 ${x} ${y})`} />
    <svg x={x - 11} y={y - 11} width={22} height={22} viewBox="0 0 40 40">
      <path className={s.hex} d="M20 1.500 35.600 10.500v19L20 38.500 4.400 29.500v-19Z" />
      <path className={s.prompt} d="m14.500 13 7 7-7 7M23.500 27.500h4" />
    </svg>
    <text x={x} y={y + 18 + Math.max(10, least)} className={s.ringText}>
      {value}%{runs > 1 ? ` +${runs - 1}` : ''}
    </text>
    {failed > 0 && (
      <text x={x} y={y + 20 + 2 * Math.max(10, least)} className={cx(s.ringText, s.ringFail)}>
        {failed} failed
      </text>
    )}
  </g>
))
BotRing.displayName = 'BotRing'
