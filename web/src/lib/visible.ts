// Characters that turn the direction of what follows make a text read otherwise than it is: "exe.txt" for a program,
// one command for another. They are shown instead of obeyed. Scripts that run right to left need none of them.
const TURNS = /[\u202A-\u202E\u2066-\u2069]/g
export const visible = (text: string): string => text.replace(TURNS, (c) => `[U+${c.charCodeAt(0).toString(16).toUpperCase()}]`)
