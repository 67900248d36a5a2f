import './ui/fonts.css'
import './ui/tokens.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { loadSession } from '@/api'
import { startTheme } from '@/lib/theme'
import { App } from '@/app/App'
import { preloadOverlays, watchFocus } from '@/ui'

startTheme()
watchFocus()
void loadSession()
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App />
  </StrictMode>,
)

// Menus and dialogs are fetched before anyone opens one: when a hand first moves, and not for a screen that is only looked at.
for (const sign of ['pointermove', 'pointerdown', 'keydown'] as const) addEventListener(sign, preloadOverlays, { once: true, passive: true })
