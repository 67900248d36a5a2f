import { useState } from 'react'
import { emojiName, NAMES } from '@/lib/emoji'
import { Input, PopoverClose } from '@/ui'
import s from './emoji.module.css'

/** Emoji by name: what is found is put where the caret stands. */
export default function EmojiPicker({ onPick }: { onPick: (emoji: string) => void }) {
  const [text, setText] = useState('')
  const wanted = text.toLowerCase().replace(/[:\s]+/g, '_').replace(/^_|_$/g, '')
  const found = [...new Set(Object.entries(NAMES).flatMap(([name, emoji]) => (name.includes(wanted) ? [emoji] : [])))]
  return (
    <div className={s.box}>
      <Input type="search" autoFocus aria-label="Find an emoji" placeholder="Find an emoji" value={text} onChange={(e) => setText(e.target.value)} />
      {found.length === 0 ? (
        <p className={s.none}>No emoji by that name.</p>
      ) : (
        <div className={s.grid}>
          {found.map((e) => (
            <PopoverClose key={e} asChild>
              <button type="button" aria-label={emojiName(e)} title={emojiName(e)} onClick={() => onPick(e)}>
                {e}
              </button>
            </PopoverClose>
          ))}
        </div>
      )}
    </div>
  )
}
