/** Whether somebody still has to say that they take care of an incident: nobody did, or it is paged again. A test calls nobody, and what is written down afterwards waits for nobody. */
export function awaitsAck(i: { stage: string; mode: string; merged_into?: string | null; times: { acknowledged?: string | null }; next_page?: unknown }): boolean {
  return i.stage !== 'resolved' && i.stage !== 'closed' && !i.merged_into && i.mode !== 'test' && i.mode !== 'retrospective' && (!i.times.acknowledged || !!i.next_page)
}
/** And that in words. */
export const awaitsWord = (i: { times: { acknowledged?: string | null } }): string => (i.times.acknowledged ? 'paged again' : 'not acknowledged')

/** What declared an incident where it was no person. */
export const declaredBy = (id: string): string => (id.startsWith('system:alert') ? 'an alert' : id === 'system:console' ? 'the console' : 'Muster')
