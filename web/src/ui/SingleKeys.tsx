import { setSingleKeys, useSingleKeys } from '@/lib/keys'
import { Checkbox } from './Field'

/** The switch for keys that act by themselves. */
export const SingleKeys = () => (
  <Checkbox
    label="Single-key shortcuts"
    hint="M, Space, / and ? act without Ctrl or Alt. Switch them off if you dictate. It holds for this browser."
    checked={useSingleKeys()}
    onChange={(e) => setSingleKeys(e.target.checked)}
  />
)
