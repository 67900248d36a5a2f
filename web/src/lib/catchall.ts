type Rotation = { catch_all?: boolean; warnings?: readonly { kind: string }[] }

/** Whether somebody is paged where nobody else is on call: no rotation is the catch-all, or nobody in it can be paged. */
export function catchAllState(rotations: readonly Rotation[]): 'none' | 'empty' | 'manned' {
  const r = rotations.find((x) => x.catch_all)
  return !r ? 'none' : r.warnings?.some((w) => w.kind === 'nobody') ? 'empty' : 'manned'
}
