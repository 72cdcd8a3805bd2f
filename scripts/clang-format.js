// Checks the form of the C++ files, or mends it with --write. Without clang-format it says so and passes.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { nativeFiles } from './install/cache.js'

const files = nativeFiles(fileURLToPath(new URL('../native', import.meta.url)))
const mode = process.argv.includes('--write') ? ['-i'] : ['--dry-run', '--Werror']

if (spawnSync('clang-format', ['--version']).status !== 0) {
  console.log('clang-format is not installed: the form of native/ is not checked')
} else if (files.length > 0) {
  process.exitCode = spawnSync('clang-format', [...mode, ...files], { stdio: 'inherit' }).status ?? 1
}
