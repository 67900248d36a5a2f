import { ArrowDown, ArrowUp, CalendarPlus, Pencil, Plus, Trash2, TriangleAlert, X } from 'lucide-react'
import { useState } from 'react'
import { api, type Rotation, type Service } from '@/api'
import { catchAllState } from '@/lib/catchall'
import { useNow } from '@/lib/hooks'
import { dateTime } from '@/lib/time'
import { UserAvatar, UserName, useOffice, useShifts } from '@/realtime'
import { Box, Button, Checkbox, Chip, ConfirmButton, Empty, EnvChip, Field, FieldRow, GuideLink, IconButton, Input, Notice, Select } from '@/ui'
import { move, overrideProblem, slugProblem } from './model'
import { FormDialog, Head, useItems, useRefresh } from './parts'
import s from './admin.module.css'

/** Services, and who is called for them. */
export default function Services() {
  const services = useItems<Service>(['services'], '/services')
  const rotations = useItems<Rotation>(['rotations'], '/rotations')
  const refresh = useRefresh()
  const [service, setService] = useState<Service | 'new' | null>(null)
  const [rotation, setRotation] = useState<Rotation | 'new' | null>(null)
  const [override, setOverride] = useState<Rotation | null>(null)
  const oncall = useOffice((x) => x.oncall)
  return (
    <>
      <Head
        title="Services"
        action={
          <Button kind="primary" icon={<Plus size={13} />} onClick={() => setService('new')}>
            Add a service
          </Button>
        }
      >
        Alerts and incidents are about a service. Its rotation says who is called.
      </Head>
      {services.state ??
        (services.items.length === 0 ? (
          <div className={s.list}>
            <Empty title="No services yet" action={<GuideLink to="on-call">About services and rotations</GuideLink>}>Add what your customers depend on, such as payments-api.</Empty>
          </div>
        ) : (
          <ul className={s.list}>
            {services.items.map((x) => {
              const on = oncall.find((o) => o.service === x.name)
              const rot = rotations.items.find((r) => r.id === x.rotation_id)
              return (
                <li key={x.id} className={s.item}>
                  <div className={s.cardHead}>
                    <b>{x.name}</b>
                    <span className="c-3">{x.title}</span>
                    {x.environments.map((e) => (
                      <EnvChip key={e} env={e} production={x.production_environments.includes(e)} />
                    ))}
                    <span className="grow" />
                    <Button size="s" icon={<Pencil size={12} />} aria-label={`Edit ${x.name}`} disabled={x.abilities?.manage === false} onClick={() => setService(x)}>
                      Edit
                    </Button>
                    <ConfirmButton
                      size="s"
                      icon={<Trash2 size={12} />}
                      disabled={x.abilities?.manage === false}
                      title={`Remove ${x.name}?`}
                      description="Its incidents and alerts stay. Alerts that still name it page the catch-all rotation."
                      confirm="Remove"
                      confirmKind="danger"
                      label={`Remove the service ${x.name}`}
                      onConfirm={async () => {
                        await api.del(`/services/${x.id}`)
                        await refresh('services', 'oncall')
                      }}
                    >
                      Remove
                    </ConfirmButton>
                  </div>
                  <div className={s.itemSub}>
                    <span>{rot ? `Rotation ${rot.name}` : <span className={s.bad}>No rotation</span>}</span>
                    {on && (
                      <span>
                        {on.catch_all ? 'The catch-all is called' : 'On call'}: <UserName id={on.user_id} link /> until {dateTime(on.until)}
                      </span>
                    )}
                    <span>Alerts gather for {Math.round(x.gather_after_seconds / 360) / 10} h</span>
                    {x.runbook_url && <span>{x.runbook_url}</span>}
                  </div>
                  <Warnings of={x.name} list={x.warnings} />
                </li>
              )
            })}
          </ul>
        ))}
      <Head
        title="Rotations"
        action={
          <Button icon={<Plus size={13} />} onClick={() => setRotation('new')}>
            Add a rotation
          </Button>
        }
      />
      {!rotations.state && catchAllState(rotations.items) !== 'manned' && (
        <Notice tone="amber" title={catchAllState(rotations.items) === 'none' ? 'No rotation is the catch-all' : 'Nobody in the catch-all can be paged'}>
          An alert of no known service, or of one that nobody is on call for, pages the administrators.{' '}
          {rotations.items.length === 0 ? 'Add a rotation, and make it the catch-all.' : catchAllState(rotations.items) === 'none' ? 'Edit a rotation to make it the catch-all.' : 'Put somebody else into it.'}
        </Notice>
      )}
      {rotations.state ??
        (rotations.items.length === 0 ? (
          <div className={s.list}>
            <Empty title="No rotations yet" action={<GuideLink to="on-call">About services and rotations</GuideLink>}>A rotation is an order of people and how long each is on call.</Empty>
          </div>
        ) : (
          rotations.items.map((r) => <RotationCard key={r.id} r={r} onEdit={() => setRotation(r)} onOverride={() => setOverride(r)} onChanged={() => refresh('rotations', 'oncall')} />)
        ))}
      {service && <ServiceForm service={service === 'new' ? undefined : service} rotations={rotations.items} onClose={() => setService(null)} onSaved={() => refresh('services', 'oncall')} />}
      {rotation && <RotationForm rotation={rotation === 'new' ? undefined : rotation} onClose={() => setRotation(null)} onSaved={() => refresh('rotations', 'oncall')} />}
      {override && <OverrideForm rotation={override} onClose={() => setOverride(null)} onSaved={() => refresh('rotations', 'oncall')} />}
    </>
  )
}

/** Who would not hear a page, in the server's words. */
function Warnings({ of, list = [] }: { of: string; list?: Rotation['warnings'] }) {
  if (list.length === 0) return null
  return (
    <ul className={s.warnings} aria-label={`What is wrong with pages of ${of}`}>
      {list.map((w) => (
        <li key={w.kind + (w.user_id ?? '')}>
          <TriangleAlert size={12} aria-hidden="true" />
          <span>{w.text}</span>
        </li>
      ))}
    </ul>
  )
}

function RotationCard({ r, onEdit, onOverride, onChanged }: { r: Rotation; onEdit: () => void; onOverride: () => void; onChanged: () => Promise<unknown> }) {
  const now = useNow('minute')
  const next = useShifts(r.id).slice(0, 5)
  const open = r.overrides.filter((o) => Date.parse(o.until) > now)
  return (
    <Box
      title={r.name}
      actions={
        <>
          <Button size="s" icon={<CalendarPlus size={12} />} onClick={onOverride}>
            Override
          </Button>
          <Button size="s" icon={<Pencil size={12} />} aria-label={`Edit the rotation ${r.name}`} onClick={onEdit}>
            Edit
          </Button>
          <ConfirmButton
            size="s"
            icon={<Trash2 size={12} />}
            title={`Remove ${r.name}?`}
            description="Its overrides go with it. A rotation that a service still needs cannot be removed."
            confirm="Remove"
            confirmKind="danger"
            label={`Remove the rotation ${r.name}`}
            onConfirm={async () => {
              await api.del(`/rotations/${r.id}`)
              await onChanged()
            }}
          >
            Remove
          </ConfirmButton>
        </>
      }
    >
      <p className={s.shiftsHead}>
        <span>
          {r.members.length} {r.members.length === 1 ? 'person' : 'people'}, {r.shift_hours % 24 === 0 ? `${r.shift_hours / 24} ${r.shift_hours === 24 ? 'day' : 'days'}` : `${r.shift_hours} hours`} each
        </span>
        <span>{r.time_zone}</span>
        <span>no answer in {Math.round(r.escalate_after_seconds / 60)} min calls the next</span>
        {r.catch_all && <Chip tone="blue">catch-all</Chip>}
      </p>
      <Warnings of={r.name} list={r.warnings} />
      <ol className={s.shifts} aria-label="Next shifts">
        {next.map((x, i) => (
          <li key={x.from}>
            <UserAvatar id={x.user_id} size={20} />
            <span className={i === 0 ? s.now : undefined}>
              <UserName id={x.user_id} /> {i === 0 && <Chip tone="teal">on call now</Chip>} {x.overridden && <Chip tone="blue">override</Chip>}
            </span>
            <span className="tnum">
              {i === 0 ? 'until' : 'from'} {dateTime(i === 0 ? x.until : x.from)}
            </span>
          </li>
        ))}
        {next.length === 0 && <li className={s.bad}>Nobody is on call: add people to it.</li>}
      </ol>
      {open.length > 0 && (
        <>
          <p className={s.shiftsHead}>Overrides that hold or are to come</p>
          <ol className={s.overrides} aria-label="Overrides">
            {open.map((o) => (
              <li key={o.id}>
                <UserAvatar id={o.user_id} size={20} />
                <span>
                  <UserName id={o.user_id} />
                </span>
                <span className="tnum">
                  {dateTime(o.from)} to {dateTime(o.until)}
                </span>
                <ConfirmButton
                  size="s"
                  title={Date.parse(o.from) > now ? 'Take back this override?' : 'End this override now?'}
                  description={Date.parse(o.from) > now ? 'It does not come. The rotation goes on as it is.' : 'Whoever has the turn is on call again at once.'}
                  confirm={Date.parse(o.from) > now ? 'Take back' : 'End it'}
                  onConfirm={async () => {
                    await api.del(`/rotations/${r.id}/overrides/${o.id}`)
                    await onChanged()
                  }}
                >
                  {Date.parse(o.from) > now ? 'Take back' : 'End now'}
                </ConfirmButton>
              </li>
            ))}
          </ol>
        </>
      )}
    </Box>
  )
}

function ServiceForm({ service, rotations, onClose, onSaved }: { service?: Service; rotations: Rotation[]; onClose: () => void; onSaved: () => Promise<unknown> }) {
  const [name, setName] = useState(service?.name ?? '')
  const [title, setTitle] = useState(service?.title ?? '')
  const [envs, setEnvs] = useState((service?.environments ?? ['dev', 'qa', 'prod']).join(', '))
  const [rotation, setRotation] = useState(service?.rotation_id ?? rotations[0]?.id ?? '')
  const [gather, setGather] = useState(String((service?.gather_after_seconds ?? 7200) / 3600))
  const [runbook, setRunbook] = useState(service?.runbook_url ?? '')
  const [minutes, setMinutes] = useState(String(Math.round((service?.ack_timeout_seconds ?? 1800) / 60)))
  const bad = slugProblem(name, 'service')
  const badMinutes = /^\d+$/.test(minutes) ? '' : 'A number of minutes, or 0.'
  const badUrl = runbook && !/^https?:\/\/\S+$/.test(runbook) ? 'A link begins with https:// or http://.' : ''
  return (
    <FormDialog
      title={service ? `Edit ${service.name}` : 'Add a service'}
      submit={service ? 'Save' : 'Add'}
      valid={!bad && !badUrl && !badMinutes}
      onClose={onClose}
      onSave={async () => {
        const body = { name, title: title.trim(), environments: envs.split(',').map((x) => x.trim()).filter(Boolean), rotation_id: rotation, runbook_url: runbook, ack_timeout_seconds: Number(minutes) * 60, gather_after_seconds: Math.round(Number(gather) * 3600) }
        await (service ? api.patch(`/services/${service.id}`, body) : api.post('/services', body))
        await onSaved()
        onClose()
      }}
    >
      {(fields, tried) => (
        <>
          <FieldRow>
            <Field label="Name" required error={(tried && bad) || fields['name']}>
              <Input value={name} placeholder="payments-api" onChange={(e) => setName(e.target.value)} autoFocus />
            </Field>
            <Field label="Title" error={fields['title']}>
              <Input value={title} placeholder="Payments API" onChange={(e) => setTitle(e.target.value)} />
            </Field>
          </FieldRow>
          <Field label="Environments" hint="Separated by commas" error={fields['environments']}>
            <Input value={envs} onChange={(e) => setEnvs(e.target.value)} />
          </Field>
          <Field label="Rotation" hint="Who is called for it" error={fields['rotation_id']}>
            <Select value={rotation} onChange={(e) => setRotation(e.target.value)}>
              <option value="">None: the catch-all is called</option>
              {rotations.map((r) => (
                <option key={r.id} value={r.id}>
                  {r.name}
                </option>
              ))}
            </Select>
          </Field>
          <Field label="Minutes an acknowledgement holds" hint="A SEV-1 or SEV-2 that nobody touches for so long is paged again; 0: never" error={(tried && badMinutes) || fields['ack_timeout_seconds']}>
            <Input inputMode="numeric" value={minutes} onChange={(e) => setMinutes(e.target.value.trim())} />
          </Field>
          <Field label="Hours in which alerts gather" hint="So long after its newest alert an open incident takes others of the service and environment in. Later ones declare another." error={fields['gather_after_seconds']}>
            <Input type="number" min="0.02" step="any" value={gather} onChange={(e) => setGather(e.target.value)} />
          </Field>
          <Field label="Runbook" error={(tried && badUrl) || fields['runbook_url']}>
            <Input type="url" value={runbook} placeholder="https://" onChange={(e) => setRunbook(e.target.value.trim())} />
          </Field>
        </>
      )}
    </FormDialog>
  )
}

function RotationForm({ rotation, onClose, onSaved }: { rotation?: Rotation; onClose: () => void; onSaved: () => Promise<unknown> }) {
  const users = useOffice((x) => x.users)
  const [name, setName] = useState(rotation?.name ?? '')
  const [members, setMembers] = useState<string[]>(rotation?.members ?? [])
  const [hours, setHours] = useState(String(rotation?.shift_hours ?? 168))
  const [zone, setZone] = useState(rotation?.time_zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone)
  const [minutes, setMinutes] = useState(String(Math.round((rotation?.escalate_after_seconds ?? 300) / 60)))
  const [catchAll, setCatchAll] = useState(rotation?.catch_all ?? false)
  const bad = { name: slugProblem(name, 'rotation'), hours: Number(hours) > 0 ? '' : 'A number of hours.', minutes: Number(minutes) > 0 ? '' : 'A number of minutes.' }
  const free = Object.values(users).filter((u) => u.kind === 'person' && !u.disabled && !members.includes(u.id)).sort((a, b) => a.display.localeCompare(b.display))
  return (
    <FormDialog
      title={rotation ? `Edit ${rotation.name}` : 'Add a rotation'}
      submit={rotation ? 'Save' : 'Add'}
      valid={!bad.name && !bad.hours && !bad.minutes}
      onClose={onClose}
      onSave={async () => {
        const body = { name, members, shift_hours: Number(hours), time_zone: zone, escalate_after_seconds: Math.round(Number(minutes) * 60), catch_all: catchAll, ...(rotation ? {} : { starts_at: new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000).toISOString() }) }
        await (rotation ? api.patch(`/rotations/${rotation.id}`, body) : api.post('/rotations', body))
        await onSaved()
        onClose()
      }}
    >
      {(fields, tried) => (
        <>
          <Field label="Name" required error={(tried && bad.name) || fields['name']}>
            <Input value={name} placeholder="payments-primary" onChange={(e) => setName(e.target.value)} autoFocus />
          </Field>
          <div className={s.stack}>
            <b className="c-2">In this order</b>
            <ol className={s.order}>
              {members.map((id, i) => (
                <li key={id}>
                  <UserAvatar id={id} size={20} />
                  <span>
                    <UserName id={id} />
                  </span>
                  <IconButton size="s" label="Earlier" disabled={i === 0} onClick={() => setMembers(move(members, i, i - 1))}>
                    <ArrowUp size={13} />
                  </IconButton>
                  <IconButton size="s" label="Later" disabled={i === members.length - 1} onClick={() => setMembers(move(members, i, i + 1))}>
                    <ArrowDown size={13} />
                  </IconButton>
                  <IconButton size="s" label="Remove" onClick={() => setMembers(members.filter((m) => m !== id))}>
                    <X size={13} />
                  </IconButton>
                </li>
              ))}
            </ol>
            <Field label="Add somebody" error={fields['members']}>
              <Select value="" onChange={(e) => e.target.value && setMembers([...members, e.target.value])}>
                <option value="">Choose</option>
                {free.map((u) => (
                  <option key={u.id} value={u.id}>
                    {u.display}, {u.team || u.title}
                  </option>
                ))}
              </Select>
            </Field>
          </div>
          <FieldRow>
            <Field label="Hours per shift" hint="168 is a week" error={(tried && bad.hours) || fields['shift_hours']}>
              <Input inputMode="numeric" value={hours} onChange={(e) => setHours(e.target.value.trim())} />
            </Field>
            <Field label="Minutes until the next is called" error={(tried && bad.minutes) || fields['escalate_after_seconds']}>
              <Input inputMode="numeric" value={minutes} onChange={(e) => setMinutes(e.target.value.trim())} />
            </Field>
          </FieldRow>
          <Field label="Time zone" error={fields['time_zone']}>
            <Input value={zone} onChange={(e) => setZone(e.target.value.trim())} />
          </Field>
          <Checkbox label="The catch-all" hint="It is paged where nobody else is on call; it takes the place of the catch-all before" checked={catchAll} onChange={(e) => setCatchAll(e.target.checked)} />
        </>
      )}
    </FormDialog>
  )
}

function OverrideForm({ rotation, onClose, onSaved }: { rotation: Rotation; onClose: () => void; onSaved: () => Promise<unknown> }) {
  const users = useOffice((x) => x.users)
  const [user, setUser] = useState(rotation.members[0] ?? '')
  const [from, setFrom] = useState('')
  const [until, setUntil] = useState('')
  const bad = overrideProblem(from, until)
  return (
    <FormDialog
      title={`Override ${rotation.name}`}
      description="Somebody else is on call for a while; the rotation itself stays as it is."
      submit="Set"
      valid={!bad && user !== ''}
      onClose={onClose}
      onSave={async () => {
        await api.post(`/rotations/${rotation.id}/overrides`, { user_id: user, from: new Date(from).toISOString(), until: new Date(until).toISOString() })
        await onSaved()
        onClose()
      }}
    >
      {(fields, tried) => (
        <>
          <Field label="Who" required error={fields['user_id']}>
            <Select value={user} onChange={(e) => setUser(e.target.value)}>
              {Object.values(users)
                .filter((u) => u.kind === 'person' && !u.disabled)
                .sort((a, b) => a.display.localeCompare(b.display))
                .map((u) => (
                  <option key={u.id} value={u.id}>
                    {u.display}
                  </option>
                ))}
            </Select>
          </Field>
          <FieldRow>
            <Field label="From" required error={fields['from']}>
              <Input type="datetime-local" value={from} onChange={(e) => setFrom(e.target.value)} />
            </Field>
            <Field label="Until" required error={(tried && bad) || fields['until']}>
              <Input type="datetime-local" value={until} onChange={(e) => setUntil(e.target.value)} />
            </Field>
          </FieldRow>
        </>
      )}
    </FormDialog>
  )
}
