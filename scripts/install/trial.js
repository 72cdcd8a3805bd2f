// Loads libraries in a process of its own, so that a crash is an answer and not an end.
import { explainLoadFailure, explainTrial } from './explain.js'
import { addonProblem } from './locate.js'
import { run } from './run.js'

/**
 * @param {import('./locate.js').LocatedAddon} addon
 * @returns {Promise<ReturnType<typeof explainTrial>>} undefined where it loads
 */
export async function tryAddon(addon) {
  const early = addonProblem(addon)
  if (early) return explainLoadFailure(addon, early.message)
  const outcome = await run(process.execPath, ['-e', 'require(process.argv[1])', addon.file], {
    timeout: 60_000,
  })
  return explainTrial(addon, outcome)
}

/**
 * Loads libtorch's CUDA library and asks it for GPUs.
 * @param {import('./locate.js').LocatedAddon} addon one that loads
 * @param {string} library
 * @returns {Promise<{ devices: number, problem?: undefined } | { problem: string }>}
 */
export async function tryCuda(addon, library) {
  const script = `const addon = require(process.argv[1])
    const problem = addon.loadCuda(process.argv[2])
    console.log(JSON.stringify(problem ? { problem } : { devices: addon.info().cudaDevices }))`
  const args = ['-e', script, addon.file, library]
  const { code, signal, stdout, output } = await run(process.execPath, args, { timeout: 120_000 })
  if (code === 0) return JSON.parse(stdout)
  return { problem: signal ? `it ended the process (${signal})` : output.trim() }
}
