// How environments are called on screens. Whether one is production is what the server says: it knows the words
// of each project, and that what nobody knows counts as production.

const WORDS: Record<string, string> = { prod: 'Production', production: 'Production', dev: 'Development', qa: 'QA', test: 'Test', staging: 'Staging', uat: 'UAT', unknown: 'Unknown', '': 'No environment' }
const SENTENCE: Record<string, string> = { QA: 'QA', UAT: 'UAT' }

/** Environments in words. Unknown ones keep their own name. */
export const environmentWord = (env: string): string => WORDS[env.toLowerCase()] ?? env
/** The same within a sentence: a firm's own name stays as it is written. */
export const environmentInSentence = (env: string): string => {
  const word = WORDS[env.toLowerCase()]
  return word ? (SENTENCE[word] ?? word.toLowerCase()) : env
}
const saysSo = (env: string) => WORDS[env.toLowerCase()] === 'Production'

/** What a chip says: production in words, whatever it is called there; several are joined by a comma. */
export function environmentLabel(env: string, production: boolean, long = false): string {
  if (!production) return long && env ? `${env} environment` : env
  if (saysSo(env)) return 'Production'
  if (env === '') return 'Production'
  if (env.toLowerCase() === 'unknown') return 'Unknown, as production'
  return env.split(', ').some(saysSo) ? env : `${env} (production)`
}
