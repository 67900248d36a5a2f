/** "Go, TLS ,go" as skills: trimmed, each once. */
export function skillsOf(text: string): string[] {
  const out: string[] = []
  for (const part of text.split(',')) {
    const skill = part.trim().replace(/\s+/g, ' ')
    if (skill && !out.some((o) => o.toLowerCase() === skill.toLowerCase())) out.push(skill)
  }
  return out
}
