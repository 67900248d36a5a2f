// What I am called to, and how my screens make themselves heard. Both come from the server, so that every
// tab and device agrees.
import { useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import { api, type Items, type OpenPage, type Reaching } from '@/api'
import { useConnection, useOffice } from '@/realtime'

const NONE: OpenPage[] = []
export function usePages(): OpenPage[] {
  // With the office, and so after the socket stands or gave no answer: once, and nothing told in between is missed.
  const begun = useOffice((o) => o.status !== 'loading')
  const { data, refetch } = useQuery({ queryKey: ['pages'], queryFn: () => api.get<Items<OpenPage>>('/me/pages'), refetchInterval: 60_000, staleTime: 0, enabled: begun })
  // What was told while the line was down is not told again.
  const state = useConnection((c) => c.state)
  useEffect(() => {
    if (begun && state === 'connected') void refetch({ cancelRefetch: false })
  }, [begun, state, refetch])
  return data?.items ?? NONE
}

/** Until the server said how: as somebody who changed nothing. A page must not stay silent because a setting could not be read. */
const UNKNOWN: Reaching = { channels: [], alarm: 70, chime: 40, desktop: true }
export function useReach(): Reaching | undefined {
  const { data, isError } = useQuery({ queryKey: ['reach'], queryFn: () => api.get<Reaching>('/me/reach'), staleTime: 300_000 })
  return data ?? (isError ? UNKNOWN : undefined)
}
