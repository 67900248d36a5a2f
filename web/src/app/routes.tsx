import { createRootRoute, createRoute, createRouter, Outlet, redirect, useParams, type RouteComponent } from '@tanstack/react-router'
import { lazy, type ComponentType } from 'react'
import { RoomView } from '@/features/room/RoomView'
import { keepTyped, takeTyped } from '@/lib/typeahead'
import { screenCame, screenComes } from '@/ui'
import { Failed, Missing } from './Failed'
import { Shell } from './Shell'

const view = (load: () => Promise<{ default: ComponentType }>) => lazy(load)

const root = createRootRoute({ component: Outlet, notFoundComponent: Missing, errorComponent: Failed })
const shell = createRoute({ getParentRoute: () => root, id: 'shell', component: Shell, notFoundComponent: Missing, errorComponent: Failed })
const at = <P extends string>(path: P, component: RouteComponent) =>
  createRoute({ getParentRoute: () => shell, path, component, errorComponent: Failed })

const RoomRoute = () => {
  const { id = '' } = useParams({ strict: false })
  // A room is a place of its own: another one starts afresh.
  return <RoomView key={id} id={id} />
}

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  component: view(() => import('@/features/auth/LoginView')),
  validateSearch: (s: Record<string, unknown>): { next?: string } => (typeof s.next === 'string' ? { next: s.next } : {}),
})
const setup = createRoute({
  getParentRoute: () => root,
  path: '/setup',
  component: view(() => import('@/features/auth/SetupView')),
  validateSearch: (s: Record<string, unknown>): { token?: string } => (s.token === undefined ? {} : { token: String(s.token) }),
})

// Somebody without an account: neither the shell nor the office is theirs.
const guest = view(() => import('@/features/guest/GuestPage'))
const guestAt = createRoute({ getParentRoute: () => root, path: '/guest', component: guest, errorComponent: Failed })
const guestBy = createRoute({ getParentRoute: () => root, path: '/guest/$token', component: guest, errorComponent: Failed })

const tree = root.addChildren([
  login,
  setup,
  guestAt,
  guestBy,
  shell.addChildren([
    at('/', view(() => import('@/features/map/MapView'))),
    at('/rooms/$id', RoomRoute),
    createRoute({
      getParentRoute: () => shell,
      path: '/rooms/$id/recordings',
      component: view(() => import('@/features/recording/RecordingsView')),
      errorComponent: Failed,
      validateSearch: (s: Record<string, unknown>): { call?: string; at?: number } => ({ ...(typeof s.call === 'string' && { call: s.call }), ...(typeof s.at === 'number' && { at: s.at }) }),
    }),
    at('/floors/$id/edit', view(() => import('@/features/map/edit/EditorView'))),
    at('/people', view(() => import('@/features/people/PeopleView'))),
    at('/incidents', view(() => import('@/features/incident/IncidentsView'))),
    at('/incidents/$id', view(() => import('@/features/incident/IncidentView'))),
    at('/oncall', view(() => import('@/features/oncall/OncallView'))),
    at('/alerts', view(() => import('@/features/alert/AlertsView'))),
    at('/runs', view(() => import('@/features/run/RunsView'))),
    at('/runs/$id', view(() => import('@/features/run/RunView'))),
    at('/jobs', view(() => import('@/features/run/JobsView'))),
    at('/jobs/$id', view(() => import('@/features/run/JobView'))),
    at('/adhoc', view(() => import('@/features/run/AdhocView'))),
    at('/inbox', view(() => import('@/features/inbox/InboxView'))),
    at('/ledger', view(() => import('@/features/ledger/LedgerView'))),
    at('/guide', view(() => import('@/features/guide/GuideView'))),
    at('/guide/$page', view(() => import('@/features/guide/GuideView'))),
    at('/account', view(() => import('@/features/auth/AccountView'))),
    createRoute({
      getParentRoute: () => shell,
      path: '/admin',
      beforeLoad: () => {
        throw redirect({ to: '/admin/$section', params: { section: 'people' } })
      },
    }),
    at('/admin/$section', view(() => import('@/features/admin/AdminView'))),
    at('$', Missing),
  ]),
])

export const router = createRouter({ routeTree: tree, defaultPreload: 'intent', defaultPreloadStaleTime: 0, scrollRestoration: false, defaultHashScrollIntoView: false })

// Whoever opens a room types at once: until its composer is there, letters are neither lost nor shortcuts.
let awaited = ''
router.subscribe('onBeforeNavigate', ({ pathChanged, toLocation, fromLocation }) => {
  if (!pathChanged) return
  if (fromLocation) screenComes()
  if (awaited) takeTyped(awaited)
  awaited = /^\/rooms\/([^/]+)$/.exec(toLocation.pathname)?.[1] ?? ''
  if (awaited) keepTyped(awaited)
})

router.subscribe('onRendered', screenCame)

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
