// What I am called to, and how my screens make themselves heard. Both come from the server, so that every
// tab and device agrees.
import { useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import { api, type Items, type OpenPage, type Reaching } from '@/api'
import { useConnection } from '@/realtime'

const NONE: OpenPage[] = []
export function usePages(): OpenPage[] {
  const { data, refetch } = useQuery({ queryKey: ['pages'], queryFn: () => api.get<Items<OpenPage>>('/me/pages'), refetchInterval: 60_000, staleTime: 0 })
  // What was told while the line was down is not told again.
  const state = useConnection((c) => c.state)
  useEffect(() => {
    if (state === 'connected') void refetch()
  }, [state, refetch])
  return data?.items ?? NONE
}

/** Until the server said how: as somebody who changed nothing. A page must not stay silent because a setting could not be read. */
const UNKNOWN: Reaching = { channels: [], alarm: 70, chime: 40, desktop: true }
export function useReach(): Reaching | undefined {
  const { data, isError } = useQuery({ queryKey: ['reach'], queryFn: () => api.get<Reaching>('/me/reach'), staleTime: 300_000 })
  return data ?? (isError ? UNKNOWN : undefined)
}
