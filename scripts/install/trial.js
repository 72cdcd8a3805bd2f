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
  const outcome = await run(process.execPath, inProcess('', addon), { timeout: 60_000 })
  return explainTrial(addon, outcome)
}

/**
 * Loads libtorch's CUDA library and asks it for GPUs.
 * @param {import('./locate.js').LocatedAddon} addon one that loads
 * @param {string} library
 * @returns {Promise<{ devices: number, problem?: undefined } | { problem: string }>}
 */
export async function tryCuda(addon, library) {
  const script = `const problem = opened.loadCuda(process.argv[2])
    console.log(JSON.stringify(problem ? { problem } : { devices: opened.info().cudaDevices }))`
  const args = inProcess(script, addon, library)
  const { code, signal, stdout, output } = await run(process.execPath, args, { timeout: 120_000 })
  if (code === 0) return JSON.parse(stdout)
  return { problem: signal ? `it ended the process (${signal})` : output.trim() }
}

/**
 * Arguments of a Node.js that opens an addon and goes on with a script.
 * @param {string} script knows the addon as `opened`
 * @param {import('./locate.js').LocatedAddon} addon
 * @param {...string} more process.argv[2] and on
 */
function inProcess(script, addon, ...more) {
  const opener = JSON.stringify(new URL('open.js', import.meta.url).href)
  const code = `import { openAddon } from ${opener}
    const opened = openAddon(JSON.parse(process.argv[1]))
    ${script}`
  return ['--input-type=module', '-e', code, JSON.stringify(addon), ...more]
}
