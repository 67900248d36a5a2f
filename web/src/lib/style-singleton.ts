// Stands in for react-style-singleton, which would inject a <style> element. See vite.config.ts.
export const styleSingleton = () => () => null
export const stylesheetSingleton = () => ({ add: () => {}, remove: () => {} })
export const styleHookSingleton = () => () => {}
