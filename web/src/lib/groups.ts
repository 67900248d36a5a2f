// Names of groups, kept as they are written: they may have blanks, capitals and commas. Which of them mean the same
// is the server's to say.
/** The list with a name added; the same name in any case is not added twice. */
export function withGroup(list: readonly string[], text: string): string[] {
  const name = text.normalize('NFC').trim()
  return name === '' || list.some((g) => g.toLowerCase() === name.toLowerCase()) ? [...list] : [...list, name]
}
