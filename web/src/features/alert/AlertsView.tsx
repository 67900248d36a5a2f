import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { BellOff } from 'lucide-react'
import { useMemo, useState } from 'react'
import { api, useCan, type Alert, type Items } from '@/api'
import { cx } from '@/lib/cx'
import { buttonClass, Empty, EnvChip, ErrorState, GuideLink, Input, Loading, Page, Select, SeverityChip, TabPanel, Tabs } from '@/ui'
import { ALERT_STATES, countWords, firing, matchAlert, order } from './model'
import { AckedBy, AcknowledgeButton, AlertState, IncidentLink, Labels, LastSeen, Lasted, Links } from './parts'
import s from './alert.module.css'

/** Every alert that came in: what fires stands first. */
export default function AlertsView() {
  const [state, setState] = useState('firing')
  const [service, setService] = useState('')
  const [text, setText] = useState('')
  const manage = useCan('manage_alert_sources')
  const { data, error, isPending, refetch } = useQuery({ queryKey: ['alerts', 'all'], queryFn: () => api.get<Items<Alert>>('/alerts'), refetchInterval: 15_000 })
  const all = useMemo(() => data?.items ?? [], [data])
  const services = useMemo(() => [...new Set(all.map((a) => a.service).filter(Boolean))].sort(), [all])
  const list = useMemo(() => all.filter((a) => matchAlert(a, state, service, text)).sort(order), [all, state, service, text])
  const count = (id: string) => all.filter((a) => matchAlert(a, id, service, '')).length
  return (
    <Page
      title="Alerts"
      actions={
        manage && (
          <Link to="/admin/$section" params={{ section: 'alert-sources' }} className={buttonClass('ghost')}>
            Sources and rules
          </Link>
        )
      }
    >
      <div className={s.toolbar}>
        <Tabs label="Which alerts" tabs={ALERT_STATES.map((x) => ({ ...x, count: x.id === 'firing' || x.id === 'open' ? count(x.id) : undefined }))} value={state} onChange={setState} />
        <span className="grow" />
        <div className={s.field}>
          <Select aria-label="Service" value={service} onChange={(e) => setService(e.target.value)}>
            <option value="">Every service</option>
            {services.map((x) => (
              <option key={x}>{x}</option>
            ))}
          </Select>
        </div>
        <div className={s.field}>
          <Input type="search" aria-label="Find an alert" placeholder="Name, summary or label=value" value={text} onChange={(e) => setText(e.target.value)} />
        </div>
      </div>
      <TabPanel id={state}>
      {isPending ? (
        <Loading label="Loading alerts" lines={8} />
      ) : error && !data ? (
        <ErrorState error={error} onRetry={() => void refetch()} />
      ) : list.length === 0 ? (
        all.length === 0 ? (
          <Empty icon={<BellOff size={20} />} title="No alert has come in yet" action={<GuideLink to="alertmanager">How alerts come in</GuideLink>}>
            {manage ? 'Add an alert source and give its URL to your Alertmanager.' : 'An administrator connects Alertmanager under Administration, Alert sources.'}
          </Empty>
        ) : (
          <Empty icon={<BellOff size={20} />} title={state === 'firing' && !text && !service ? 'Nothing fires' : 'No alert fits'}>
            {state === 'firing' && !text && !service ? 'What fired before stands under Resolved.' : 'Choose All, or take words away.'}
          </Empty>
        )
      ) : (
        <ul className={s.rows}>
          {list.map((a) => (
            <li key={a.id} className={cx(s.row, firing(a) ? s.fires : s.over)}>
              <div className={s.text}>
                <div className={s.title}>
                  <b>{a.title}</b>
                  <AlertState state={a.state} />
                  <SeverityChip severity={a.severity} />
                  <EnvChip env={a.environment} />
                </div>
                {a.summary && <p>{a.summary}</p>}
                <div className={s.meta}>
                  <b>
                    <Lasted a={a} />
                  </b>
                  {a.count > 1 && <span>{countWords(a.count)}</span>}
                  <LastSeen a={a} />
                  <span>
                    {a.service || 'no service'}, from {a.source}
                  </span>
                  <AckedBy a={a} />
                  {a.incident_id && <IncidentLink id={a.incident_id} />}
                  <Links a={a} />
                </div>
                <Labels a={a} limit={6} />
              </div>
              <AcknowledgeButton a={a} />
            </li>
          ))}
        </ul>
      )}
      </TabPanel>
    </Page>
  )
}
