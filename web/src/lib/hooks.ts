// Small browser hooks without a subject of their own.
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react'

// One ticking clock for the whole app: every running duration moves in the same frame.
const listeners = new Set<() => void>()
let second = Math.floor(Date.now() / 1000)
let timer: ReturnType<typeof setInterval> | undefined
const subscribe = (fn: () => void) => {
  listeners.add(fn)
  timer ??= setInterval(() => {
    const s = Math.floor(Date.now() / 1000)
    if (s === second) return
    second = s
    for (const l of listeners) l()
  }, 250)
  return () => {
    listeners.delete(fn)
    if (!listeners.size) {
      clearInterval(timer)
      timer = undefined
    }
  }
}
const idle = () => () => {}
const read = () => second
/** Now in milliseconds, re-rendered each second (or each minute, or not at all while `on` is false). */
export function useNow(every: 'second' | 'minute' = 'second', on = true): number {
  const s = useSyncExternalStore(on ? subscribe : idle, every === 'second' ? read : () => Math.floor(read() / 60) * 60)
  // A store nobody listened to has stood still.
  return on && listeners.size ? (every === 'second' ? s * 1000 : Date.now()) : Date.now()
}

/** Does a media query match? */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (fn) => {
      const m = matchMedia(query)
      m.addEventListener('change', fn)
      return () => m.removeEventListener('change', fn)
    },
    () => matchMedia(query).matches,
    () => false,
  )
}
export const usePhone = () => useMedia('(max-width: 760px)')

/** A function that stays the same and always calls the latest: what is given it need not be drawn anew. */
export function useEvent<A extends unknown[], R>(fn: (...args: A) => R): (...args: A) => R {
  const ref = useRef(fn)
  useEffect(() => {
    ref.current = fn
  })
  return useCallback((...args: A) => ref.current(...args), [])
}

/** A listener on the window that always calls the latest function. */
export function useWindow<K extends keyof WindowEventMap>(type: K, fn: (e: WindowEventMap[K]) => void) {
  const ref = useRef(fn)
  useEffect(() => {
    ref.current = fn
  })
  useEffect(() => {
    const h = (e: WindowEventMap[K]) => ref.current(e)
    window.addEventListener(type, h)
    return () => window.removeEventListener(type, h)
  }, [type])
}

/** The value once it has stayed the same for a while. */
export function useSettled<T>(value: T, wait = 150): T {
  const [settled, set] = useState(value)
  useEffect(() => {
    const t = setTimeout(() => set(value), wait)
    return () => clearTimeout(t)
  }, [value, wait])
  return settled
}

/** State kept in this browser. */
export function useStored<T>(key: string, initial: T): [T, (v: T) => void] {
  const [value, set] = useState<T>(() => stored(key, initial))
  return [
    value,
    (v) => {
      set(v)
      store(key, v)
    },
  ]
}
export function stored<T>(key: string, initial: T): T {
  try {
    const raw = localStorage.getItem('muster.' + key)
    return raw === null ? initial : (JSON.parse(raw) as T)
  } catch {
    return initial
  }
}
/** False when this browser's store is full or forbidden: mostly that only costs a convenience. */
export function store(key: string, value: unknown): boolean {
  try {
    if (value === undefined || value === null || value === '') localStorage.removeItem('muster.' + key)
    else localStorage.setItem('muster.' + key, JSON.stringify(value))
    return true
  } catch {
    return false
  }
}
/** The keys under which something is stored, by how they begin. */
export function storedKeys(prefix: string): string[] {
  try {
    return Object.keys(localStorage).filter((k) => k.startsWith('muster.' + prefix)).map((k) => k.slice(7))
  } catch {
    return []
  }
}

/** An input method is still composing: Safari says so by the code 229 only. */
export const composing = (e: { nativeEvent: { isComposing: boolean }; keyCode: number }): boolean => e.nativeEvent.isComposing || e.keyCode === 229

/** True when keys belong to a field being typed in. */
export const typing = (e: KeyboardEvent): boolean => {
  const el = e.target as HTMLElement | null
  return !!el && (el.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName))
}
