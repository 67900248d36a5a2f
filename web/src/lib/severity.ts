/** What stands before the severity of an incident that is not real, so that it is never taken for an outage. */
export const modeMark = (mode: string | undefined): '' | 'DRILL' | 'TEST' => (mode === 'drill' ? 'DRILL' : mode === 'test' ? 'TEST' : '')
