import { useQuery } from '@tanstack/react-query'
import { ArrowDown, ArrowUp, Plus, Trash2 } from 'lucide-react'
import { useEffect, useState } from 'react'
import { ApiError, api, errorText, type AlertRule, type Items } from '@/api'
import { cx } from '@/lib/cx'
import { uuid } from '@/lib/ids'
import { useGroupNames } from '@/realtime'
import { Box, Button, Checkbox, CopyButton, Empty, ErrorState, Field, GroupInput, IconButton, Input, Loading, Notice, Select, toast } from '@/ui'
import { declares, move, numbered, RULE_ACTIONS, RULE_EXAMPLES, ruleProblem, shadowedFrom } from './model'
import { Head, useRefresh } from './parts'
import s from './admin.module.css'

/** What becomes of an alert: the first rule that holds decides. */
export default function AlertRules() {
  const { data, error, isPending, refetch } = useQuery({ queryKey: ['alert-rules'], queryFn: () => api.get<Items<AlertRule>>('/alert-rules') })
  const refresh = useRefresh()
  const [rules, setRules] = useState<AlertRule[] | null>(null)
  const [busy, setBusy] = useState(false)
  const [failed, setFailed] = useState<unknown>(null)
  const [tried, setTried] = useState(false)
  const known = useGroupNames()
  useEffect(() => {
    if (data) setRules((old) => old ?? data.items)
  }, [data])
  if (isPending) return <Loading lines={8} />
  if (error && !data) return <ErrorState error={error} onRetry={() => void refetch()} />
  const list = rules ?? []
  const dirty = JSON.stringify(list) !== JSON.stringify(data?.items ?? [])
  const problems = list.map(ruleProblem)
  const from = shadowedFrom(list)
  const set = (i: number, patch: Partial<AlertRule>) => setRules(list.map((r, k) => (k === i ? { ...r, ...patch } : r)))
  const save = async () => {
    setTried(true)
    setFailed(null)
    if (problems.some(Boolean)) return
    setBusy(true)
    try {
      // New rules have no id yet: the server gives one.
      const items = numbered(list).map((r) => (r.id.startsWith('new-') ? { ...r, id: '' } : r))
      const saved = await api.put<Items<AlertRule> | undefined>('/alert-rules', { items })
      await refresh('alert-rules')
      setRules(saved?.items ?? null)
      setTried(false)
      toast('The rules hold from the next alert on')
    } catch (e) {
      setFailed(e)
    } finally {
      setBusy(false)
    }
  }
  const add = () => setRules([...list, { id: `new-${uuid()}`, position: list.length + 1, name: '', when: '', service: '', environment: '', severity: '', action: 'default' }])
  return (
    <>
      <Head
        title="Alert rules"
        action={
          <>
            {dirty && (
              <Button kind="quiet" onClick={() => setRules(data?.items ?? [])}>
                Discard
              </Button>
            )}
            <Button icon={<Plus size={13} />} onClick={add}>
              Add a rule
            </Button>
            <Button kind="primary" disabled={!dirty} busy={busy} onClick={() => void save()}>
              Save rules
            </Button>
          </>
        }
      >
        Read from above; the first that holds decides. An alert that no rule takes goes by its severity: 1 to 3 declares an incident, or attaches to the service’s open one; 4 only attaches.
      </Head>
      {failed !== null && <Notice title="The rules were not saved">{failed instanceof ApiError && Object.keys(failed.fields).length > 0 ? Object.entries(failed.fields).map(([k, v]) => `${k}: ${v}`).join('\n') : errorText(failed)}</Notice>}
      {from >= 0 && <Notice tone="amber">Rules from number {from + 1} on are never reached: the one before them takes everything.</Notice>}
      {list.length === 0 ? (
        <div className={s.list}>
          <Empty title="No rules: every alert goes by its severity">Add a rule to ignore some, or to give them another service, environment or severity.</Empty>
        </div>
      ) : (
        <ol className={s.list}>
          {list.map((r, i) => (
            <li key={r.id} className={cx(s.rule, from >= 0 && i >= from && s.dim)}>
              <div className={s.ruleHead}>
                <b>{i + 1}</b>
                <span className="grow">{r.name || 'New rule'}</span>
                <IconButton size="s" label={`Move rule ${i + 1} up`} disabled={i === 0} onClick={() => setRules(move(list, i, i - 1))}>
                  <ArrowUp size={13} />
                </IconButton>
                <IconButton size="s" label={`Move rule ${i + 1} down`} disabled={i === list.length - 1} onClick={() => setRules(move(list, i, i + 1))}>
                  <ArrowDown size={13} />
                </IconButton>
                <IconButton size="s" label={`Remove rule ${i + 1}`} onClick={() => setRules(list.filter((_, k) => k !== i))}>
                  <Trash2 size={13} />
                </IconButton>
              </div>
              <div className={s.ruleGrid}>
                <Field label="Name" error={tried && problems[i]?.field === 'name' && problems[i].text}>
                  <Input value={r.name} onChange={(e) => set(i, { name: e.target.value })} />
                </Field>
                <Field label="When" hint={r.when.trim() ? undefined : 'Empty: always'} error={tried && problems[i]?.field === 'when' && problems[i].text}>
                  <Input mono value={r.when} placeholder='labels.severity == "critical"' spellCheck={false} onChange={(e) => set(i, { when: e.target.value })} />
                </Field>
              </div>
              <div className={s.ruleGrid4}>
                <Field label="Then">
                  <Select value={r.action} onChange={(e) => set(i, { action: e.target.value as AlertRule['action'] })}>
                    {RULE_ACTIONS.map((a) => (
                      <option key={a.id} value={a.id}>
                        {a.label}
                      </option>
                    ))}
                  </Select>
                </Field>
                {r.action !== 'ignore' && (
                  <>
                    <Field label="Service" hint="Empty: the source’s">
                      <Input mono value={r.service} placeholder="labels.service" spellCheck={false} onChange={(e) => set(i, { service: e.target.value })} />
                    </Field>
                    <Field label="Environment" hint="Empty: the label env">
                      <Input mono value={r.environment} placeholder="labels.env" spellCheck={false} onChange={(e) => set(i, { environment: e.target.value })} />
                    </Field>
                    <Field label="Severity" hint="1 to 4 or an expression; empty: its label" error={tried && problems[i]?.field === 'severity' && problems[i].text}>
                      <Input mono value={String(r.severity ?? '')} spellCheck={false} onChange={(e) => set(i, { severity: e.target.value })} />
                    </Field>
                  </>
                )}
              </div>
              {declares(r) && (
                <div className={s.ruleGrid}>
                  <Checkbox label="Restricted" hint="Only its members know of the incident it declares" checked={!!r.restricted} onChange={(e) => set(i, e.target.checked ? { restricted: true } : { restricted: false, groups: [] })} />
                  {r.restricted && (
                    <Field label="Groups whose people become members" hint="Roles or groups as they are written" error={tried && problems[i]?.field === 'groups' && problems[i].text}>
                      <GroupInput value={r.groups ?? []} onChange={(groups) => set(i, { groups })} known={known} />
                    </Field>
                  )}
                </div>
              )}
            </li>
          ))}
        </ol>
      )}
      <Box title="What a rule can ask">
        <ul className={`${s.examples} ${s.pad}`}>
          {RULE_EXAMPLES.map((e) => (
            <li key={e.when}>
              <code>{e.when}</code>
              <span>{e.says}</span>
              <CopyButton text={e.when} label="Copy the expression" />
            </li>
          ))}
        </ul>
      </Box>
    </>
  )
}
