import path from 'node:path'
import { fileURLToPath } from 'node:url'
import tseslint from 'typescript-eslint'

const src = fileURLToPath(new URL('./src', import.meta.url))

// Imports go one way: each layer sees the ones before it, and a feature never sees another feature.
const LAYERS = ['lib', 'api', 'ui', 'realtime', 'features', 'app']

const layers = {
  meta: { type: 'problem', schema: [] },
  create(context) {
    const [from, feature] = path.relative(src, context.filename).split(path.sep)
    const at = LAYERS.indexOf(from)
    if (at < 0) return {}
    const check = (node) => {
      const name = node.source?.value
      if (typeof name !== 'string') return
      const file = name.startsWith('@/')
        ? path.join(src, name.slice(2))
        : name.startsWith('.')
          ? path.resolve(path.dirname(context.filename), name)
          : null
      if (!file) return
      const [to, other] = path.relative(src, file).split(path.sep)
      const rank = LAYERS.indexOf(to)
      if (rank > at) context.report({ node, message: `${from}/ must not import ${to}/: imports go ${LAYERS.join(' → ')}.` })
      else if (to === 'features' && from === 'features' && other !== feature)
        context.report({ node, message: `A feature never imports another (${feature} → ${other}): let app fill a slot.` })
    }
    return { ImportDeclaration: check, ExportNamedDeclaration: check, ExportAllDeclaration: check, ImportExpression: check }
  },
}

export default tseslint.config(...tseslint.configs.recommended, {
  files: ['src/**/*.{ts,tsx}', 'live/**/*.ts'],
  plugins: { muster: { rules: { layers } } },
  rules: {
    'muster/layers': 'error',
    '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    'no-restricted-syntax': [
      'error',
      { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: 'Render elements: Trusted Types refuse HTML text.' },
      { selector: "MemberExpression[property.name='innerHTML']", message: 'Render elements: Trusted Types refuse HTML text.' },
      { selector: "JSXOpeningElement[name.name='style']", message: 'Use a CSS module: the content security policy refuses style elements.' },
    ],
  },
})
