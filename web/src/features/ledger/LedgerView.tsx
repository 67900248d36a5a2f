import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Download, FileLock2, Lock, ScrollText, ShieldCheck, X } from 'lucide-react'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { VList } from 'virtua'
import { api, type Incident, type Items, type LedgerRecord, type Room, type RunSummary } from '@/api'
import { usePhone, useSettled } from '@/lib/hooks'
import { useOffice } from '@/realtime'
import { Button, Chip, CopyButton, Dialog, Empty, ErrorState, Facts, Field, GuideLink, IconButton, Input, Loading, Notice, Page, PanelSection, Select, Time } from '@/ui'
import { about, actorWords, doorWords, fieldName, fieldText, isFiltered, KINDS, kindWords, matchRecord, NO_FILTER, outcomeWords, shortHash, span, toCSV, type Filter, verifyCommands } from './model'
import s from './ledger.module.css'

const LIMIT = 200

/** The sealed record as an auditor reads it: in its own order, with what proves it. */
export default function LedgerView() {
  const [filter, setFilter] = useState<Filter>(NO_FILTER)
  const settled = useSettled(filter, 250)
  const phone = usePhone()
  const [newest, setNewest] = useState(true)
  const incident = useIncidentId(settled.incident)
  const query = useInfiniteQuery({
    queryKey: ['ledger', newest, settled.actor, incident.id, settled.from, settled.to],
    queryFn: ({ pageParam }) => api.get<Items<LedgerRecord>>('/ledger', { limit: LIMIT, actor: settled.actor, incident: incident.id, ...span(settled), ...(newest ? { newest: true, before_n: pageParam || undefined } : { after_n: pageParam || undefined }) }),
    initialPageParam: 0,
    getNextPageParam: (last) => (last.items.length < LIMIT ? undefined : last.items[last.items.length - 1]!.n),
    enabled: incident.known,
  })
  const users = useOffice((x) => x.users)
  const people = useMemo(() => Object.values(users).sort((a, b) => a.display.localeCompare(b.display)), [users])
  const pages = query.data?.pages
  const rows = useMemo(() => {
    const shown = (r: LedgerRecord) => Object.values(users).find((u) => u.name === r.actor_name)?.display ?? ''
    return (pages ?? []).flatMap((p) => p.items).filter((r) => matchRecord(r, settled, settled.text ? shown : undefined))
  }, [pages, settled, users])
  const [picked, setPicked] = useState<LedgerRecord | null>(null)
  const [verifying, setVerifying] = useState(false)
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = query
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, fetchNextPage])
  // Kinds are narrowed here: few hits in a page ask for the next one by themselves.
  useEffect(() => {
    if (rows.length < 60) more()
  }, [rows.length, more, query.data])
  const set = (patch: Partial<Filter>) => setFilter((f) => ({ ...f, ...patch }))
  const detail = picked && <Detail r={picked} onClose={phone ? undefined : () => setPicked(null)} />
  return (
    <Page
      flush
      title="Audit ledger"
      subtitle="Everything that was done, sealed in order"
      actions={
        <>
          <Button icon={<Download size={13} />} disabled={rows.length === 0} onClick={() => save('muster-ledger.csv', toCSV(rows), 'text/csv')}>
            Export what is shown
          </Button>
          <Button icon={<ShieldCheck size={13} />} onClick={() => setVerifying(true)}>
            Checkpoint and verify
          </Button>
        </>
      }
    >
      <div className={s.page}>
        <div className={s.tools} role="search" aria-label="Filter the ledger">
          <div className={s.words}>
            <Field label="Words" hideLabel>
              <Input type="search" value={filter.text} placeholder="Search the record" onChange={(e) => set({ text: e.target.value })} />
            </Field>
          </div>
          <Field label="Kind" hideLabel>
            <Select value={filter.kind} onChange={(e) => set({ kind: e.target.value })}>
              {KINDS.map((k) => (
                <option key={k.id} value={k.id}>
                  {k.label}
                </option>
              ))}
            </Select>
          </Field>
          <Field label="Who" hideLabel>
            <Select value={filter.actor} onChange={(e) => set({ actor: e.target.value })}>
              <option value="">Anybody</option>
              {people.map((u) => (
                <option key={u.id} value={u.id}>
                  {u.display}
                </option>
              ))}
            </Select>
          </Field>
          <Field label="Incident" hideLabel error={incident.error}>
            <Input type="search" value={filter.incident} placeholder="INC-2041" onChange={(e) => set({ incident: e.target.value.trim() })} />
          </Field>
          <Field label="Outcome" hideLabel>
            <Select value={filter.outcome} onChange={(e) => set({ outcome: e.target.value })}>
              <option value="">Any outcome</option>
              <option value="done">Done</option>
              <option value="denied">Denied</option>
              <option value="failed">Failed</option>
            </Select>
          </Field>
          <div className={s.days} role="group" aria-label="Days">
            <Field label="From day" hideLabel>
              <Input type="date" value={filter.from} max={filter.to || undefined} onChange={(e) => set({ from: e.target.value })} />
            </Field>
            <span aria-hidden="true">to</span>
            <Field label="To day" hideLabel>
              <Input type="date" value={filter.to} min={filter.from || undefined} onChange={(e) => set({ to: e.target.value })} />
            </Field>
          </div>
          <Field label="Order" hideLabel>
            <Select value={newest ? 'new' : 'old'} onChange={(e) => setNewest(e.target.value === 'new')}>
              <option value="new">Newest first</option>
              <option value="old">As it was written</option>
            </Select>
          </Field>
          {isFiltered(filter) && (
            <Button kind="quiet" onClick={() => setFilter(NO_FILTER)}>
              Clear
            </Button>
          )}
        </div>
        <div className={s.split}>
          <div className={s.list}>
            {query.isPending && incident.known ? (
              <Loading label="Loading the ledger" lines={10} />
            ) : query.error && !query.data ? (
              <ErrorState error={query.error} onRetry={() => void query.refetch()} />
            ) : rows.length === 0 && !hasNextPage ? (
              <Empty icon={<ScrollText size={20} />} title={isFiltered(filter) ? 'No record fits' : 'The ledger is empty'} action={<GuideLink to="ledger">About the ledger</GuideLink>}>
                {isFiltered(filter) ? 'Take a filter away.' : 'The first thing anybody does is written here.'}
              </Empty>
            ) : (
              <>
                <div className={s.headRow} aria-hidden="true">
                  <span className={s.n}>No.</span>
                  <span>When</span>
                  <span>What</span>
                  <span className={s.wide}>Who</span>
                  <span className={s.wide}>Through</span>
                  <span>Outcome</span>
                </div>
                <Rows rows={rows} picked={picked?.id ?? ''} onPick={setPicked} onEnd={more} />
                <div className={s.end} role="status">
                  {rows.length.toLocaleString('en')} {rows.length === 1 ? 'record' : 'records'}
                  {isFetchingNextPage ? ', loading more' : hasNextPage ? ', more below' : ', all of them'}
                  {query.error && query.data ? '. The next ones did not load.' : ''}
                </div>
              </>
            )}
          </div>
          {!phone && detail && (
            <aside className={s.side} aria-label="Record" tabIndex={0}>
              {detail}
            </aside>
          )}
        </div>
      </div>
      {phone && (
        <Dialog open={!!picked} onOpenChange={(o) => !o && setPicked(null)} title={picked ? kindWords(picked.kind) : 'Record'}>
          {detail}
        </Dialog>
      )}
      <Dialog open={verifying} onOpenChange={setVerifying} title="Checkpoint and verify" width={620}>
        {verifying && <Verify />}
      </Dialog>
    </Page>
  )
}

/** The id behind a typed ticket; records know incidents by id. */
function useIncidentId(text: string): { id: string; known: boolean; error: string } {
  const open = useOffice((x) => Object.values(x.incidents).find((i) => i.ticket.toLowerCase() === text.toLowerCase())?.id)
  const ask = /^[A-Za-z]+-\d+$/.test(text) && !open
  const { data, error } = useQuery({ queryKey: ['incident', text], queryFn: () => api.get<Incident>(`/incidents/${text.toUpperCase()}`), enabled: ask, retry: false })
  if (!text) return { id: '', known: true, error: '' }
  const id = open ?? data?.id ?? ''
  return { id, known: id !== '', error: id ? '' : !ask ? 'A ticket such as INC-2041' : error ? 'There is no such incident' : '' }
}

function Rows({ rows, picked, onPick, onEnd }: { rows: LedgerRecord[]; picked: string; onPick: (r: LedgerRecord) => void; onEnd: () => void }) {
  const users = useOffice((x) => x.users)
  const rooms = useOffice((x) => x.rooms)
  const incidents = useOffice((x) => x.incidents)
  const logins = useMemo(() => new Map(Object.values(users).map((u) => [u.name, u.display])), [users])
  const runs = useRunNames(rows)
  const name = (kind: string, id: string) => (kind === 'run' ? runs.get(id) : kind === 'user' ? users[id]?.display : kind === 'room' ? rooms[id]?.name : kind === 'incident' ? incidents[id]?.ticket : undefined)
  return (
    <VList
      data={rows}
      className={s.rows}
      itemSize={ROW}
      bufferSize={300}
      role="group"
      aria-label="Records"
      tabIndex={0}
      onScroll={(offset) => {
        // virtua tells the offset only: near the end of what is loaded, the next page is fetched.
        if (offset > rows.length * ROW - 2400) onEnd()
      }}
    >
      {(r: LedgerRecord) => {
        const o = outcomeWords(r.outcome)
        return (
          <button key={r.id} type="button" className={s.row} aria-pressed={r.id === picked} onClick={() => onPick(r)}>
            <span className={s.n}>{r.n.toLocaleString('en')}</span>
            <span className={s.when}>
              <Time at={r.at} mode="stamp" />
            </span>
            <span className={s.what}>
              <b>{kindWords(r.kind)}</b>
              <span>{about(r, name)}</span>
            </span>
            <span className={`${s.cut} ${s.wide}`}>{actorWords(r, (l) => logins.get(l))}{r.via_name && `, by a token of ${r.via_name}`}</span>
            <span className={`${s.cut} ${s.wide}`}>{doorWords(r.door)}</span>
            {/* What went well goes without saying. */}
            <span>{o.tone === 'green' ? <span className="sr">{o.text}</span> : <Chip tone={o.tone}>{o.text}</Chip>}</span>
          </button>
        )
      }}
    </VList>
  )
}

const ROW = 33
/** Runs by their number: the record knows them by id. */
function useRunNames(rows: LedgerRecord[]): Map<string, string> {
  const any = rows.some((r) => r.resource.startsWith('run:'))
  const { data } = useQuery({ queryKey: ['runs', 'names'], queryFn: () => api.get<Items<RunSummary>>('/runs', { limit: 200 }), enabled: any, staleTime: 60_000, retry: false })
  return useMemo(() => new Map((data?.items ?? []).map((r) => [r.id, `Run ${r.number} ${r.title}`])), [data])
}

/** What the room and the incident of a record are called, also when they are closed. */
function useNames(r: LedgerRecord): { room?: string; incident?: string } {
  const room = useOffice((x) => x.rooms[r.room ?? ''])
  const incident = useOffice((x) => x.incidents[r.incident ?? ''])
  const known = { retry: false, staleTime: 300_000 }
  const askedIncident = useQuery({ queryKey: ['incident', r.incident], queryFn: () => api.get<Incident>(`/incidents/${r.incident}`), enabled: !!r.incident && !incident, ...known }).data
  const ofIncident = [incident, askedIncident].find((i) => i?.room.id === r.room)?.room
  const askedRoom = useQuery({ queryKey: ['rooms', r.room], queryFn: () => api.get<Room>(`/rooms/${r.room}`), enabled: !!r.room && !room && !r.incident, ...known }).data
  return { room: (room ?? ofIncident ?? askedRoom)?.name, incident: (incident ?? askedIncident)?.ticket }
}

function Detail({ r, onClose }: { r: LedgerRecord; onClose?: () => void }) {
  const o = outcomeWords(r.outcome)
  const { room, incident } = useNames(r)
  const display = useOffice((x) => Object.values(x.users).find((u) => u.name === r.actor_name)?.display)
  const who = actorWords(r, () => display)
  const fields = Object.entries(r.fields ?? {})
  return (
    <>
      <div className={s.sideHead}>
        <h2 className="grow">{kindWords(r.kind)}</h2>
        {onClose && (
          <IconButton label="Close the record" size="s" side="left" onClick={onClose}>
            <X size={14} />
          </IconButton>
        )}
      </div>
      <PanelSection title="Record" count={r.n}>
        <Facts
          items={[
            ['When', <Time key="t" at={r.at} mode="stamp" />],
            ['Who', who],
            ...(r.via_name ? ([['By a token of', r.via_name]] as [string, string][]) : []),
            ['Through', doorWords(r.door)],
            ...(r.address ? ([['From', r.address]] as [string, string][]) : []),
            ...(r.session ? ([['Sign-in', <code key="s" className="mono">{r.session}</code>]] as [string, React.ReactNode][]) : []),
            ...(r.token ? ([['API token', <code key="t" className="mono">{r.token}</code>]] as [string, React.ReactNode][]) : []),
            [
              'Outcome',
              <Chip key="o" tone={o.tone}>
                {o.text}
              </Chip>,
            ],
            ['Kind', <code key="k" className="mono">{r.kind}</code>],
            ...(r.resource ? ([['About', r.resource]] as [string, string][]) : []),
            ...(r.room ? ([['Room', room ? <Link key="r" to="/rooms/$id" params={{ id: r.room }} className="c-blue">{room}</Link> : r.room]] as [string, React.ReactNode][]) : []),
            ...(r.incident ? ([['Incident', <Link key="i" to="/incidents/$id" params={{ id: incident ?? r.incident }} className="c-blue">{incident ?? r.incident}</Link>]] as [string, React.ReactNode][]) : []),
            ...(r.project ? ([['Project', r.project]] as [string, string][]) : []),
          ]}
        />
      </PanelSection>
      <PanelSection title="Fields">
        {fields.length === 0 ? (
          <p className={s.end}>This record carries no fields.</p>
        ) : (
          <dl className={s.fields}>
            {fields.map(([name, value]) => {
              const t = fieldText(value)
              return (
                <div key={name}>
                  <dt>{fieldName(name)}</dt>
                  <dd>
                    {t.sealed ? (
                      <span className={s.sealed}>
                        <Lock size={12} aria-hidden="true" />
                        <span>
                          kept apart; commitment <code>{t.text}</code>
                        </span>
                      </span>
                    ) : t.text.includes('\n') ? (
                      <pre>{t.text}</pre>
                    ) : (
                      t.text
                    )}
                  </dd>
                </div>
              )
            })}
          </dl>
        )}
      </PanelSection>
      <PanelSection title="Hash" action={<CopyButton text={r.hash ?? ''} label="Copy the hash" />}>
        <p className={s.hash} title={shortHash(r.hash)}>
          {r.hash || 'Sealed in a moment'}
        </p>
      </PanelSection>
    </>
  )
}

/** A checkpoint to keep elsewhere, and how to check the record without this server. */
function Verify() {
  const { data, error, isPending, refetch } = useQuery({ queryKey: ['ledger-checkpoint'], queryFn: () => api.get<{ note: string }>('/ledger/checkpoint'), staleTime: 0, retry: false })
  return (
    <div className={s.verify}>
      <p>
        The hashes of all records form one tree, and its root is signed with every record. A changed, removed, moved or added record is found from the data folder alone; a cut end is found against a checkpoint that was kept somewhere else. Take one now and then, and keep it where this server’s
        administrators cannot reach it.
      </p>
      {isPending ? (
        <Loading label="Making a checkpoint" lines={3} />
      ) : data ? (
        <>
          <pre className={s.note} tabIndex={0} aria-label="Signed checkpoint">
            {data.note}
          </pre>
          <div>
            <Button kind="primary" icon={<FileLock2 size={13} />} onClick={() => save(`muster-checkpoint-${new Date().toISOString().slice(0, 10)}.txt`, data.note, 'text/plain')}>
              Download the checkpoint
            </Button>
          </div>
        </>
      ) : (
        <ErrorState error={error} onRetry={() => void refetch()} compact />
      )}
      {verifyCommands().map((c) => (
        <div key={c.command}>
          <p>{c.text}</p>
          <div className={s.cmd}>
            <span>{c.command}</span>
            <CopyButton text={c.command} label="Copy the command" />
          </div>
        </div>
      ))}
      <Notice tone="mute">The command ends with 0 when all is well. Otherwise it names the first record that is wrong, and what is wrong with it.</Notice>
    </div>
  )
}

function save(name: string, text: string, type: string) {
  const url = URL.createObjectURL(new Blob([text], { type }))
  const a = document.createElement('a')
  a.href = url
  a.download = name
  a.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
