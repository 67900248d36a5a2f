import { useNavigate } from '@tanstack/react-router'
import { ArrowLeftToLine, ArrowRightToLine, Layers, PencilRuler, Plus, TextCursorInput, Trash2 } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { api, useCan, type Floor } from '@/api'
import { IconButton, Menu, MenuItem, MenuSeparator, toastError } from '@/ui'

const FloorDialog = lazy(() => import('./edit/FloorDialogs'))

/** What may be done with a floor as a whole. Nothing is shown to who may do nothing. */
export function FloorMenu({ floor, floors }: { floor: Floor; floors: Floor[] }) {
  const navigate = useNavigate()
  const mayAdd = useCan('add_floors')
  const may = floor.abilities ?? {}
  const [open, setOpen] = useState<'' | 'add' | 'rename' | 'remove'>('')
  if (!mayAdd && !may.update && !may.delete) return null
  const at = floors.findIndex((f) => f.id === floor.id)
  const move = (position: number) => void api.patch(`/floors/${floor.id}`, { position }).catch((e) => toastError('The floor stays where it is', e))
  return (
    <>
      <Menu
        trigger={
          <IconButton label={`Floor ${floor.name}`}>
            <Layers size={15} />
          </IconButton>
        }
      >
        {may.update && (
          <>
            <MenuItem icon={<PencilRuler size={14} />} onSelect={() => void navigate({ to: '/floors/$id/edit', params: { id: floor.id } })}>
              Edit the plan
            </MenuItem>
            <MenuItem icon={<TextCursorInput size={14} />} onSelect={() => setOpen('rename')}>
              Rename the floor
            </MenuItem>
            {at > 0 && (
              <MenuItem icon={<ArrowLeftToLine size={14} />} onSelect={() => move(at - 1)}>
                Move to the left
              </MenuItem>
            )}
            {at < floors.length - 1 && (
              <MenuItem icon={<ArrowRightToLine size={14} />} onSelect={() => move(at + 1)}>
                Move to the right
              </MenuItem>
            )}
          </>
        )}
        {mayAdd && (
          <>
            <MenuSeparator />
            <MenuItem icon={<Plus size={14} />} onSelect={() => setOpen('add')}>
              Add a floor
            </MenuItem>
          </>
        )}
        {may.delete && floors.length > 1 && (
          <MenuItem danger icon={<Trash2 size={14} />} onSelect={() => setOpen('remove')}>
            Remove the floor
          </MenuItem>
        )}
      </Menu>
      {open && (
        <Suspense>
          <FloorDialog what={open} floor={floor} onClose={() => setOpen('')} />
        </Suspense>
      )}
    </>
  )
}
