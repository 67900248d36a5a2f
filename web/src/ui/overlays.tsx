// Dialogs, menus and popovers on Radix: loaded beside the first screen, before anyone opens one.
import { X, Check } from 'lucide-react'
import { Dialog as RadixDialog, DropdownMenu, Popover as RadixPopover } from 'radix-ui'
import { Suspense } from 'react'
import { cx } from '@/lib/cx'
import { IconButton } from './Button'
import type { DialogProps } from './Dialog'
import type { MenuCheckProps, MenuItemProps, MenuProps, PopoverProps } from './Menu'
import d from './Dialog.module.css'
import m from './Menu.module.css'

/** The first field is where one starts; without one, the dialog itself, not its cross. */
const focusFirst = (e: Event) => {
  const box = e.currentTarget as HTMLElement
  const body = box.querySelector(`.${d.body}`)
  const field = body?.querySelector<HTMLElement>('[autofocus], input:not([type=hidden]), textarea, select')
  e.preventDefault()
  if (!box.contains(document.activeElement)) (field ?? box).focus()
}

/** It has no trigger to return to: ui/focus knows where the keyboard was. */
export const noTrigger = (e: Event) => e.preventDefault()
/** A page or a request above it is answered, and the dialog stays. */
export const notAbove = (e: Event) => e.target instanceof Element && e.target.closest('[data-over-modal]') && e.preventDefault()

export const Dialog = ({ open, onOpenChange, title, description, width = 480, footer, children }: DialogProps) => (
  <RadixDialog.Root open={open} onOpenChange={onOpenChange}>
    <RadixDialog.Portal>
      <RadixDialog.Overlay className={d.scrim} />
      <RadixDialog.Content className={d.box} data-modal="" style={{ maxWidth: width }} onOpenAutoFocus={focusFirst} onCloseAutoFocus={noTrigger} onInteractOutside={notAbove} {...(description ? {} : { 'aria-describedby': undefined })}>
        <header className={d.head}>
          <RadixDialog.Title className={d.title}>{title}</RadixDialog.Title>
          <RadixDialog.Close asChild>
            <IconButton label="Close" side="left">
              <X size={15} />
            </IconButton>
          </RadixDialog.Close>
        </header>
        {description && <RadixDialog.Description className={d.desc}>{description}</RadixDialog.Description>}
        <div className={d.body}>{children}</div>
        {footer && <footer className={d.foot}>{footer}</footer>}
      </RadixDialog.Content>
    </RadixDialog.Portal>
  </RadixDialog.Root>
)

/** Where menus are put: inside a landmark, so that a reader's way around the page reaches them. */
const place = () => document.getElementById('overlays') ?? undefined

export const Menu = ({ trigger, align = 'end', side, children }: MenuProps) => (
  <DropdownMenu.Root modal={false} defaultOpen>
    <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
    <DropdownMenu.Portal container={place()}>
      <DropdownMenu.Content className={m.menu} align={align} side={side} sideOffset={5} collisionPadding={8}>
        <Suspense>{children}</Suspense>
      </DropdownMenu.Content>
    </DropdownMenu.Portal>
  </DropdownMenu.Root>
)
export const MenuItem = ({ icon, detail, danger, disabled, onSelect, children }: MenuItemProps) => (
  <DropdownMenu.Item className={cx(m.item, danger && m.danger)} disabled={disabled} onSelect={onSelect}>
    <span className={m.icon}>{icon}</span>
    <span className="grow">{children}</span>
    {detail && <span className={m.detail}>{detail}</span>}
  </DropdownMenu.Item>
)
export const MenuCheck = ({ checked, icon, onSelect, children }: MenuCheckProps) => (
  <DropdownMenu.CheckboxItem className={m.item} checked={checked} onSelect={onSelect}>
    <span className={m.icon}>{icon}</span>
    <span className="grow">{children}</span>
    <DropdownMenu.ItemIndicator>
      <Check size={13} />
    </DropdownMenu.ItemIndicator>
  </DropdownMenu.CheckboxItem>
)
export const MenuLabel = ({ children }: { children: React.ReactNode }) => <DropdownMenu.Label className={m.label}>{children}</DropdownMenu.Label>
export const MenuSeparator = () => <DropdownMenu.Separator className={m.sep} />

export const Popover = ({ trigger, label, align = 'start', side, width, open, onOpenChange, children }: PopoverProps) => (
  <RadixPopover.Root {...(open === undefined ? { defaultOpen: true } : { open })} onOpenChange={onOpenChange}>
    <RadixPopover.Trigger asChild>{trigger}</RadixPopover.Trigger>
    <RadixPopover.Portal>
      <RadixPopover.Content className={m.pop} aria-label={label} align={align} side={side} sideOffset={6} collisionPadding={8} style={{ width }}>
        <Suspense>{children}</Suspense>
      </RadixPopover.Content>
    </RadixPopover.Portal>
  </RadixPopover.Root>
)
export const PopoverClose = RadixPopover.Close
