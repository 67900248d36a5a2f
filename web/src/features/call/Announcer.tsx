// The words of a call for who reads with their ears.
import { useEffect, useRef, useState } from 'react'
import type { Call } from '@/api'
import { useAround, useCallState, usePeople } from './around'
import { chime } from './chime'
import { announce, reactionWord, recordedWords, type Line } from './model'

/** Says who comes, goes, raises a hand or shows something, once. */
export function Announcer() {
  const { useCall } = useAround()
  const people = usePeople()
  const { me } = people
  const room = useCallState((c) => c.main?.room)
  const reactions = useCallState((c) => c.reactions)
  const call = useCall(room)
  const before = useRef<Call | undefined>(undefined)
  const last = useRef(0)
  // A guest who leaves is nobody a moment later, and is still to be named.
  const names = useRef(new Map<string, string>())
  const [text, setText] = useState('')
  const line = useCallState((c) => c.main)
  const was = useRef<Line | null>(null)
  useEffect(() => {
    const said = recordedWords(was.current, line)
    was.current = line
    if (!said) return
    setText(said)
    if (line?.recording) void chime()
  }, [line])
  useEffect(() => {
    const name = (id: string) => (people.known(id) ? people.name(id) : (names.current.get(id) ?? people.name(id)))
    for (const p of call?.people ?? []) names.current.set(p.user_id, name(p.user_id))
    const said = announce(before.current, call, me, name)
    before.current = call
    if (said.length) setText(said.join('. '))
  }, [call, me, people])
  useEffect(() => {
    const r = reactions.at(-1)
    if (!r || r.id === last.current || r.user === me) return
    last.current = r.id
    setText(`${people.name(r.user)}: ${reactionWord(r.emoji)}`)
  }, [reactions, me, people])
  // Once read out it is gone, so that nobody finds the words twice.
  useEffect(() => {
    if (!text) return
    const t = setTimeout(() => setText(''), 2500)
    return () => clearTimeout(t)
  }, [text])
  return (
    <div className="sr" role="status" aria-label="Voice">
      {text}
    </div>
  )
}
