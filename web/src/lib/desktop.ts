// Desktop notifications: shown where this browser may, and asked for only when somebody clicks for it.
export type Permission = 'granted' | 'denied' | 'default' | 'none'

/** Whether this browser may show them; none: it cannot, or the page is not served securely. */
export const desktopPermission = (): Permission => (typeof Notification === 'undefined' || !isSecureContext ? 'none' : Notification.permission)

/** Asks the person, who has just clicked for it. */
export async function askDesktop(): Promise<Permission> {
  if (desktopPermission() !== 'default') return desktopPermission()
  return Notification.requestPermission()
}

const shown = new Map<string, Notification>()
/** Shows one; the same tag again takes the place of the one before, in other tabs too. */
export function showDesktop(title: string, { body = '', tag, stays = false, click }: { body?: string; tag: string; stays?: boolean; click?: () => void }) {
  if (desktopPermission() !== 'granted') return
  try {
    const n = new Notification(title, { body, tag, requireInteraction: stays, silent: true, icon: '/icon.svg' }) // The app has sounds of its own.
    n.onclick = () => {
      window.focus()
      n.close()
      click?.()
    }
    n.onclose = () => shown.get(tag) === n && shown.delete(tag)
    shown.set(tag, n)
  } catch {
    // Some phones show them for installed apps only.
  }
}
export const closeDesktop = (tag: string) => shown.get(tag)?.close()
