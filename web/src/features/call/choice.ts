// Which devices somebody speaks, hears and is seen with, remembered in this browser: by device, for what
// suits a headset does not suit the microphone of a laptop.
import { store, stored } from '@/lib/hooks'

export type Processing = { noise: boolean; echo: boolean; gain: boolean }
export const CLEAR: Processing = { noise: true, echo: true, gain: true }
export type Kind = 'mic' | 'camera' | 'speaker'
/** A device by id and by name: the id may change, the name stays. */
export type Device = { id: string; label: string }
export type Choice = {
  mic: Device | null
  camera: Device | null
  speaker: Device | null
  /** By the label of the microphone. */
  processing: Record<string, Processing>
  /** Voice goes with me from room to room. */
  keep: boolean
  /** A short sound as my own microphone opens or closes. */
  cues: boolean
}
export const noChoice: Choice = { mic: null, camera: null, speaker: null, processing: {}, keep: false, cues: true }

const isDevice = (d: unknown): d is Device => !!d && typeof (d as Device).id === 'string' && typeof (d as Device).label === 'string'
/** What was kept, as far as it can be read. */
export function readChoice(raw: unknown): Choice {
  const o = (raw && typeof raw === 'object' ? raw : {}) as Partial<Record<keyof Choice, unknown>>
  const processing: Record<string, Processing> = {}
  if (o.processing && typeof o.processing === 'object')
    for (const [k, v] of Object.entries(o.processing as Record<string, Partial<Processing>>))
      if (v && typeof v === 'object') processing[k] = { noise: v.noise !== false, echo: v.echo !== false, gain: v.gain !== false }
  return { mic: isDevice(o.mic) ? o.mic : null, camera: isDevice(o.camera) ? o.camera : null, speaker: isDevice(o.speaker) ? o.speaker : null, processing, keep: o.keep === true, cues: o.cues !== false }
}
export const loadChoice = (): Choice => readChoice(stored<unknown>('call', null))
export const saveChoice = (c: Choice) => store('call', c)

/** The device wanted among those there are: by id, else by its name; null when it is not there. */
export function find(wanted: Device | null, there: readonly Device[]): Device | null {
  if (!wanted) return null
  return there.find((d) => d.id === wanted.id) ?? there.find((d) => !!d.label && d.label === wanted.label) ?? null
}
export const processingFor = (c: Choice, label: string): Processing => c.processing[label] ?? CLEAR
export const withProcessing = (c: Choice, label: string, p: Processing): Choice => ({ ...c, processing: { ...c.processing, [label]: p } })

/** What became of the device in use when the list of devices changed. */
export type Change = { kind: 'same' } | { kind: 'back'; to: Device } | { kind: 'gone' }
/** `using` went away, or the one that is preferred came (back). */
export function deviceChange(preferred: Device | null, using: Device | null, there: readonly Device[]): Change {
  const wanted = find(preferred, there)
  if (wanted && using && wanted.label !== using.label) return { kind: 'back', to: wanted }
  if (using && !find(using, there)) return { kind: 'gone' }
  return { kind: 'same' }
}
