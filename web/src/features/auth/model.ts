/** Only places inside the app are gone to after the sign-in. */
export const safeNext = (next: string | undefined): string => (next && /^\/(?![/\\])/.test(next) && !/^\/(login|setup)/.test(next) ? next : '/')

/** What to say below a new password while it is typed. The server decides. */
export function passwordHint(p: string): string {
  if (!p) return 'At least 12 characters. A few unrelated words are easy to remember.'
  if (p.length < 12) return `${12 - p.length} more ${12 - p.length === 1 ? 'character' : 'characters'}.`
  return 'Long enough.'
}

/** Who sets up the office is paged where nobody else is, until there are more people. */
export function firstRotation(userId: string, zone = Intl.DateTimeFormat().resolvedOptions().timeZone) {
  return { name: 'catch-all', members: [userId], time_zone: zone || 'UTC', catch_all: true }
}

/** "Firefox on Windows", out of what a browser says of itself; what is none is named as it names itself. */
export function deviceOf(agent = ''): string {
  const first = (of: readonly [RegExp, string][]) => of.find(([sign]) => sign.test(agent))?.[1]
  const browser = first([[/Edg\w*\//, 'Edge'], [/OPR\//, 'Opera'], [/Firefox\/|FxiOS\//, 'Firefox'], [/Chrom(e|ium)\/|CriOS\//, 'Chrome'], [/Safari\//, 'Safari']])
  const system = first([[/iPhone/, 'iPhone'], [/iPad/, 'iPad'], [/Android/, 'Android'], [/Windows/, 'Windows'], [/Mac OS X/, 'macOS'], [/CrOS/, 'ChromeOS'], [/Linux|X11/, 'Linux']])
  return browser ? [browser, system].filter(Boolean).join(' on ') : agent.slice(0, 60) || 'Unknown device'
}
