// The frame around every screen: who is signed in, the office loaded, the bars, the overlays.
import { Outlet, useRouter } from '@tanstack/react-router'
import { lazy, Suspense, useEffect } from 'react'
import { loadSession, useSession } from '@/api'
import { usePhone } from '@/lib/hooks'
import { loadOffice, startOffice, stopOffice, useOffice } from '@/realtime'
import { ErrorState, Loading, useOverlays, useSlots } from '@/ui'
import { GetPopups } from '@/features/people/GetPopups'
import { ConnectionBar } from './ConnectionBar'
import { useNews } from './news'
import { PhoneTabs } from './PhoneTabs'
import { watchOffice } from './queries'
import { Sidebar } from './Sidebar'
import { useShortcuts } from './shortcuts'
import { Splash } from './Splash'
import { TopBar } from './TopBar'
import s from './Shell.module.css'

const Palette = lazy(() => import('@/features/palette/Palette'))
const Shortcuts = lazy(() => import('./ShortcutSheet'))
const StatusForm = lazy(() => import('@/features/people/StatusForm'))
const CreateRoom = lazy(() => import('@/features/room/CreateRoom'))

export function Shell() {
  const { status, error } = useSession()
  const router = useRouter()
  useEffect(() => {
    if (status !== 'out') return
    const { href, pathname } = router.state.location
    if (pathname !== '/login') void router.navigate({ to: '/login', search: href === '/' ? {} : { next: href }, replace: true })
  }, [status, router])
  if (status === 'failed')
    return (
      <Splash>
        <ErrorState title="Muster could not be reached" error={error} onRetry={() => void loadSession()} />
      </Splash>
    )
  if (status !== 'in') return <Splash />
  return <Office />
}

function Office() {
  useEffect(() => {
    startOffice()
    const stop = watchOffice()
    return () => {
      stop()
      stopOffice()
    }
  }, [])
  useShortcuts()
  useNews()
  const phone = usePhone()
  const status = useOffice((o) => o.status)
  const error = useOffice((o) => o.error)
  return (
    <div className={s.app}>
      <a href="#main" className={s.skip}>
        Skip to the content
      </a>
      <TopBar />
      <Sidebar />
      <main className={s.main} id="main" tabIndex={-1}>
        <ConnectionBar />
        <div className={s.screen}>
          {status === 'failed' ? (
            <ErrorState title="The office did not load" error={error} onRetry={() => void loadOffice()} />
          ) : status === 'loading' ? (
            <div className="grow">
              <h1 className="sr">Loading the office</h1>
              <Loading label="Loading the office" lines={6} />
            </div>
          ) : (
            <Suspense fallback={<div className="grow"><h1 className="sr">Loading</h1><Loading lines={6} /></div>}>
              <Outlet />
            </Suspense>
          )}
        </div>
      </main>
      {phone && <PhoneTabs />}
      <GetPopups />
      <Overlays />
    </div>
  )
}

function Overlays() {
  const open = useOverlays()
  const { jobForm: JobForm, declareForm: DeclareForm } = useSlots()
  return (
    <Suspense>
      {open.palette && <Palette onClose={() => useOverlays.setState({ palette: false })} />}
      {open.shortcuts && <Shortcuts onClose={() => useOverlays.setState({ shortcuts: false })} />}
      {open.status && <StatusForm onClose={() => useOverlays.setState({ status: false })} />}
      {open.createRoom && <CreateRoom onClose={() => useOverlays.setState({ createRoom: false })} />}
      {open.declare && DeclareForm && <DeclareForm open onOpenChange={(declare) => useOverlays.setState({ declare })} />}
      {open.jobForm && JobForm && (
        <JobForm {...open.jobForm} open onOpenChange={(on) => !on && useOverlays.setState({ jobForm: null })} />
      )}
    </Suspense>
  )
}
