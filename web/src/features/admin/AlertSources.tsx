import { Plus, RotateCw, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { api, type AlertSource, type Service } from '@/api'
import { Box, Button, ConfirmButton, CopyButton, Dialog, DialogActions, Empty, Field, GuideLink, Input, Select, Time } from '@/ui'
import { alertmanagerConfig, slugProblem } from './model'
import { FormDialog, Head, Secret, useItems, useRefresh } from './parts'
import s from './admin.module.css'

/** Where alerts come in. The URL holds the secret, so it is shown once. */
export default function AlertSources() {
  const { items, state } = useItems<AlertSource>(['alert-sources'], '/alert-sources')
  const services = useItems<Service>(['services'], '/services')
  const refresh = useRefresh()
  const [adding, setAdding] = useState(false)
  const [shown, setShown] = useState<{ name: string; url: string } | null>(null)
  return (
    <>
      <Head
        title="Alert sources"
        action={
          <Button kind="primary" icon={<Plus size={13} />} onClick={() => setAdding(true)}>
            Add a source
          </Button>
        }
      >
        Each source has an address of its own that Prometheus Alertmanager posts to. Who has the address can send alerts: make a new one when it has leaked.
      </Head>
      {state ??
        (items.length === 0 ? (
          <div className={s.list}>
            <Empty title="No alert sources yet" action={<GuideLink to="alertmanager#connect-it">How to connect Alertmanager</GuideLink>}>Add one and put its URL into alertmanager.yml.</Empty>
          </div>
        ) : (
          <ul className={s.list}>
            {items.map((x) => (
              <li key={x.id} className={s.item}>
                <div className={s.cardHead}>
                  <b>{x.name}</b>
                  <span className="c-3">Alertmanager{x.service ? `, for ${x.service}` : ''}</span>
                  <span className="grow" />
                  <ConfirmButton
                    size="s"
                    icon={<RotateCw size={12} />}
                    title={`A new URL for ${x.name}?`}
                    description="The old one stops working at once. Alerts are lost until Alertmanager has the new one."
                    confirm="Make a new URL"
                    onConfirm={async () => {
                      const { url } = await api.post<{ url: string }>(`/alert-sources/${x.id}/rotate`)
                      setShown({ name: x.name, url })
                    }}
                  >
                    New URL
                  </ConfirmButton>
                  <ConfirmButton
                    size="s"
                    kind="danger"
                    icon={<Trash2 size={12} />}
                    title={`Remove ${x.name}?`}
                    description="Its URL stops working. Alerts it sent stay."
                    confirm="Remove"
                    onConfirm={async () => {
                      await api.del(`/alert-sources/${x.id}`)
                      await refresh('alert-sources')
                    }}
                  >
                    Remove
                  </ConfirmButton>
                </div>
                <div className={s.itemSub}>
                  <span>{x.last_delivery_at ? <>Last alert <Time at={x.last_delivery_at} mode="ago" /></> : 'Nothing has come in yet'}</span>
                  <span>Over after {hours(x.stale_after_seconds)} without a word</span>
                  {x.left_out > 0 && <span className={s.bad}>{x.left_out === 1 ? '1 alert' : `${x.left_out} alerts`} could not be read</span>}
                  {x.notice && (
                    <span>
                      {x.notice_at && <Time at={x.notice_at} mode="ago" />}: {x.notice}
                    </span>
                  )}
                  {x.last_error && <span className={s.bad}>Last error: {x.last_error}</span>}
                  <span>
                    Added <Time at={x.created_at} mode="date" />
                  </span>
                </div>
              </li>
            ))}
          </ul>
        ))}
      {adding && (
        <SourceForm
          services={services.items}
          onClose={() => setAdding(false)}
          onSaved={async (name, url) => {
            setAdding(false)
            await refresh('alert-sources')
            setShown({ name, url })
          }}
        />
      )}
      <Dialog open={!!shown} onOpenChange={(o) => !o && setShown(null)} title={shown ? `The URL of ${shown.name}` : ''} width={620}>
        {shown && (
          <div className={s.stack}>
            <p>This URL is shown now and never again. It contains the secret.</p>
            <Secret text={shown.url} label="Copy the URL" />
            <Box title="For alertmanager.yml" actions={<CopyButton text={alertmanagerConfig(shown.url, shown.name)} label="Copy the configuration" />}>
              <pre className={s.doc} tabIndex={0} aria-label="Alertmanager configuration">
                {alertmanagerConfig(shown.url, shown.name)}
              </pre>
            </Box>
            <p>Reload Alertmanager, then send a test alert with amtool. It appears under Alerts.</p>
            <DialogActions>
              <Button kind="primary" onClick={() => setShown(null)}>
                I have kept it
              </Button>
            </DialogActions>
          </div>
        )}
      </Dialog>
    </>
  )
}

const hours = (seconds: number) => `${Math.round(seconds / 360) / 10} h`

function SourceForm({ services, onClose, onSaved }: { services: Service[]; onClose: () => void; onSaved: (name: string, url: string) => Promise<void> }) {
  const [name, setName] = useState('')
  const [service, setService] = useState(services[0]?.name ?? '')
  const [stale, setStale] = useState('24')
  const bad = slugProblem(name, 'source')
  return (
    <FormDialog
      title="Add an alert source"
      submit="Add"
      valid={!bad}
      onClose={onClose}
      onSave={async () => {
        const made = await api.post<{ source: AlertSource; url: string }>('/alert-sources', { kind: 'alertmanager', name, service, stale_after_seconds: Math.round(Number(stale) * 3600) })
        await onSaved(made.source.name, made.url)
      }}
    >
      {(fields, tried) => (
        <>
          <Field label="Name" required hint="Where it sends from, such as alertmanager-eu" error={(tried && bad) || fields['name']}>
            <Input value={name} onChange={(e) => setName(e.target.value)} autoFocus />
          </Field>
          <Field label="Service" hint="Holds when neither a rule nor the alert’s own label names one" error={fields['service']}>
            <Select value={service} onChange={(e) => setService(e.target.value)}>
              <option value="">None: labels and rules decide</option>
              {services.map((x) => (
                <option key={x.id} value={x.name}>
                  {x.name}
                </option>
              ))}
            </Select>
          </Field>
          <Field label="Hours without a word" hint="An alert of which nothing was heard for so long is over. More than Alertmanager’s repeat_interval." error={fields['stale_after_seconds']}>
            <Input type="number" min="0.1" step="any" value={stale} onChange={(e) => setStale(e.target.value)} />
          </Field>
        </>
      )}
    </FormDialog>
  )
}
