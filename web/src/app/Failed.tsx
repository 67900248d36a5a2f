import { Link, type ErrorComponentProps } from '@tanstack/react-router'
import { RotateCw, SearchX, TriangleAlert } from 'lucide-react'
import { Button, buttonClass, Empty } from '@/ui'

/** A screen broke, or its code could not be fetched (a new version may have replaced it). */
export function Failed({ error }: ErrorComponentProps) {
  const message = error instanceof Error ? error.message : String(error)
  const chunk = /dynamically imported module|Importing a module|module script/i.test(message)
  return (
    <Empty
      page
      icon={<TriangleAlert size={20} />}
      title={chunk ? 'This screen could not be loaded' : 'This screen stopped working'}
      action={
        <Button icon={<RotateCw size={13} />} onClick={() => location.reload()}>
          Reload
        </Button>
      }
    >
      {chunk
        ? 'Muster may have been updated, or the connection was lost. Reload to get the current version.'
        : `Reload to go on. If it happens again, tell an administrator: ${message}`}
    </Empty>
  )
}

export const Missing = () => (
  <div className="grow">
  <Empty
    page
    icon={<SearchX size={20} />}
    title="There is nothing at this address"
    action={
      <Link to="/" className={buttonClass('primary')}>
        To the floor map
      </Link>
    }
  >
    The link may be old, or you may not see what it leads to.
  </Empty>
  </div>
)
