// The addon with the kernels for GPUs: where it is, and why it cannot be used on a GPU here.
import { existsSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheRoot, readJson, sourceHash } from '../install/cache.js'
import { ADDON_NAME, META_NAME } from '../install/locate.js'

const folder = join(cacheRoot(), 'cuda', 'Release')
const addonFile = join(folder, ADDON_NAME)

/** What makes tests and benches use it, and a GPU. */
export const GPU_ENVIRONMENT = { PFGM_ADDON: addonFile, PFGM_TEST_DEVICE: 'cuda:0' }

/** Loads the addon and libtorch's CUDA library to see. @returns {string | undefined} undefined where a GPU can be used */
export function gpuObstacle() {
  const build = 'run `node scripts/build.js --cuda`'
  const meta = readJson(join(folder, META_NAME))
  if (!meta || !existsSync(addonFile)) return `no addon with the kernels is built: ${build}`
  if (meta.sourceHash !== sourceHash())
    return `the addon with the kernels is not built from these sources: ${build}`
  const addon = createRequire(import.meta.url)(addonFile)
  const reason = addon.loadCuda(join(meta.libtorch.path, 'lib', 'libtorch_cuda.so'))
  if (reason) return `libtorch's CUDA library does not load: ${reason}`
  return addon.info().cudaDevices > 0 ? undefined : 'no GPU answers'
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const reason = gpuObstacle()
  console.log(reason ? `Nothing can be run on a GPU: ${reason}.` : 'A GPU answers.')
  if (reason) process.exitCode = 1
}
