// @vitest-environment jsdom
import { beforeEach, expect, it } from 'vitest'
import { beginDrafts, draftOf, editOf, endEdit, keepDraft, keepEdit } from './drafts'

beforeEach(() => localStorage.clear())

it('an emptied field lets go of its own words, not of what another tab has written since', () => {
  keepDraft('r', 'in one tab')
  keepDraft('r', 'in the other tab')
  keepDraft('r', '', 'in one tab') // the first tab sends
  expect(draftOf('r')).toBe('in the other tab')
  keepDraft('r', '', 'in the other tab')
  expect(draftOf('r')).toBe('')
})
it('a message that is being changed is kept until it is saved or given up', () => {
  keepEdit('r', 'm1', 'half an edit')
  beginDrafts()
  expect(editOf('r')).toEqual({ id: 'm1', text: 'half an edit' })
  localStorage.setItem('muster.edit.somebody.r', '{"id":"m2","text":"theirs"}')
  beginDrafts()
  expect(localStorage.getItem('muster.edit.somebody.r')).toBeNull()
  endEdit('r')
  expect(editOf('r')).toBeNull()
})
