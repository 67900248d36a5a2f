// An incident on the screen: the open ones come with the office, a closed one is fetched; both are kept by their channel.
import { useQuery, useQueryClient, type QueryClient } from '@tanstack/react-query'
import { api, type Followup, type Incident, type IncidentEvent, type IncidentRoleName, type Items, type Metric, type Stage, type TimelineEntry } from '@/api'
import { useChannel, useOffice } from '@/realtime'
import type { OpenThing } from './model'

export function useIncident(id: string) {
  const queries = useQueryClient()
  const open = useOffice((s) => s.incidents[id] ?? Object.values(s.incidents).find((i) => i.ticket === id))
  const key = ['incident', open?.id ?? id]
  // Fetched also when open: what I may do with it comes only with my own answer.
  const query = useQuery({ queryKey: key, queryFn: () => api.get<Incident>(`/incidents/${open?.id ?? id}`), enabled: id !== '' })
  const fetched = query.data
  const incident = shownIncident(open, fetched)
  const channel = incident ? `incident:${incident.id}` : null
  useChannel<IncidentEvent>(
    channel,
    (e) => onIncident(queries, open?.id ?? id, e),
    () => void queries.invalidateQueries({ queryKey: key }),
    // Nothing stays on the screen of somebody who may not read it any more.
    () => void queries.resetQueries({ queryKey: key }),
  )
  return { incident, error: query.error, loading: query.isPending && !incident, refetch: () => void query.refetch() }
}
/** The open one as the office tells it, with what I may do as my own answer said. */
export const shownIncident = (open: Incident | undefined, fetched: Incident | undefined): Incident | undefined =>
  open && fetched ? { ...open, abilities: fetched.abilities ?? open.abilities } : (open ?? fetched)
/** Brings what is held of an incident, under its id or ticket, up to date. */
export function onIncident(queries: QueryClient, held: string, e: IncidentEvent) {
  if (e.type === 'incident') queries.setQueryData<Incident>(['incident', held], (old) => ({ ...e.incident, abilities: old?.abilities ?? e.incident.abilities }))
  for (const id of new Set(e.type === 'incident' ? [held, e.incident.id] : [held])) void queries.invalidateQueries({ queryKey: ['incident', id] })
}
export const useTimeline = (id: string) => useQuery({ queryKey: ['incident', id, 'timeline'], queryFn: () => api.get<Items<TimelineEntry>>(`/incidents/${id}/timeline`) })
export const useMetrics = (id: string) => useQuery({ queryKey: ['incident', id, 'metrics'], queryFn: () => api.get<Items<Metric>>(`/incidents/${id}/metrics`) })
export const useFollowups = (id: string) => useQuery({ queryKey: ['incident', id, 'followups'], queryFn: () => api.get<Items<Followup>>(`/incidents/${id}/followups`) })

/** What one does with an incident. Each answers with the incident as it is afterwards, or nothing. */
export function useActs(id: string) {
  const queries = useQueryClient()
  const after = async (work: Promise<unknown>) => {
    const answer = await work
    if (answer && typeof answer === 'object' && 'ticket' in answer) {
      const i = answer as Incident
      queries.setQueryData(['incident', i.id], i)
      useOffice.setState((s) => (s.incidents[i.id] ? { incidents: { ...s.incidents, [i.id]: i } } : {}))
    }
    await Promise.all([queries.invalidateQueries({ queryKey: ['incident', id] }), queries.invalidateQueries({ queryKey: ['incidents'] })])
  }
  const at = `/incidents/${id}`
  return {
    stage: (stage: Stage, note?: string) => after(api.post<Incident>(`${at}/stage`, { stage, note: note || undefined })),
    open: () => api.get<Items<OpenThing>>(`${at}/open`).then((x) => x.items),
    merge: (into: string) => after(api.post<Incident>(`${at}/merge`, { into })),
    update: (patch: Partial<Pick<Incident, 'title' | 'severity' | 'summary' | 'environment' | 'service' | 'restricted'>> & { members?: string[]; groups?: string[] }) => after(api.patch<Incident>(at, patch)),
    role: (role: IncidentRoleName, userId: string) => after(api.put<Incident>(`${at}/roles/${role}`, { user_id: userId })),
    dropRole: (role: IncidentRoleName) => after(api.del(`${at}/roles/${role}`)),
    acknowledge: () => after(api.post<Incident>(`${at}/acknowledge`)),
    page: (who: { user_id: string } | { service: string }) => after(api.post(`${at}/page`, who)),
    note: (text: string, when?: string) => after(api.post(`${at}/notes`, { text, at: when || undefined })),
    addFollowup: (f: { kind: Followup['kind']; text: string; owner?: string | undefined; due?: string | undefined }) => after(api.post(`${at}/followups`, f)),
    changeFollowup: (id: string, patch: Partial<Pick<Followup, 'text' | 'owner' | 'due' | 'state' | 'answer'>>) => after(api.patch(`${at}/followups/${id}`, patch)),
    times: (patch: Record<string, string | null>) => after(api.patch(`${at}/times`, patch)),
  }
}
export type Acts = ReturnType<typeof useActs>
