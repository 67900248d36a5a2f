import { CloudOff } from 'lucide-react'
import { useEffect } from 'react'
import { useNow, useWindow } from '@/lib/hooks'
import { reconnectNow, useConnection } from '@/realtime'
import { Button, Spinner } from '@/ui'
import s from './ConnectionBar.module.css'

/** Says that what is on the screen may be old. Short breaks pass in silence. */
export function ConnectionBar() {
  const { state, since } = useConnection()
  const broken = state === 'reconnecting' || state === 'closed'
  const now = useNow('second', broken)
  useWindow('online', () => broken && reconnectNow())
  useEffect(() => {
    document.documentElement.toggleAttribute('data-offline', broken)
  }, [broken])
  if (!broken || now - since < 1200) return null
  const closed = state === 'closed'
  return (
    <div className={s.bar} role="status">
      {closed ? <CloudOff size={14} aria-hidden="true" /> : <Spinner size={12} />}
      <span>
        <b>{closed ? 'The connection was closed.' : 'Reconnecting…'}</b> What you see may be old. Messages you send are kept and can be sent again.
      </span>
      <Button size="s" onClick={reconnectNow}>
        Try now
      </Button>
    </div>
  )
}
