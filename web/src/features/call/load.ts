import type { Connect } from './engine'

let engine: Promise<Connect> | null = null
/** The media engine's code is by far the largest piece of the app: fetched when somebody is about to join. */
export function loadEngine(): Promise<Connect> {
  engine ??= import('./engine').then((m) => m.connect)
  engine.catch(() => (engine = null))
  return engine
}
