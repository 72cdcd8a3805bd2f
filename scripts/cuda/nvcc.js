// NVIDIA's compiler, and what the GPU's kernels are compiled for.
import { run } from '../install/run.js'

/** Compute capabilities: A100, H100, B200. */
export const ARCHITECTURES = ['80', '90', '100']

/** @returns {Promise<string | undefined>} its version; undefined where it is not on PATH */
export async function nvccVersion() {
  const { code, stdout } = await run('nvcc', ['--version'])
  return code === 0 ? /release ([\d.]+)/.exec(stdout)?.[1] : undefined
}
