import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { ShieldAlert } from 'lucide-react'
import { lazy, Suspense, type ComponentType } from 'react'
import { useMe } from '@/api'
import { Empty, Loading, Page, Select } from '@/ui'
import { SECTIONS } from './model'
import s from './admin.module.css'

const VIEWS: Record<string, ComponentType> = {
  people: lazy(() => import('./People')),
  rooms: lazy(() => import('./Rooms')),
  services: lazy(() => import('./Services')),
  'alert-sources': lazy(() => import('./AlertSources')),
  'alert-rules': lazy(() => import('./AlertRules')),
  projects: lazy(() => import('./Projects')),
  access: lazy(() => import('./AccessRules')),
  keys: lazy(() => import('./Keys')),
  gateways: lazy(() => import('./Gateways')),
  office: lazy(() => import('./Office')),
}

/** Administration: one section at a time, and only those one may manage. */
export default function AdminView() {
  const { section = 'people' } = useParams({ strict: false })
  const me = useMe()
  const navigate = useNavigate()
  const mine = SECTIONS.filter((x) => me.abilities[x.needs])
  const current = SECTIONS.find((x) => x.id === section)
  const View = current && me.abilities[current.needs] ? VIEWS[current.id] : null
  if (mine.length === 0)
    return (
      <Page title="Administration">
        <Empty icon={<ShieldAlert size={20} />} title="You may not administer anything">
          None of your roles ({me.user.roles.join(', ') || 'none'}) manages people, rooms, services, alerts, projects, policies, keys or the office. An administrator can give you one.
        </Empty>
      </Page>
    )
  return (
    <Page title="Administration" subtitle={current?.label} flush>
      <div className={s.page}>
        <nav className={s.nav} aria-label="Administration">
          {mine.map((x) => (
            <Link key={x.id} to="/admin/$section" params={{ section: x.id }} aria-current={x.id === section ? 'page' : undefined}>
              {x.label}
              <span>{x.hint}</span>
            </Link>
          ))}
        </nav>
        <div className={s.phoneNav}>
          <Select aria-label="Section" value={section} onChange={(e) => void navigate({ to: '/admin/$section', params: { section: e.target.value } })}>
            {mine.map((x) => (
              <option key={x.id} value={x.id}>
                {x.label}
              </option>
            ))}
          </Select>
        </div>
        <div className={s.body} tabIndex={0} role="region" aria-label={`Administration: ${current?.label ?? 'section'}`}>
          <div className={s.inner}>
            {View ? (
              <Suspense fallback={<Loading label={`Loading ${current?.label ?? ''}`} lines={6} />}>
                <View />
              </Suspense>
            ) : current ? (
              <Empty icon={<ShieldAlert size={20} />} title={`You may not manage ${current.label.toLowerCase()}`}>
                No rule allows it for your roles ({me.user.roles.join(', ')}). An administrator can grant it.
              </Empty>
            ) : (
              <Empty title="There is no such section" />
            )}
          </div>
        </div>
      </div>
    </Page>
  )
}
