// Which microphone, camera and loudspeaker, how the microphone is cleaned up, and whether they work.
import { Play, Volume2 } from 'lucide-react'
import { useCallback, useEffect, useRef, useState } from 'react'
import { Button, Checkbox, Dialog, Field, GuideLink, Notice, Select } from '@/ui'
import { useAround, useCallState } from './around'
import { canChooseSpeaker, devices, hearMyself, meter, testSpeaker } from './capture'
import { find, processingFor, type Device, type Kind } from './choice'
import { browserOf, troubleOf, troubleWords } from './model'
import s from './call.module.css'

export default function Settings({ onClose }: { onClose: () => void }) {
  const { session, office } = useAround()
  const choice = useCallState((c) => c.choice)
  const used = useCallState((c) => c.micDevice)
  const there = useDevices()
  const test = useTest(choice.mic)
  const label = (used ?? test.device ?? choice.mic)?.label ?? ''
  const clean = processingFor(choice, label)
  return (
    <Dialog open onOpenChange={onClose} title="Sound and camera" width={480}>
      <div className={s.settings}>
        {test.trouble && (
          <Notice tone="amber" title={test.trouble.title}>
            {test.trouble.text}
          </Notice>
        )}
        <Pick kind="mic" label="Microphone" there={there.mic} chosen={choice.mic} />
        <div className={s.meterRow}>
          <Meter track={test.track} />
          <Button icon={<Play size={13} />} disabled={!test.track || test.now !== ''} onClick={() => void test.hear(choice.speaker?.id ?? '')}>
            {test.now === 'records' ? 'Speak now' : test.now === 'plays' ? 'This is you' : 'Hear yourself'}
          </Button>
        </div>
        <fieldset className={s.clean}>
          <legend>For {label || 'this microphone'}</legend>
          <Checkbox label="Quieten noise" checked={clean.noise} onChange={(e) => session.process({ ...clean, noise: e.target.checked })} />
          <Checkbox label="Cancel echo" hint="Off only with headphones" checked={clean.echo} onChange={(e) => session.process({ ...clean, echo: e.target.checked })} />
          <Checkbox label="Even out how loud you are" checked={clean.gain} onChange={(e) => session.process({ ...clean, gain: e.target.checked })} />
        </fieldset>
        {canChooseSpeaker() && <Pick kind="speaker" label="Loudspeaker" there={there.speaker} chosen={choice.speaker} />}
        <div className={s.meterRow}>
          <Button icon={<Volume2 size={13} />} onClick={() => void testSpeaker(choice.speaker?.id ?? '').catch(() => {})}>
            Play a sound
          </Button>
          <span className="c-3">Two tones: do you hear them?</span>
        </div>
        <Pick kind="camera" label="Camera" there={there.camera} chosen={choice.camera} />
        <Checkbox label="A short sound as my microphone opens or closes" checked={choice.cues} onChange={(e) => session.cue(e.target.checked)} />
        {office && (
          <>
            <Checkbox
              label="Keep voice on when I walk"
              hint="Walking into another room, you join its voice with your microphone as it was. Otherwise voice ends at the door."
              checked={choice.keep}
              onChange={(e) => session.keepOn(e.target.checked)}
            />
            <GuideLink to="voice#when-there-is-no-sound">When there is no sound</GuideLink>
          </>
        )}
      </div>
    </Dialog>
  )
}

function Pick({ kind, label, there, chosen }: { kind: Kind; label: string; there: Device[]; chosen: Device | null }) {
  const { session } = useAround()
  const found = find(chosen, there)
  return (
    <Field label={label} hint={chosen && !found && there.length > 0 ? `${chosen.label} is not connected; the system’s is used.` : undefined}>
      <Select value={found?.id ?? ''} onChange={(e) => session.choose(kind, there.find((d) => d.id === e.target.value) ?? null)}>
        <option value="">As the system has it</option>
        {there.map((d, i) => (
          <option key={d.id} value={d.id}>
            {d.label || `${label} ${i + 1}`}
          </option>
        ))}
      </Select>
    </Field>
  )
}

function useDevices(): Record<Kind, Device[]> {
  const [all, set] = useState<Record<Kind, Device[]>>({ mic: [], camera: [], speaker: [] })
  const mic = useCallState((c) => c.mic)
  useEffect(() => {
    let live = true
    const load = async () => {
      const [m, c, p] = await Promise.all((['mic', 'camera', 'speaker'] as const).map((k) => devices.list(k).catch(() => [])))
      if (live) set({ mic: m!, camera: c!, speaker: p! })
    }
    void load()
    const stop = devices.changed(() => void load())
    // Names are told once something was allowed.
    const t = setTimeout(() => void load(), 800)
    return () => {
      live = false
      stop()
      clearTimeout(t)
    }
  }, [mic])
  return all
}

/** The microphone, opened for the test only, beside the one of the call. */
function useTest(chosen: Device | null) {
  const choice = useCallState((c) => c.choice)
  const clean = processingFor(choice, chosen?.label ?? '')
  const [got, set] = useState<{ track: MediaStreamTrack | null; device: Device | null; error: unknown }>({ track: null, device: null, error: null })
  const [now, tell] = useState<'' | 'records' | 'plays'>('')
  const { noise, echo, gain } = clean
  useEffect(() => {
    let live = true
    let track: MediaStreamTrack | null = null
    devices.mic(chosen, { noise, echo, gain }).then(
      (c) => {
        track = c.track
        if (live) set({ track: c.track, device: c.device, error: null })
        else c.track.stop()
      },
      (error) => live && set({ track: null, device: null, error }),
    )
    return () => {
      live = false
      track?.stop()
    }
  }, [chosen, noise, echo, gain])
  const { track } = got
  const hear = useCallback(async (speaker: string) => track && hearMyself(track, speaker, tell).catch(() => tell('')), [track])
  const trouble = got.error ? troubleWords('microphone', troubleOf(got.error), browserOf(navigator.userAgent)) : null
  return { ...got, now, hear, trouble }
}

/** How loud it is, drawn without rendering: thirty times a second is too often for that. */
function Meter({ track }: { track: MediaStreamTrack | null }) {
  const bar = useRef<HTMLElement>(null)
  const box = useRef<HTMLSpanElement>(null)
  useEffect(() => {
    if (!track) return
    let said = 0
    return meter(track, (level) => {
      if (bar.current) bar.current.style.transform = `scaleX(${level.toFixed(3)})`
      if (Date.now() - said < 500) return
      said = Date.now()
      box.current?.setAttribute('aria-valuenow', String(Math.round(level * 100)))
    })
  }, [track])
  return (
    <span ref={box} className={s.meter} role="meter" aria-label="How loud you are" aria-valuemin={0} aria-valuemax={100} aria-valuenow={0}>
      <i ref={bar} />
    </span>
  )
}
