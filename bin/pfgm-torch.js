#!/usr/bin/env node
// Starts the command line of the library. Plain JavaScript that any Node.js can read, to tell an old one so.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const version = process.versions.node.split('.').map(Number)

if (version[0] < 20 || (version[0] === 20 && version[1] < 19)) {
  fail(`pfgm-torch needs Node.js 20.19 or newer, and this is ${process.versions.node}.`)
}
// What Node.js finds experimental or outdated concerns nobody who uses this.
if (!process.argv.includes('--debug')) process.removeAllListeners('warning')
if (isStale()) await buildOnce()
await import('../dist/cli/main.js')

/** In a clone: whether dist/ is missing or older than src/. */
function isStale() {
  const sources = join(root, 'src')
  const main = join(root, 'dist', 'cli', 'main.js')
  if (!existsSync(sources)) return false
  if (!existsSync(main)) return true
  const built = statSync(main).mtimeMs
  const files = readdirSync(sources, { recursive: true }).filter((name) => /\.(tsx?|css)$/.test(name))
  return files.some((name) => statSync(join(sources, name)).mtimeMs > built)
}

/** One process at a time: others must not load what is half written. */
async function buildOnce() {
  const { withLock } = await import('../scripts/install/lock.js')
  await withLock(join(root, 'dist', '.lock'), async () => isStale() && build())
}

function build() {
  let tsc
  try {
    tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
  } catch {
    fail('dist/ is missing or older than src/, and TypeScript is not installed: run `npm ci`.')
  }
  try {
    execFileSync(process.execPath, [tsc, '-b', '--force', join(root, 'tsconfig.build.json')], {
      stdio: ['ignore', 2, 2],
    })
    execFileSync(process.execPath, [join(root, 'scripts', 'page.js')], { stdio: ['ignore', 2, 2] })
  } catch {
    fail('dist/ is older than src/, and src/ does not compile (see above).')
  }
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
