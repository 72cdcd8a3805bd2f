import { explainLoadFailure } from '../../scripts/install/explain.js'
import {
  addonProblem,
  cacheProblem,
  cudaLibrary,
  type LocatedAddon,
  locateAddon,
} from '../../scripts/install/locate.js'
import { openAddon } from '../../scripts/install/open.js'
import { PfgmError } from '../errors.js'
import type { Addon } from './addon.js'

/** One per thread, as every worker has its own copy of this module. */
let loaded: { addon: Addon; located: LocatedAddon } | undefined

/** The native addon, loaded on first use. */
export function loadAddon(): Addon {
  loaded ??= load()
  return loaded.addon
}

/**
 * The CUDA library of the loaded addon's libtorch. Undefined where there is none or no GPU answers, and for an addon that
 * PFGM_ADDON names without its pfgm_torch.json.
 */
export function addonCudaLibrary(): string | undefined {
  loaded ??= load()
  const { meta } = loaded.located
  return meta && cudaLibrary(meta.libtorch)
}

function load(): { addon: Addon; located: LocatedAddon } {
  const located = locateAddon()
  if (!located) {
    const refused = cacheProblem()
    if (refused) throw new PfgmError('ERR_PFGM_ADDON_LOAD', notLoaded(refused))
    throw new PfgmError(
      'ERR_PFGM_NO_ADDON',
      'The native addon of pfgm-torch is not built yet: run `npx pfgm-torch setup` once (or any `npx pfgm-torch` ' +
        'command, which does so by itself).',
    )
  }
  shortenSpinning()
  const problem = addonProblem(located)
  if (problem) throw loadError(located, problem.message)
  try {
    return { addon: openAddon(located) as Addon, located }
  } catch (error) {
    throw loadError(located, error instanceof Error ? error.message : String(error), error)
  }
}

/**
 * OpenMP's threads wait for each other by spinning, by default so long that two processes on the same cores slow each
 * other fivefold and more. So they spin for a short time, and not at all while the process has neighbours
 * (native/runtime/spinning.h). OpenMP reads this once, when it is loaded; a worker cannot set it for the process.
 */
function shortenSpinning(): void {
  if (process.env.GOMP_SPINCOUNT !== undefined || process.env.OMP_WAIT_POLICY !== undefined) return
  process.env.GOMP_SPINCOUNT = '10000'
  process.env.OMP_WAIT_POLICY = 'passive'
}

function loadError(located: LocatedAddon, said: string, cause?: unknown): PfgmError {
  const problem = explainLoadFailure(located, said)
  const code = problem.cause === 'no-addon' ? 'ERR_PFGM_NO_ADDON' : 'ERR_PFGM_ADDON_LOAD'
  return new PfgmError(code, notLoaded(problem), { cause })
}

function notLoaded({ message, fix }: { message: string; fix: string }): string {
  return `The native addon does not load: ${message}. To mend it: ${fix}.`
}
