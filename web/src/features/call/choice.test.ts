import { describe, expect, it } from 'vitest'
import { CLEAR, deviceChange, find, noChoice, processingFor, readChoice, withProcessing } from './choice'

const headset = { id: 'h', label: 'Headset' }
const built = { id: 'b', label: 'Built-in' }

describe('devices', () => {
  it('are found by id, and by name when the browser gave them new ids', () => {
    expect(find(headset, [built, headset])).toBe(headset)
    expect(find({ id: 'old', label: 'Headset' }, [built, headset])).toBe(headset)
    expect(find({ id: 'old', label: '' }, [{ id: 'x', label: '' }])).toBeNull()
    expect(find(null, [built])).toBeNull()
  })
  it('what cleans up a headset does not clean up the laptop', () => {
    const c = withProcessing(noChoice, 'Headset', { ...CLEAR, echo: false })
    expect(processingFor(c, 'Headset').echo).toBe(false)
    expect(processingFor(c, 'Built-in')).toEqual(CLEAR)
  })
  it('one that I prefer is used again when it is back', () => {
    expect(deviceChange(headset, built, [built, headset])).toEqual({ kind: 'back', to: headset })
    expect(deviceChange(headset, headset, [built, headset])).toEqual({ kind: 'same' })
    expect(deviceChange(headset, built, [built])).toEqual({ kind: 'same' })
    expect(deviceChange(null, headset, [built])).toEqual({ kind: 'gone' })
    expect(deviceChange(null, null, [])).toEqual({ kind: 'same' })
  })
  it('what was kept is read as far as it makes sense', () => {
    expect(readChoice(null)).toEqual(noChoice)
    expect(readChoice('nonsense')).toEqual(noChoice)
    expect(readChoice({ mic: 7, camera: headset, keep: 'yes', processing: { Headset: { echo: false }, x: null } })).toEqual({ ...noChoice, camera: headset, processing: { Headset: { noise: true, echo: false, gain: true } } })
    const full = { ...noChoice, mic: headset, keep: true }
    expect(readChoice(JSON.parse(JSON.stringify(full)))).toEqual(full)
  })
})
