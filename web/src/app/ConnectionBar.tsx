import { CloudOff } from 'lucide-react'
import { useEffect } from 'react'
import { useNow, useWindow } from '@/lib/hooks'
import { reconnectNow, useConnection, type Connection } from '@/realtime'
import { Button, Spinner } from '@/ui'
import s from './ConnectionBar.module.css'

const OLD = 'What you see may be old. Messages you send are kept, and go out when the connection is back.'
const SAYS: Partial<Record<Connection, [string, string]>> = {
  reconnecting: ['Reconnecting…', OLD],
  closed: ['The connection was closed.', OLD],
  crowded: ['You have Muster open too many times.', 'This window gets no news: a person may have 20 windows, phones and scripts connected. Close some, then try again.'],
}

/** Says that what is on the screen may be old. Short breaks pass in silence. */
export function ConnectionBar() {
  const { state, since } = useConnection()
  const says = SAYS[state]
  const broken = !!says
  const now = useNow('second', broken)
  useWindow('online', () => broken && reconnectNow())
  useEffect(() => {
    document.documentElement.toggleAttribute('data-offline', broken)
  }, [broken])
  if (!says || now - since < 1200) return null
  return (
    <div className={s.bar} role="status">
      {state === 'reconnecting' ? <Spinner size={12} /> : <CloudOff size={14} aria-hidden="true" />}
      <span>
        <b>{says[0]}</b> {says[1]}
      </span>
      <Button size="s" onClick={reconnectNow}>
        Try now
      </Button>
    </div>
  )
}
