// How you are reached: the ways a page takes beyond the browser, in order, and how this app sounds.
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { ArrowDown, ArrowUp, Send, Volume2 } from 'lucide-react'
import { useState } from 'react'
import { api, ApiError, errorText, type Items, type Notification, type Reaching, type ReachChannel } from '@/api'
import { askDesktop, desktopPermission, showDesktop } from '@/lib/desktop'
import { play, type Sound } from '@/lib/sound'
import { Button, Checkbox, ErrorState, GuideLink, IconButton, Input, Loading, Notice, say, Select, toast, toastError } from '@/ui'
import { changed, chosen, delaysWith, missing, moved, outcome, SEVERITIES } from './reach'
import s from './auth.module.css'

export function Reach() {
  const q = useQuery({ queryKey: ['reach'], queryFn: () => api.get<Reaching>('/me/reach') })
  if (q.isPending) return <Loading lines={4} />
  if (q.error) return <ErrorState compact error={q.error} onRetry={() => void q.refetch()} />
  return (
    <div className={s.reach}>
      {/* Begun anew when the server's order changes, as after saving or in another tab. */}
      <Channels key={JSON.stringify(chosen(q.data.channels))} saved={q.data.channels} />
      <Sounds reach={q.data} />
      <Desktop reach={q.data} />
    </div>
  )
}

function useSave() {
  const client = useQueryClient()
  return async (change: object) => {
    client.setQueryData(['reach'], await api.patch<Reaching>('/me/reach', change))
  }
}

function Channels({ saved }: { saved: ReachChannel[] }) {
  const save = useSave()
  const [list, setList] = useState(saved)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const [testing, setTesting] = useState<Record<string, string>>({})
  const told = useQuery({ queryKey: ['notifications'], queryFn: () => api.get<Items<Notification>>('/notifications'), enabled: Object.keys(testing).length > 0 }).data?.items
  const dirty = changed(list, saved)
  const fields = error instanceof ApiError ? error.fields : {}
  const change = (at: number, over: Partial<ReachChannel>) => setList(list.with(at, { ...list[at]!, ...over }))
  const submit = async () => {
    setBusy(true)
    setError(null)
    try {
      await save({ channels: chosen(list) })
      toast('Pages reach you this way from now on')
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  }
  const test = async (c: ReachChannel) => {
    try {
      const n = await api.post<Notification>('/me/reach/test', { channel: c.channel })
      setTesting((t) => ({ ...t, [c.channel]: n.id }))
    } catch (e) {
      toastError('The test was not sent', e)
    }
  }
  return (
    <div>
      <p className="c-2">
        The app itself is always told. Beyond it a page takes these ways, in this order; one that fails hands over to the next at once. <GuideLink to="on-call#how-a-page-reaches-you">How a page reaches you</GuideLink>
      </p>
      <ol className={s.channels}>
        {list.map((c, at) => {
          const result = outcome(told?.find((n) => n.id === testing[c.channel])?.channels.find((d) => d.channel === c.channel))
          const bad = missing(c) || fields[`channels[${at}].address`] || fields[`channels[${at}].delay_s`]
          return (
            <li key={c.channel}>
              <div className={s.channelHead}>
                <Checkbox label={c.name} checked={c.used} onChange={(e) => change(at, { used: e.target.checked })} />
                <span className="grow" />
                <IconButton size="s" label={`Take ${c.name} up`} disabled={at === 0} onClick={() => setList(moved(list, at, -1))}>
                  <ArrowUp size={13} />
                </IconButton>
                <IconButton size="s" label={`Take ${c.name} down`} disabled={at === list.length - 1} onClick={() => setList(moved(list, at, 1))}>
                  <ArrowDown size={13} />
                </IconButton>
              </div>
              <div className={s.channelRow}>
                {c.channel === 'email' ? (
                  <span className="c-2">{c.address || 'No address is stored for you. An administrator sets it.'}</span>
                ) : (
                  <Input aria-label={`${c.name}: ${c.address_name}`} placeholder={c.address_name} value={c.address} maxLength={200} aria-invalid={!!bad || undefined} onChange={(e) => change(at, { address: e.target.value })} />
                )}
                <Select aria-label={`${c.name}: when`} value={c.delay_s} onChange={(e) => change(at, { delay_s: Number(e.target.value) })}>
                  {delaysWith(c.delay_s).map(([seconds, word]) => (
                    <option key={seconds} value={seconds}>
                      {word}
                    </option>
                  ))}
                </Select>
                <Select aria-label={`${c.name}: for which pages`} value={c.severity} onChange={(e) => change(at, { severity: Number(e.target.value) })}>
                  {SEVERITIES.map(([n, word]) => (
                    <option key={n} value={n}>
                      {word}
                    </option>
                  ))}
                </Select>
                <Button size="s" icon={<Send size={12} />} disabled={!c.works || dirty} title={dirty ? 'Save first' : c.why} onClick={() => void test(c)} aria-label={`Send a test by ${c.name}`}>
                  Test
                </Button>
              </div>
              {bad && <p className="c-red">{bad}</p>}
              {!c.works && c.why && c.why !== bad && <p className="c-3">{c.why}</p>}
              {testing[c.channel] && (
                <p role="status" className={result.tone === 'bad' ? 'c-red' : result.tone === 'good' ? 'c-green' : 'c-3'}>
                  {result.text || 'On its way'}
                </p>
              )}
            </li>
          )
        })}
      </ol>
      {error !== null && !Object.keys(fields).length && <Notice>{errorText(error)}</Notice>}
      <div>
        <Button kind="primary" busy={busy} disabled={!dirty || list.some((c) => missing(c))} onClick={() => void submit()}>
          Save
        </Button>
      </div>
    </div>
  )
}

function Sounds({ reach }: { reach: Reaching }) {
  return (
    <div className={s.sounds}>
      <Volume name="alarm" sound="alarm" label="Alarm of a page" hint="Every 30 seconds until it is acknowledged, in one tab, also while you do not want to be disturbed." value={reach.alarm} />
      <Volume name="chime" sound="get" label="Get, knock, mention, guest at the door" hint="Once, and silent while you do not want to be disturbed." value={reach.chime} />
    </div>
  )
}

function Volume({ name, sound, label, hint, value }: { name: 'alarm' | 'chime'; sound: Sound; label: string; hint: string; value: number }) {
  const save = useSave()
  const [now, setNow] = useState(value)
  const id = `volume-${name}`
  const commit = (v: number) => {
    if (v !== value) void save({ [name]: v }).catch((e) => toastError('The volume was not saved', e))
  }
  return (
    <div className={s.volume}>
      <label htmlFor={id}>
        {label}
        <small>{hint}</small>
      </label>
      <input id={id} type="range" min={0} max={100} step={5} value={now} onChange={(e) => setNow(Number(e.target.value))} onPointerUp={() => commit(now)} onKeyUp={() => commit(now)} onBlur={() => commit(now)} aria-valuetext={now ? `${now} percent` : 'off'} />
      <output htmlFor={id}>{now ? `${now} %` : 'Off'}</output>
      <Button size="s" icon={<Volume2 size={13} />} disabled={!now} onClick={() => void play(sound, now)} aria-label={`Hear: ${label}`}>
        Hear
      </Button>
    </div>
  )
}

function Desktop({ reach }: { reach: Reaching }) {
  const save = useSave()
  const [permission, setPermission] = useState(desktopPermission)
  const on = reach.desktop && permission === 'granted'
  const turn = async (want: boolean) => {
    try {
      if (want) {
        const p = await askDesktop()
        setPermission(p)
        if (p !== 'granted') {
          say('This browser does not show notifications of Muster', { urgent: true })
          return
        }
      }
      await save({ desktop: want })
      if (want) showDesktop('Muster shows pages here', { tag: 'test', body: 'So does a Get, a knock and a mention while you look elsewhere.' })
    } catch (e) {
      toastError('This was not saved', e)
    }
  }
  return (
    <div>
      <Checkbox label="Desktop notifications" hint="Also while this tab is in the background or minimised." checked={on} disabled={permission === 'none' || permission === 'denied'} onChange={(e) => void turn(e.target.checked)} />
      {permission === 'denied' && <p className="c-3">This browser was told not to show notifications of Muster. Allow them in the browser’s settings for this site.</p>}
      {permission === 'none' && <p className="c-3">This browser cannot show notifications here. They need HTTPS.</p>}
    </div>
  )
}
