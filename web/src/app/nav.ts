// The places of the app, for the sidebar, the phone's tabs and the palette.
import { BookOpen, Flame, Headphones, Inbox, Map, PlayCircle, ScrollText, Settings, Siren, SquareTerminal, UsersRound, type LucideIcon } from 'lucide-react'
import type { Abilities } from '@/api'

export type Place = { to: string; label: string; icon: LucideIcon; may?: (a: Abilities) => boolean }

export const PLACES: Place[] = [
  { to: '/', label: 'Floor map', icon: Map },
  { to: '/people', label: 'People', icon: UsersRound },
  { to: '/inbox', label: 'Inbox', icon: Inbox },
  { to: '/runs', label: 'Runs', icon: PlayCircle },
  { to: '/jobs', label: 'Jobs', icon: SquareTerminal },
  { to: '/incidents', label: 'Incidents', icon: Flame },
  { to: '/alerts', label: 'Alerts', icon: Siren },
  { to: '/oncall', label: 'On call', icon: Headphones },
  { to: '/ledger', label: 'Ledger', icon: ScrollText, may: (a) => !!a.read_ledger },
  { to: '/guide', label: 'Guide', icon: BookOpen },
  { to: '/admin/people', label: 'Admin', icon: Settings, may: (a) => Object.keys(a).some((k) => k.startsWith('manage_') && a[k]) },
]
