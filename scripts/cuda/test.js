// Runs the GPU's tests and a short bench on a GPU; says why where there is none to run them on.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { cacheRoot, packageRoot, readJson, sourceHash } from '../install/cache.js'
import { ADDON_NAME, META_NAME } from '../install/locate.js'

const folder = join(cacheRoot(), 'cuda', 'Release')
const addonFile = join(folder, ADDON_NAME)
const meta = readJson(join(folder, META_NAME))

/** Why the tests cannot run; undefined where they can. */
function obstacle() {
  const build = 'run `node scripts/build.js --cuda`'
  if (!meta || !existsSync(addonFile)) return `no addon with the kernels is built: ${build}`
  if (meta.sourceHash !== sourceHash())
    return `the addon with the kernels is not built from these sources: ${build}`
  const addon = createRequire(import.meta.url)(addonFile)
  const reason = addon.loadCuda(join(meta.libtorch.path, 'lib', 'libtorch_cuda.so'))
  if (reason) return `libtorch's CUDA library does not load: ${reason}`
  return addon.info().cudaDevices > 0 ? undefined : 'no GPU answers'
}

const reason = obstacle()
if (reason) {
  console.log(`Skipped, nothing was run on a GPU: ${reason}.`)
} else {
  const env = { ...process.env, PFGM_ADDON: addonFile, PFGM_TEST_DEVICE: 'cuda:0' }
  for (const args of [
    [join('node_modules', 'vitest', 'vitest.mjs'), 'run', 'test/cuda'],
    [join('scripts', 'cuda', 'bench.js')],
  ]) {
    const { status } = spawnSync(process.execPath, args, { cwd: packageRoot, env, stdio: 'inherit' })
    process.exitCode ||= status ?? 1
  }
}
