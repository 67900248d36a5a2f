import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { Sayer, SlotsProvider, Toaster } from '@/ui'
import { setGo } from '@/lib/go'
import { queries } from './queries'
import { router } from './routes'
import { slots } from './slots'

setGo((href) => void router.navigate({ href }))

export const App = () => (
  <QueryClientProvider client={queries}>
    <SlotsProvider value={slots}>
      <RouterProvider router={router} />
      <Toaster />
      <Sayer />
      <section id="overlays" aria-label="Menus" />
    </SlotsProvider>
  </QueryClientProvider>
)
