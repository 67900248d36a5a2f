// Who is on call when, as the server computed it: a screen that computes it again
// is wrong about clock changes and overrides.
import { useQuery } from '@tanstack/react-query'
import { api, type Items } from '@/api'

export type Shift = { user_id: string; from: string; until: string; overridden: boolean }

const NONE: Shift[] = []

/** How long the answer holds: a minute, but never beyond the end of the shift that goes on, or a screen would name the one before. */
export const looksAgain = (first: Pick<Shift, 'until'> | undefined, now: number): number => Math.min(60_000, first ? Math.max(1000, Date.parse(first.until) - now + 100) : 60_000)

/** The shifts of a rotation from now on, for so many days; asked again every minute, at each hand-over and when duty changes. */
export function useShifts(rotation: string, days = 14): Shift[] {
  const q = useQuery({
    queryKey: ['rotations', rotation, 'shifts', days],
    queryFn: () => api.get<Items<Shift>>(`/rotations/${rotation}/shifts`, { until: new Date(Date.now() + days * 86_400_000).toISOString() }),
    refetchInterval: (q) => looksAgain(q.state.data?.items[0], Date.now()),
  })
  return q.data?.items ?? NONE
}
