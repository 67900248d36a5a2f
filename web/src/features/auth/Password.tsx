import { Eye, EyeOff } from 'lucide-react'
import { useState, type InputHTMLAttributes } from 'react'
import { IconButton, Input } from '@/ui'
import s from './auth.module.css'

/** A password field that can be looked at while typing. */
export function Password(props: InputHTMLAttributes<HTMLInputElement>) {
  const [shown, show] = useState(false)
  return (
    <div className={s.password}>
      <Input {...props} type={shown ? 'text' : 'password'} spellCheck={false} autoCapitalize="off" />
      <IconButton label={shown ? 'Hide the password' : 'Show the password'} aria-pressed={shown} side="left" onClick={() => show(!shown)}>
        {shown ? <EyeOff size={15} /> : <Eye size={15} />}
      </IconButton>
    </div>
  )
}
