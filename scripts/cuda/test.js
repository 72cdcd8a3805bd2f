// Runs the GPU's tests and a short bench on a GPU; says why where there is none to run them on.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { packageRoot } from '../install/cache.js'
import { GPU_ENVIRONMENT, gpuObstacle } from './gpu.js'

const reason = gpuObstacle()
if (reason) {
  console.log(`Skipped, nothing was run on a GPU: ${reason}.`)
} else {
  const env = { ...process.env, ...GPU_ENVIRONMENT }
  for (const args of [
    [join('node_modules', 'vitest', 'vitest.mjs'), 'run', 'test/cuda'],
    [join('scripts', 'cuda', 'bench.js')],
  ]) {
    const { status } = spawnSync(process.execPath, args, { cwd: packageRoot, env, stdio: 'inherit' })
    process.exitCode ||= status ?? 1
  }
}
