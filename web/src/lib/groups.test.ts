import { expect, test } from 'vitest'
import { withGroup } from './groups'

test('a group is kept as it is written', () => {
  expect(withGroup([], ' Payments, Level 2 ')).toEqual(['Payments, Level 2'])
  expect(withGroup(['cn=SRE,ou=Ops'], 'CN=sre,OU=ops')).toEqual(['cn=SRE,ou=Ops'])
  expect(withGroup(['a'], '  ')).toEqual(['a'])
  expect(withGroup([], 'Zürich')).toEqual(['Zürich'])
})
