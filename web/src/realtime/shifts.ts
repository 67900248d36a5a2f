// Who is on call when, as the server computed it: a screen that computes it again
// is wrong about clock changes and overrides.
import { useQuery } from '@tanstack/react-query'
import { api, type Items } from '@/api'

export type Shift = { user_id: string; from: string; until: string; overridden: boolean }

const NONE: Shift[] = []

/** The shifts of a rotation from now on, for so many days; asked again every minute and when duty changes. */
export function useShifts(rotation: string, days = 14): Shift[] {
  const q = useQuery({
    queryKey: ['rotations', rotation, 'shifts', days],
    queryFn: () => api.get<Items<Shift>>(`/rotations/${rotation}/shifts`, { until: new Date(Date.now() + days * 86_400_000).toISOString() }),
    refetchInterval: 60_000,
  })
  return q.data?.items ?? NONE
}
