// Who talks where, for every screen; and what my own voice tells the screens of other features.
import { create } from 'zustand'
import { useMyId, type Call, type CallMode } from '@/api'
import { callIn, callOf } from './model'
import { useOffice } from './office'

/** Written by the call feature, read by whoever draws people or rooms. */
export type Voice = {
  /** The room whose call I am in. */
  room: string | null
  mode: CallMode
  phase: 'off' | 'connecting' | 'on' | 'reconnecting'
  /** Who speaks in the rooms I hear: sooner and finer than the office tells. */
  heard: Record<string, readonly string[]>
  /** Rooms in whose call I am and in which there is something to look at. */
  stage: Record<string, boolean>
}
export const quiet: Voice = { room: null, mode: 'table', phase: 'off', heard: {}, stage: {} }
export const useVoice = create<Voice>(() => quiet)

let wanted = false
/** Whether a call can concern me: I sit in a room, or somebody talks. The code of calls is fetched then, and stays. */
export function useVoiceWanted(): boolean {
  const me = useMyId()
  const now = useOffice((o) => !!o.presence[me]?.room_id || Object.keys(o.calls).length > 0)
  wanted ||= now
  return wanted
}

export const useCall = (roomId: string | null | undefined): Call | undefined => useOffice((s) => callIn(s.calls, roomId))

/** What to draw on somebody's picture. */
export type Talk = '' | 'listens' | 'muted' | 'open' | 'speaks'
export function useTalk(userId: string): Talk {
  const room = useOffice((s) => callOf(s.calls, userId)?.room)
  const told = useOffice((s) => talkOf(callOf(s.calls, userId)?.person))
  const heard = useVoice((v) => (room ? v.heard[room]?.includes(userId) : undefined))
  if (!told || told === 'listens' || heard === undefined) return told
  return heard ? 'speaks' : told === 'speaks' ? 'open' : told
}
export const talkOf = (p: { mode: CallMode; mic: boolean; speaking: boolean } | undefined): Talk =>
  !p ? '' : p.mode === 'gallery' ? 'listens' : p.speaking ? 'speaks' : p.mic ? 'open' : 'muted'

/** What the call feature does for whoever asks: a typed command, the palette. */
export type VoiceAct = 'join-voice' | 'listen' | 'leave-voice' | 'mute' | 'unmute' | 'toggle' | 'hand'
let acts: ((act: VoiceAct, roomId: string) => void) | null = null
/** Filled by the call feature as soon as it is there. */
export const onVoiceAct = (fn: typeof acts) => void (acts = fn)
export const voiceAct = (act: VoiceAct, roomId: string) => acts?.(act, roomId)
