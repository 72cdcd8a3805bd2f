import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cacheRoot, shortHash } from '../../scripts/install/cache.js'
import { withLock } from '../../scripts/install/lock.js'
import { cleanEnvironment, put, runProgram } from './helpers.js'

/**
 * The folder `node_modules` of packages that long tests use and the project itself does not, installed once.
 * @param packages name and version; names may be aliases (`npm:name@version`)
 */
export async function toolPackages(
  packages: Readonly<Record<string, string>>,
  overrides: Readonly<Record<string, string>> = {},
): Promise<string> {
  const description = JSON.stringify({ private: true, dependencies: packages, overrides })
  const folder = join(cacheRoot(), 'tools', shortHash(description))
  const done = join(folder, 'done')
  await withLock(`${folder}.lock`, async () => {
    if (existsSync(done)) return
    put(join(folder, 'package.json'), description)
    const args = ['install', '--no-audit', '--no-fund', '--loglevel=error']
    const ended = await runProgram('npm', args, { cwd: folder, env: cleanEnvironment() })
    if (ended.code !== 0) throw new Error(`npm install of ${Object.keys(packages)} failed: ${ended.stderr}`)
    put(done, '')
  })
  return join(folder, 'node_modules')
}
