// npm's prepare: compiles src/ to dist/ and bundles its pages, in a clone and for `npm pack`.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** TypeScript's compiler; undefined where only the dependencies for use are installed. */
function findCompiler() {
  try {
    return createRequire(import.meta.url).resolve('typescript/bin/tsc')
  } catch {
    return undefined
  }
}

const compiler = existsSync(new URL('../src', import.meta.url)) ? findCompiler() : undefined
if (compiler) {
  const { status } = spawnSync(process.execPath, [compiler, '-b', '--force', 'tsconfig.build.json'], {
    cwd: root,
    stdio: 'inherit',
  })
  process.exitCode = status ?? 1
  if (status === 0) {
    await import('./commonjs-types.js')
    await import('./page.js')
  }
}
