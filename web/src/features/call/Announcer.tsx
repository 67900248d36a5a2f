// The words of a call for who reads with their ears, and the short sounds of one's own microphone.
import { useEffect, useRef } from 'react'
import type { Call } from '@/api'
import { say } from '@/ui'
import { useAround, useCallState, usePeople } from './around'
import { chime, CLOSES, OPENS } from './chime'
import { announce, micWords, reactionWord, recordedWords, type Line } from './model'

/** Says who comes, goes, raises a hand or shows something, and what my own microphone does, once. */
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
  const line = useCallState((c) => c.main)
  const was = useRef<Line | null>(null)
  useEffect(() => {
    const said = recordedWords(was.current, line)
    was.current = line
    if (!said) return
    say(said, { key: 'recording', urgent: true })
    if (line?.recording) void chime()
  }, [line])
  useEffect(() => {
    const name = (id: string) => (people.known(id) ? people.name(id) : (names.current.get(id) ?? people.name(id)))
    for (const p of call?.people ?? []) names.current.set(p.user_id, name(p.user_id))
    const said = announce(before.current, call, me, name)
    before.current = call
    if (said.length) say(said.join('. '))
  }, [call, me, people])
  useEffect(() => {
    const r = reactions.at(-1)
    if (!r || r.id === last.current || r.user === me) return
    last.current = r.id
    say(`${people.name(r.user)}: ${reactionWord(r.emoji)}`, { key: 'reaction ' + r.id })
  }, [reactions, me, people])
  const mic = useCallState((c) => c.mic)
  const held = useCallState((c) => c.held)
  const cues = useCallState((c) => c.choice.cues)
  const on = line?.phase === 'on'
  const own = useRef({ mic, held })
  useEffect(() => {
    const said = micWords(own.current, { mic, held })
    own.current = { mic, held }
    if (!said || !on) return
    say(said, { key: 'microphone' })
    if (cues) void chime(said === 'Muted' ? CLOSES : OPENS)
  }, [mic, held, cues, on])
  return null
}
