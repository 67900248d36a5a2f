// Going somewhere from where no router is at hand, such as a passing message. The app says how.
let how: (href: string) => void = (href) => location.assign(href)
export const setGo = (fn: (href: string) => void) => {
  how = fn
}
export const go = (href: string) => how(href)
