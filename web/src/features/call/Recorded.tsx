// The mark of a call that is recorded: a word as well as a colour.
import { Disc } from 'lucide-react'
import { Chip } from '@/ui'

export const RecordedChip = () => (
  <Chip tone="red" icon={<Disc size={11} aria-hidden="true" />}>
    Recorded
  </Chip>
)
