import { Plus, X } from 'lucide-react'
import { useId, useState } from 'react'
import { withGroup } from '@/lib/groups'
import { Button, IconButton } from './Button'
import { Input } from './Field'
import s from './Field.module.css'

/**
 * Names of groups, one after the other: Enter or Add takes what is typed as it is written, with blanks, capitals and
 * commas. What stands in the field when it is left counts too, so that nothing typed is lost at Save.
 */
export function GroupInput({ value, onChange, known = [], autoFocus }: { value: readonly string[]; onChange: (next: string[]) => void; /** offered while typing */ known?: readonly string[]; autoFocus?: boolean }) {
  const [text, setText] = useState('')
  const list = useId()
  const add = () => {
    if (text.trim()) onChange(withGroup(value, text))
    setText('')
  }
  return (
    <div className={s.groups}>
      {value.length > 0 && (
        <ul>
          {value.map((g) => (
            <li key={g}>
              <span>{g}</span>
              <IconButton size="s" label={`Take the group ${g} away`} onClick={() => onChange(value.filter((x) => x !== g))}>
                <X size={12} />
              </IconButton>
            </li>
          ))}
        </ul>
      )}
      <div className={s.groupAdd}>
        <Input
          value={text}
          list={list}
          autoFocus={autoFocus}
          maxLength={256}
          onChange={(e) => setText(e.target.value)}
          onBlur={add}
          onKeyDown={(e) => {
            if (e.key !== 'Enter' || !text.trim()) return
            e.preventDefault()
            add()
          }}
        />
        <Button icon={<Plus size={13} />} disabled={!text.trim()} onClick={add}>
          Add
        </Button>
      </div>
      <datalist id={list}>
        {known
          .filter((k) => !value.includes(k))
          .map((k) => (
            <option key={k} value={k} />
          ))}
      </datalist>
    </div>
  )
}
