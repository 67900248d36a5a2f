import { PhoneOutgoing, Plus, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { api, type Gateway, type GatewayDelivery } from '@/api'
import { UserName } from '@/realtime'
import { Button, Checkbox, Chip, ConfirmButton, DataTable, Dialog, Empty, Field, GuideLink, Input, Time, toast } from '@/ui'
import { FormDialog, Head, Secret, useItems, useRefresh } from './parts'
import s from './admin.module.css'

/** The firm's own ways to telephones: a URL that takes signed messages. */
export default function Gateways() {
  const { items, state } = useItems<Gateway>(['gateways'], '/gateways')
  const refresh = useRefresh()
  const [editing, setEditing] = useState<Gateway | 'new' | null>(null)
  const [log, setLog] = useState<Gateway | null>(null)
  const [secret, setSecret] = useState('')
  return (
    <>
      <Head
        title="Gateways"
        action={
          <Button kind="primary" icon={<Plus size={13} />} onClick={() => setEditing('new')}>
            Add a gateway
          </Button>
        }
      >
        A gateway is a URL of yours that takes a page for a telephone: an SMS service, a call centre, a pager. People give their number under Account, How you are reached. <GuideLink to="on-call#gateways">What is sent, and how it is signed</GuideLink>
      </Head>
      {state ?? (
        <div className={s.list}>
          <DataTable
            label="Gateways"
            rows={items}
            rowKey={(g) => g.id}
            empty={<Empty icon={<PhoneOutgoing size={20} />} title="No gateways yet">Without one, a page leaves the browser by email only.</Empty>}
            columns={[
              { key: 'n', head: 'Name', cell: (g) => <b>{g.name}</b> },
              { key: 'u', head: 'URL', fill: true, cell: (g) => <span className={s.tree}>{g.url}</span> },
              { key: 'a', head: 'People give', wide: true, cell: (g) => g.address },
              { key: 's', head: 'State', cell: (g) => <Chip tone={g.enabled ? 'green' : 'mute'}>{g.enabled ? 'On' : 'Off'}</Chip> },
              {
                key: 'do',
                head: <span className="sr">Actions</span>,
                cell: (g) => (
                  <span className={s.actions}>
                    <Button size="s" onClick={() => setLog(g)} aria-label={`Deliveries of ${g.name}`}>
                      Deliveries
                    </Button>
                    <Button size="s" onClick={() => setEditing(g)} aria-label={`Edit ${g.name}`}>
                      Edit
                    </Button>
                    <ConfirmButton
                      size="s"
                      kind="danger"
                      icon={<Trash2 size={12} />}
                      title={`Remove ${g.name}?`}
                      description="Nobody is called by it any more, and the numbers people gave for it are forgotten."
                      confirm="Remove"
                      aria-label={`Remove ${g.name}`}
                      onConfirm={async () => {
                        await api.del('/gateways/' + g.id)
                        await refresh('gateways', 'reach')
                      }}
                    >
                      Remove
                    </ConfirmButton>
                  </span>
                ),
              },
            ]}
          />
        </div>
      )}
      {editing && (
        <GatewayForm
          was={editing === 'new' ? null : editing}
          onClose={() => setEditing(null)}
          onSaved={async (g) => {
            await refresh('gateways', 'reach')
            setEditing(null)
            setSecret(g.secret ?? '')
            if (!g.secret) toast(`${g.name} is saved`)
          }}
        />
      )}
      {secret && (
        <Dialog open onOpenChange={(o) => !o && setSecret('')} title="The gateway’s secret" description="What Muster sends is signed with it. It is shown only now.">
          <Secret text={secret} label="Copy the secret" />
        </Dialog>
      )}
      {log && <Deliveries gateway={log} onClose={() => setLog(null)} />}
    </>
  )
}

function GatewayForm({ was, onClose, onSaved }: { was: Gateway | null; onClose: () => void; onSaved: (g: Gateway & { secret?: string }) => Promise<void> }) {
  const [name, setName] = useState(was?.name ?? '')
  const [url, setUrl] = useState(was?.url ?? '')
  const [address, setAddress] = useState(was?.address ?? 'Mobile number')
  const [secret, setSecret] = useState('')
  const [enabled, setEnabled] = useState(was?.enabled ?? true)
  return (
    <FormDialog
      title={was ? `Edit ${was.name}` : 'Add a gateway'}
      submit={was ? 'Save' : 'Add'}
      valid={!!name.trim() && !!url.trim()}
      onClose={onClose}
      onSave={async () => {
        const body = { name, url, address, enabled, ...(secret && { secret }) }
        await onSaved(was ? await api.patch<Gateway>('/gateways/' + was.id, body) : await api.post<Gateway & { secret?: string }>('/gateways', body))
      }}
    >
      {(fields, tried) => (
        <>
          <Field label="Name" required hint="As people read it, such as SMS" error={(tried && !name.trim() && 'Give it a name.') || fields['name']}>
            <Input value={name} maxLength={40} onChange={(e) => setName(e.target.value)} autoFocus />
          </Field>
          <Field label="URL" required hint="What takes the messages. One inside your network has to be named in outbound.urls.allow." error={(tried && !url.trim() && 'Give the address.') || fields['url']}>
            <Input mono value={url} maxLength={2000} placeholder="https://sms.bank.example/muster" onChange={(e) => setUrl(e.target.value)} />
          </Field>
          <Field label="What people give" hint="Such as Mobile number" error={fields['address']}>
            <Input value={address} maxLength={60} onChange={(e) => setAddress(e.target.value)} />
          </Field>
          <Field label={was ? 'New secret' : 'Secret'} hint={was ? 'Empty: it stays as it is.' : 'At least 16 characters. Empty: one is made and shown once.'} error={fields['secret']}>
            <Input type="password" autoComplete="off" value={secret} maxLength={200} onChange={(e) => setSecret(e.target.value)} />
          </Field>
          <Checkbox label="Switched on" checked={enabled} onChange={(e) => setEnabled(e.target.checked)} />
        </>
      )}
    </FormDialog>
  )
}

function Deliveries({ gateway: g, onClose }: { gateway: Gateway; onClose: () => void }) {
  const { items, state } = useItems<GatewayDelivery>(['gateways', g.id, 'deliveries'], `/gateways/${g.id}/deliveries`)
  return (
    <Dialog open onOpenChange={(o) => !o && onClose()} title={`Deliveries of ${g.name}`} description="Each try and what was answered, newest first." width={760}>
      {state ?? (
        <DataTable
          label={`Deliveries of ${g.name}`}
          rows={items}
          rowKey={(d) => d.notification_id + d.at}
          empty={<Empty title="Nothing was sent yet" />}
          columns={[
            { key: 'at', head: 'When', cell: (d) => <Time at={d.at} mode="seconds" /> },
            { key: 'to', head: 'To', cell: (d) => <UserName id={d.user_id} /> },
            { key: 't', head: 'What', fill: true, cell: (d) => d.title },
            { key: 'o', head: 'Outcome', cell: (d) => <span className={d.sent ? 'c-green' : 'c-red'}>{d.sent ? 'Sent' : d.error}</span> },
            { key: 'a', head: 'Answer', cell: (d) => d.answer || '–' },
          ]}
        />
      )}
    </Dialog>
  )
}
