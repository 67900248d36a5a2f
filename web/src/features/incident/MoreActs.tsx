import { useNavigate } from '@tanstack/react-router'
import { EllipsisVertical } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { errorText, type Incident } from '@/api'
import { useGroupNames, useIncidents } from '@/realtime'
import { Button, Dialog, DialogActions, Field, Form, GroupInput, IconButton, Menu, MenuItem, Notice, Select, toast } from '@/ui'
import type { Acts } from './live'
import { bySeverity, isOpen } from './model'

/** What is done with an incident seldom: merge it into another, say who may know of it. */
export function MoreActs({ i, acts }: { i: Incident; acts: Acts }) {
  const [dialog, setDialog] = useState<'' | 'merge' | 'restrict'>('')
  return (
    <>
      <Menu
        trigger={
          <IconButton label={`More about ${i.ticket}`}>
            <EllipsisVertical size={14} />
          </IconButton>
        }
      >
        {i.abilities?.merge && <MenuItem onSelect={() => setDialog('merge')}>Merge into another incident</MenuItem>}
        {i.abilities?.restrict && <MenuItem onSelect={() => setDialog('restrict')}>Who may know of it</MenuItem>}
      </Menu>
      {dialog === 'merge' && <MergeDialog tickets={[i]} onClose={() => setDialog('')} merge={(into) => acts.merge(into)} />}
      {dialog === 'restrict' && <RestrictDialog i={i} acts={acts} onClose={() => setDialog('')} />}
    </>
  )
}

/** Chooses the incident that goes on; the others end. */
export function MergeDialog({ tickets, merge, onClose }: { tickets: Incident[]; merge: (into: string) => Promise<unknown>; onClose: () => void }) {
  const navigate = useNavigate()
  const open = useIncidents()
    .filter((x) => isOpen(x) && !tickets.some((t) => t.id === x.id) && tickets.every((t) => t.mode === x.mode && t.restricted === x.restricted))
    .sort(bySeverity)
  const [into, setInto] = useState('')
  const [error, setError] = useState('')
  const [busy, setBusy] = useState(false)
  const names = tickets.map((t) => t.ticket).join(', ')
  const submit = async (e: FormEvent) => {
    e.preventDefault()
    const to = open.find((x) => x.id === into)
    if (!to) return setError('Choose the incident that goes on.')
    setBusy(true)
    try {
      await merge(to.id)
      toast(`${names} went on as ${to.ticket}`)
      onClose()
      void navigate({ to: '/incidents/$id', params: { id: to.ticket } })
    } catch (x) {
      setError(errorText(x))
    } finally {
      setBusy(false)
    }
  }
  return (
    <Dialog open onOpenChange={(o) => !o && onClose()} title={`Merge ${names}`} description="It ends, and another incident takes over its alerts, pages, actions and people. Its room is archived and says where to go." width={460}>
      <Form onSubmit={(e) => void submit(e)}>
        <Field label="Goes on as" required hint={open.length === 0 ? 'No other open incident is of the same kind' : undefined}>
          <Select value={into} onChange={(e) => setInto(e.target.value)} autoFocus>
            <option value="">Choose one</option>
            {open.map((x) => (
              <option key={x.id} value={x.id}>
                {x.ticket} SEV-{x.severity} {x.title}
              </option>
            ))}
          </Select>
        </Field>
        {error && <Notice>{error}</Notice>}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="primary" busy={busy} disabled={open.length === 0}>
            Merge
          </Button>
        </DialogActions>
      </Form>
    </Dialog>
  )
}

function RestrictDialog({ i, acts, onClose }: { i: Incident; acts: Acts; onClose: () => void }) {
  const [groups, setGroups] = useState<string[]>([])
  const known = useGroupNames()
  const [error, setError] = useState('')
  const [busy, setBusy] = useState(false)
  const act = async (patch: Parameters<Acts['update']>[0], said: string) => {
    setBusy(true)
    try {
      await acts.update(patch)
      toast(said)
      onClose()
    } catch (x) {
      setError(errorText(x))
    } finally {
      setBusy(false)
    }
  }
  return (
    <Dialog
      open
      onOpenChange={(o) => !o && onClose()}
      title={`Who may know of ${i.ticket}`}
      description={i.restricted ? 'Only the members of its room. Call somebody in, page them or give them a role, and they become a member.' : 'Everybody who may read incidents. When it is restricted, only the members of its room know of it.'}
      width={460}
    >
      <Form
        onSubmit={(e) => {
          e.preventDefault()
          void act({ restricted: true, groups }, `${i.ticket} is known to its members only`)
        }}
      >
        <Field label="Groups whose people become members" hint="Roles or groups as they are written. Who joins a group later is added by a member.">
          <GroupInput value={groups} onChange={setGroups} known={known} autoFocus />
        </Field>
        {error && <Notice>{error}</Notice>}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          {i.restricted && (
            <Button kind="stop" busy={busy} onClick={() => void act({ restricted: false }, `${i.ticket} is open to everybody who may read incidents`)}>
              Open it to everybody
            </Button>
          )}
          <Button type="submit" kind="primary" busy={busy} disabled={i.restricted && groups.length === 0}>
            {i.restricted ? 'Add them' : 'Restrict it'}
          </Button>
        </DialogActions>
      </Form>
    </Dialog>
  )
}
