// The frame around every screen: who is signed in, the office loaded, the bars, the overlays.
import { Link, Outlet, useRouter, useRouterState } from '@tanstack/react-router'
import { lazy, Suspense, useEffect } from 'react'
import { loadSession, useSession } from '@/api'
import { usePhone } from '@/lib/hooks'
import { keepTyped, PALETTE, takeTyped } from '@/lib/typeahead'
import { loadOffice, startOffice, startOutbox, stopOffice, useOffice, useVoiceWanted, watchActivity } from '@/realtime'
import { buttonClass, ErrorState, Loading, useOverlays, useSlots } from '@/ui'
import { usePages, useReach } from '@/features/page/api'
import { GetPopups } from '@/features/people/GetPopups'
import { ConnectionBar } from './ConnectionBar'
import { Logo } from './Logo'
import { useNews } from './news'
import { PhoneTabs } from './PhoneTabs'
import { watchOffice } from './queries'
import { Demo, Sidebar } from './Sidebar'
import { useShortcuts } from './shortcuts'
import { Splash } from './Splash'
import { TopBar } from './TopBar'
import { useWelcome } from './welcome'
import s from './Shell.module.css'

const Palette = lazy(() => import('@/features/palette/Palette'))
const HelpSheet = lazy(() => import('./HelpSheet'))
const Tour = lazy(() => import('@/features/tour/Tour'))
const StatusForm = lazy(() => import('@/features/people/StatusForm'))
const PageBar = lazy(() => import('@/features/page/PageBar'))
const CallDock = lazy(() => import('@/features/call/CallDock'))
const CreateRoom = lazy(() => import('@/features/room/CreateRoom'))

export function Shell() {
  const { status, error } = useSession()
  const router = useRouter()
  useEffect(() => {
    if (status !== 'out') return
    const { href, pathname } = router.state.location
    if (pathname !== '/login' && !open(pathname)) void router.navigate({ to: '/login', search: href === '/' ? {} : { next: href }, replace: true })
  }, [status, router])
  const path = useRouterState({ select: (r) => r.location.pathname })
  if (status === 'out' && open(path)) return <Reader />
  if (status === 'failed')
    return (
      <Splash>
        <ErrorState title="Muster could not be reached" error={error} onRetry={() => void loadSession()} />
      </Splash>
    )
  if (status !== 'in') return <Splash />
  return <Office />
}

/** The guide can be read by anybody who reaches the server. */
const open = (path: string) => path === '/guide' || path.startsWith('/guide/')

const Reader = () => (
  <div className={s.reader}>
    <header>
      <Logo />
      <b>Muster</b>
      <span className="grow" />
      <Link to="/login" className={buttonClass('primary', 's')}>
        Sign in
      </Link>
    </header>
    <main className={s.main} id="main" tabIndex={-1}>
      <div className={s.screen}>
        <Suspense fallback={<Loading lines={6} />}>
          <Outlet />
        </Suspense>
      </div>
    </main>
  </div>
)

function Office() {
  useEffect(() => {
    startOffice()
    const outbox = startOutbox()
    const stop = watchOffice()
    const still = watchActivity()
    return () => {
      still()
      stop()
      outbox()
      stopOffice()
    }
  }, [])
  useShortcuts()
  const pages = usePages()
  const reach = useReach()
  useNews(pages, reach)
  useWelcome()
  const phone = usePhone()
  const voice = useVoiceWanted()
  const status = useOffice((o) => o.status)
  const error = useOffice((o) => o.error)
  return (
    <div className={s.app}>
      <a href="#main" className={s.skip}>
        Skip to the content
      </a>
      <TopBar />
      {pages.length > 0 && (
        <Suspense>
          <PageBar pages={pages} reach={reach} />
        </Suspense>
      )}
      <Sidebar />
      <main className={s.main} id="main" tabIndex={-1}>
        <ConnectionBar />
        <div className={s.screen}>
          {status === 'failed' ? (
            <ErrorState title="The office did not load" error={error} onRetry={() => void loadOffice()} />
          ) : status === 'loading' ? (
            <div className="grow">
              <h1 className="sr" data-loading>Loading the office</h1>
              <Loading label="Loading the office" lines={6} />
            </div>
          ) : (
            <Suspense fallback={<div className="grow"><h1 className="sr" data-loading>Loading</h1><Loading lines={6} /></div>}>
              <Outlet />
            </Suspense>
          )}
        </div>
      </main>
      {phone && (
        <div className={s.dock}>
          <Demo />
          {voice && (
            <Suspense>
              <CallDock phone />
            </Suspense>
          )}
          <PhoneTabs />
        </div>
      )}
      <GetPopups />
      <Overlays />
    </div>
  )
}

// Whoever opens the palette types at once, whether or not it is there yet.
useOverlays.subscribe((now, before) => {
  if (now.palette && !before.palette) keepTyped(PALETTE)
  if (!now.palette && before.palette) takeTyped(PALETTE)
})

function Overlays() {
  const open = useOverlays()
  const { jobForm: JobForm, declareForm: DeclareForm } = useSlots()
  return (
    <Suspense>
      {open.palette && <Palette onClose={() => useOverlays.setState({ palette: false })} />}
      {open.shortcuts && <HelpSheet onClose={() => useOverlays.setState({ shortcuts: false })} />}
      {open.tour && <Tour kind={open.tour} onClose={() => useOverlays.setState({ tour: null })} />}
      {open.status && <StatusForm onClose={() => useOverlays.setState({ status: false })} />}
      {open.createRoom && <CreateRoom onClose={() => useOverlays.setState({ createRoom: false })} />}
      {open.declare && DeclareForm && <DeclareForm open onOpenChange={(declare) => useOverlays.setState({ declare })} />}
      {open.jobForm && JobForm && (
        <JobForm {...open.jobForm} open onOpenChange={(on) => !on && useOverlays.setState({ jobForm: null })} />
      )}
    </Suspense>
  )
}
