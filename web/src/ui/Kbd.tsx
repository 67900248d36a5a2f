import type { ReactNode } from 'react'
import s from './bits.module.css'

export const Kbd = ({ children }: { children: ReactNode }) => <kbd className={s.kbd}>{children}</kbd>
