// Bundles the pages that the service shows: for each view, a folder of src/page/ with a main.tsx, a script, a style and a page
// in dist/page/. What a browser needs is in these; nothing is fetched from elsewhere.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const root = fileURLToPath(new URL('..', import.meta.url))
const sources = join(root, 'src', 'page')
const target = join(root, 'dist', 'page')

/** Two field lines that come down to a plane. */
const ICON =
  'data:image/svg+xml,' +
  encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#0b7285"/>' +
      '<g fill="none" stroke="#fff" stroke-width="2.5" stroke-linecap="round"><path d="M6 25h20"/>' +
      '<path d="M7 7c1 8 4 11 6 15M16 6v16M25 7c-1 8-4 11-6 15"/></g></svg>',
  )

/** The page of a view; its title, its script and its style come with the script. */
function pageOf(view) {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>pfgm-torch</title>
<link rel="icon" href="${ICON}">
<link rel="stylesheet" href="page/${view}.css">
<script type="module" src="page/${view}.js"></script>
</head>
<body>
<noscript>This page needs JavaScript.</noscript>
</body>
</html>
`
}

/** The packages that a bundle holds, each with its licence, as a comment. */
function licences(modules) {
  const folders = modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? [])
  const texts = [...new Set(folders)].sort().map((folder) => {
    const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    return `${name} ${version}\n\n${readFileSync(join(folder, 'LICENSE'), 'utf8').trim()}\n`
  })
  return texts.length > 0 ? `/*!\n${texts.join('\n').replaceAll('*/', '* /')}*/\n` : ''
}

/** A view's script, and the styles of what it is made of in the order in which they are imported. */
async function bundle(view) {
  const styles = []
  const build = await rolldown({
    input: join(sources, view, 'main.tsx'),
    platform: 'browser',
    tsconfig: join(sources, 'tsconfig.json'),
    resolve: { extensionAlias: { '.js': ['.ts', '.tsx', '.js'] } },
    transform: { define: { 'process.env.NODE_ENV': '"production"' } },
    plugins: [
      {
        name: 'styles',
        load(id) {
          if (!id.endsWith('.css')) return null
          styles.push(id)
          return { code: '', moduleType: 'js', moduleSideEffects: false }
        },
      },
    ],
  })
  const { output } = await build.generate({ format: 'esm', minify: true, codeSplitting: false })
  await build.close()
  const [{ code, moduleIds }] = output
  const css = styles.sort((a, b) => rank(a) - rank(b)).map((id) => readFileSync(id, 'utf8'))
  return { script: licences(moduleIds) + code, style: css.join('\n') }
}

/** Of packages, of the shell, of the view: what comes later has the last word. */
const rank = (id) => (id.includes('/node_modules/') ? 0 : id.startsWith(join(sources, 'shell')) ? 1 : 2)

rmSync(target, { recursive: true, force: true })
mkdirSync(target, { recursive: true })
for (const view of readdirSync(sources)) {
  if (!existsSync(join(sources, view, 'main.tsx'))) continue
  const { script, style } = await bundle(view)
  writeFileSync(join(target, `${view}.js`), script)
  writeFileSync(join(target, `${view}.css`), style)
  writeFileSync(join(target, `${view}.html`), pageOf(view))
}
