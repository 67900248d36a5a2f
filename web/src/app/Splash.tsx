import type { ReactNode } from 'react'
import { Spinner } from '@/ui'
import { Logo } from './Logo'
import s from './Splash.module.css'

export const Splash = ({ children }: { children?: ReactNode }) => (
  <main className={s.splash}>
    <Logo size={40} />
    {children ?? <Spinner size={16} label="Starting Muster" />}
  </main>
)
