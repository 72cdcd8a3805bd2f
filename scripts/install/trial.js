// Loads the addon in a process of its own, so that a crash is an answer and not an end.

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
