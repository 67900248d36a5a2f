// The card behind every name and face. What it shows is loaded when it is first opened.
import { lazy, Suspense, useState, type ReactElement } from 'react'
import { useUser } from '@/realtime'
import { Loading, Popover } from '@/ui'

const Details = lazy(() => import('./PersonDetails'))

export function PersonCard({ id, children }: { id: string; children: ReactElement }) {
  const [open, setOpen] = useState(false)
  const user = useUser(id)
  return (
    <Popover trigger={children} label={user ? `${user.display}, profile` : 'Profile'} width={300} side="right" align="start" open={open} onOpenChange={setOpen}>
      {open && (
        <Suspense fallback={<Loading lines={4} />}>
          <Details id={id} onDone={() => setOpen(false)} />
        </Suspense>
      )}
    </Popover>
  )
}
