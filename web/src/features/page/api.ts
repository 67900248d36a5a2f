// What I am called to, and how my screens make themselves heard. Both come from the server, so that every
// tab and device agrees.
import { useQuery } from '@tanstack/react-query'
import { api, type Items, type OpenPage, type Reaching } from '@/api'

export const usePages = (): OpenPage[] => useQuery({ queryKey: ['pages'], queryFn: () => api.get<Items<OpenPage>>('/me/pages'), refetchInterval: 60_000, refetchOnReconnect: true, staleTime: 0 }).data?.items ?? NONE
const NONE: OpenPage[] = []
export const useReach = () => useQuery({ queryKey: ['reach'], queryFn: () => api.get<Reaching>('/me/reach'), staleTime: 300_000 })
