import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { BellOff } from 'lucide-react'
import { useDeferredValue, useMemo, useState } from 'react'
import { api, useCan, type Items, type Service } from '@/api'
import { cx } from '@/lib/cx'
import { Button, buttonClass, Empty, EnvChip, ErrorState, GuideLink, Input, Loading, Page, Select, SeverityChip, TabPanel, Tabs } from '@/ui'
import { ALERT_STATES, countOf, countWords, firing, listQuery, query, type AlertCounts, type AlertPage } from './model'
import { AckedBy, AcknowledgeButton, AlertState, EndedBy, IncidentLink, Labels, LastSeen, Lasted, Links, ResolveButton, SeveralAlerts } from './parts'
import s from './alert.module.css'

/** Every alert that came in: what fires stands first. */
export default function AlertsView() {
  const [state, setState] = useState('firing')
  const [service, setService] = useState('')
  const [text, setText] = useState('')
  const [chosen, setChosen] = useState<Set<string>>(new Set())
  const words = useDeferredValue(text)
  const manage = useCan('manage_alert_sources')
  const filter = { service, q: words.trim() }
  // The server filters, sorts and counts: what is not on this page is counted all the same.
  const { data, error, isPending, refetch, fetchNextPage, hasNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ['alerts', 'all', state, filter],
    queryFn: ({ pageParam }) => api.get<AlertPage>(`/alerts${query({ ...listQuery(state), ...filter, cursor: pageParam, limit: '100' })}`),
    initialPageParam: '',
    getNextPageParam: (last) => last.next_cursor || undefined,
    refetchInterval: 15_000,
  })
  const { data: counts } = useQuery({ queryKey: ['alerts', 'counts', filter], queryFn: () => api.get<AlertCounts>(`/alert-counts${query(filter)}`), refetchInterval: 15_000 })
  const { data: known } = useQuery({ queryKey: ['services'], queryFn: () => api.get<Items<Service>>('/services') })
  const list = useMemo(() => data?.pages.flatMap((p) => p.items) ?? [], [data])
  const services = useMemo(() => [...new Set([...(known?.items ?? []).map((x) => x.name), ...list.map((a) => a.service)].filter(Boolean))].sort(), [known, list])
  const picked = list.filter((a) => chosen.has(a.id) && firing(a))
  const none = counts && counts.open + counts.acknowledged + counts.resolved === 0
  const choose = (ids: string[], on: boolean) =>
    setChosen((was) => {
      const next = new Set(was)
      for (const id of ids) if (on) next.add(id); else next.delete(id)
      return next
    })
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
        <Tabs label="Which alerts" tabs={ALERT_STATES.map((x) => ({ ...x, count: counts && countOf(counts, x.id) }))} value={state} onChange={setState} />
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
        none && !text && !service ? (
          <Empty icon={<BellOff size={20} />} title="No alert has come in yet" action={<GuideLink to="alertmanager">How alerts come in</GuideLink>}>
            {manage ? 'Add an alert source and give its URL to your Alertmanager.' : 'An administrator connects Alertmanager under Administration, Alert sources.'}
          </Empty>
        ) : (
          <Empty icon={<BellOff size={20} />} title={state === 'firing' && !text && !service ? 'Nothing fires' : 'No alert fits'}>
            {state === 'firing' && !text && !service ? 'What fired before stands under Resolved.' : 'Choose All, or take words away.'}
          </Empty>
        )
      ) : (
        <>
        <SeveralAlerts picked={picked} all={list.filter((a) => firing(a) && a.abilities?.['resolve'])} choose={choose} />
        <ul className={s.rows} data-list>
          {list.map((a) => (
            <li key={a.id} className={cx(s.row, firing(a) ? s.fires : s.over)}>
              <div className={s.text}>
                <div className={s.title}>
                  {firing(a) && a.abilities?.['resolve'] && <input type="checkbox" aria-label={`Choose ${a.title}`} checked={chosen.has(a.id)} onChange={(e) => choose([a.id], e.target.checked)} />}
                  <b>{a.title}</b>
                  <AlertState state={a.state} />
                  <SeverityChip severity={a.severity} />
                  <EnvChip env={a.environment} production={a.production} />
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
                  <EndedBy a={a} />
                  {a.incident_id && <IncidentLink id={a.incident_id} />}
                  <Links a={a} />
                </div>
                <Labels a={a} limit={6} />
              </div>
              <div className={s.acts}>
                <AcknowledgeButton a={a} />
                <ResolveButton a={a} />
              </div>
            </li>
          ))}
        </ul>
        {hasNextPage && (
          <div className={s.more}>
            <Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
              Show more alerts
            </Button>
          </div>
        )}
        </>
      )}
      </TabPanel>
    </Page>
  )
}
