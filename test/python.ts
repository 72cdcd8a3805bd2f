import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheRoot } from '../scripts/install/cache.js'
import { PINNED_VERSION } from '../scripts/install/release.js'

const call = promisify(execFile)

/** A Python that has PyTorch: the benchmarks' own, or that on PATH; undefined, and a line says so, where there is none. */
export async function pythonWithTorch(): Promise<string | undefined> {
  const ofBench = join(cacheRoot(), 'bench', `peers-${PINNED_VERSION}`, 'bin', 'python')
  const find = 'import importlib.util as u; raise SystemExit(u.find_spec("torch") is None)'
  for (const python of [ofBench, 'python3']) {
    if (python === ofBench && !existsSync(python)) continue
    const isThere = await call(python, ['-c', find]).then(
      () => true,
      () => false,
    )
    if (isThere) return python
  }
  console.log('Skipped: no Python with torch is on PATH, nor one that npm run bench made')
  return undefined
}
