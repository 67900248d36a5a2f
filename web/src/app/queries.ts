// What the screens fetch is kept by noun, and an event of the office makes it stale.
import { QueryClient } from '@tanstack/react-query'
import { ApiError } from '@/api'
import type { OfficeEvent, UserEvent } from '@/api'
import { tapEvents } from '@/realtime'

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      refetchOnWindowFocus: true,
      retry: (count, e) => count < 1 && !(e instanceof ApiError && e.status >= 400 && e.status < 500),
    },
  },
})

// A run tells of itself ten times a second: each key is refetched at most twice a second.
const due = new Map<string, { key: string[]; timer: ReturnType<typeof setTimeout> }>()
function stale(...key: string[]) {
  const name = key.join('/')
  if (due.has(name)) return
  const timer = setTimeout(() => {
    due.delete(name)
    void queries.invalidateQueries({ queryKey: key })
  }, 500)
  due.set(name, { key, timer })
}

/** Follows the office's events for as long as the app runs. */
export const watchOffice = () =>
  tapEvents((_, e: OfficeEvent | UserEvent) => {
    switch (e.type) {
      case 'incident':
        stale('incidents')
        stale('incident', e.incident.id)
        stale('incident', e.incident.ticket)
        stale('alerts')
        stale('pages')
        break
      case 'run':
        stale('runs')
        stale('run', e.run.id)
        stale('run', String(e.run.number))
        stale('approvals')
        break
      case 'room':
      case 'membership':
        stale('rooms')
        stale('run') // which names its room to those who may read that
        break
      case 'rights':
        void queries.invalidateQueries()
        break
      case 'user':
        stale('users')
        if (e.user.kind === 'guest') stale('guests')
        stale('incident') // whose timelines name people
        break
      case 'oncall':
        stale('oncall')
        stale('rotations')
        stale('swaps')
        break
      case 'notification':
        stale('swaps') // somebody asks to swap, or answered
        stale('notifications')
        stale('approvals')
        stale('pages')
        break
      case 'reach':
        stale('reach')
        break
      case 'knock':
        stale('desk')
        stale('guests')
        break
      case 'get':
        stale('desk')
        stale('notifications')
        break
    }
  })
