// Names of emoji as people type them between colons.
export const NAMES: Readonly<Record<string, string>> = Object.fromEntries(
  '+1 thumbsup 👍|-1 thumbsdown 👎|eyes 👀|white_check_mark check ✅|x ❌|pray 🙏|tada 🎉|heart ❤️|smile 😄|grin 😁|joy 😂|rofl 🤣|wink 😉|thinking 🤔|sweat_smile 😅|sob 😭|cry 😢|scream 😱|fire 🔥|warning ⚠️|rotating_light 🚨|rocket 🚀|handshake 🤝|clap 👏|wave 👋|ok_hand 👌|muscle 💪|point_up ☝️|raised_hands 🙌|shrug 🤷|facepalm 🤦|bulb 💡|bug 🐛|wrench 🔧|hammer 🔨|gear ⚙️|package 📦|lock 🔒|unlock 🔓|key 🔑|mag 🔍|memo 📝|pushpin 📌|calendar 📅|clock ⏰|hourglass ⏳|stopwatch ⏱️|chart 📈|chart_down 📉|bell 🔔|no_bell 🔕|phone ☎️|coffee ☕|pizza 🍕|beer 🍺|cake 🎂|sun ☀️|zap ⚡|snowflake ❄️|100 💯|question ❓|exclamation ❗|heavy_plus_sign ➕|recycle ♻️|stop 🛑|construction 🚧|green_circle 🟢|yellow_circle 🟡|red_circle 🔴|checkered_flag 🏁'
    .split('|')
    .flatMap((line) => {
      const words = line.split(' ')
      const emoji = words.pop()!
      return words.map((name) => [name, emoji])
    }),
)
const CODE = /(^|[\s([{>])(:([a-z0-9_+-]{1,24}):)$/
/** A name just closed at the caret becomes its emoji; not within code, where colons are colons. */
export function withEmoji(text: string, caret: number): { text: string; caret: number } | null {
  const before = text.slice(0, caret)
  const m = CODE.exec(before)
  const emoji = m && Object.hasOwn(NAMES, m[3]!) ? NAMES[m[3]!] : undefined
  if (!emoji || text.startsWith('/') || (before.match(/`/g)?.length ?? 0) % 2) return null
  const start = caret - m![2]!.length
  return { text: text.slice(0, start) + emoji + text.slice(caret), caret: start + emoji.length }
}

/** Names in a text that was pasted, or that a program wrote, as their emoji. What is no name stays as it is. */
export const asEmoji = (text: string): string =>
  text.includes(':') ? text.replace(/(^|[\s([{>]):([a-z0-9_+-]{1,24}):(?![\w:])/g, (all, before: string, name: string) => (Object.hasOwn(NAMES, name) ? before + NAMES[name] : all)) : text

const BY_EMOJI = new Map(Object.entries(NAMES).map(([name, emoji]) => [emoji, name.replace(/_/g, ' ')]))
/** What an emoji is called, for who cannot see it; two of the signs are said by what they mean. */
export const emojiName = (emoji: string): string => ({ '+1': 'thumbs up', '-1': 'thumbs down', thumbsup: 'thumbs up', thumbsdown: 'thumbs down' })[BY_EMOJI.get(emoji) ?? ''] ?? BY_EMOJI.get(emoji) ?? emoji
