import { Dialog, Kbd } from '@/ui'
import { SHORTCUTS } from './shortcuts'
import s from './ShortcutSheet.module.css'

export default function ShortcutSheet({ onClose }: { onClose: () => void }) {
  return (
    <Dialog open onOpenChange={onClose} title="Keyboard shortcuts" width={440}>
      <dl className={s.list}>
        {SHORTCUTS.map(([keys, what]) => (
          <div key={keys}>
            <dt>{what}</dt>
            <dd>
              <Kbd>{keys}</Kbd>
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}
