// Menus and popovers. A trigger stays a plain button until it is first used; then what it opens is
// there, since the code for it was fetched when the page was idle.
import { cloneElement, lazy, Suspense, useState, type ComponentType, type KeyboardEvent, type MouseEvent, type ReactElement, type ReactNode } from 'react'

type Side = 'top' | 'bottom' | 'left' | 'right'
type Align = 'start' | 'center' | 'end'
export type MenuProps = { trigger: ReactElement; align?: Align; side?: Side; children: ReactNode }
export type MenuItemProps = { icon?: ReactNode; detail?: ReactNode; danger?: boolean; disabled?: boolean; onSelect?: () => void; children: ReactNode }
export type MenuCheckProps = { checked: boolean; icon?: ReactNode; onSelect: () => void; children: ReactNode }
export type PopoverProps = {
  trigger: ReactElement
  /** Names the popover for screen readers. */
  label: string
  align?: Align
  side?: Side
  width?: number
  open?: boolean
  onOpenChange?: (open: boolean) => void
  children: ReactNode
}

type Overlays = typeof import('./overlays')
const load = () => import('./overlays')
/** Fetches the code of dialogs, menus and popovers ahead of their first use. */
export const preloadOverlays = () => void load()
function part<P>(pick: (m: Overlays) => ComponentType<P>): ComponentType<P> {
  return lazy(async () => ({ default: pick(await load()) })) as unknown as ComponentType<P>
}
const RadixMenu = part<MenuProps>((m) => m.Menu)
const RadixPopover = part<PopoverProps>((m) => m.Popover)
export const MenuItem = part<MenuItemProps>((m) => m.MenuItem)
export const MenuCheck = part<MenuCheckProps>((m) => m.MenuCheck)
export const MenuLabel = part<{ children: ReactNode }>((m) => m.MenuLabel)
export const MenuSeparator = part<object>((m) => m.MenuSeparator)
export const PopoverClose = part<{ asChild?: boolean; children: ReactNode }>((m) => m.PopoverClose as ComponentType<{ asChild?: boolean; children: ReactNode }>)

type TriggerProps = { onClick?: (e: MouseEvent) => void; onKeyDown?: (e: KeyboardEvent) => void; 'aria-haspopup'?: string; 'aria-expanded'?: boolean }
const plain = (trigger: ReactElement, popup: 'menu' | 'dialog', open: () => void): ReactElement => {
  const own = trigger.props as TriggerProps
  return cloneElement(trigger as ReactElement<TriggerProps>, {
    'aria-haspopup': popup,
    'aria-expanded': false,
    onClick: (e) => {
      own.onClick?.(e)
      if (!e.defaultPrevented) open()
    },
    onKeyDown: (e) => {
      own.onKeyDown?.(e)
      if (popup === 'menu' && e.key === 'ArrowDown') {
        e.preventDefault()
        open()
      }
    },
  })
}

/** A menu that opens from its trigger. Fill it with MenuItem, MenuCheck, MenuLabel, MenuSeparator. */
export function Menu(props: MenuProps) {
  const [used, use] = useState(false)
  if (!used) return plain(props.trigger, 'menu', () => use(true))
  return (
    <Suspense fallback={props.trigger}>
      <RadixMenu {...props} />
    </Suspense>
  )
}

/** A small card that opens from its trigger and holds anything. */
export function Popover(props: PopoverProps) {
  const [used, use] = useState(!!props.open)
  if (!used && !props.open)
    return plain(props.trigger, 'dialog', () => {
      use(true)
      props.onOpenChange?.(true)
    })
  return (
    <Suspense fallback={props.trigger}>
      <RadixPopover {...props} />
    </Suspense>
  )
}
