import type { AddonProblem, LocatedAddon } from './locate.js'

/** Why an addon did not load, from what the loader said, and the command that mends it. */
export declare function explainLoadFailure(addon: LocatedAddon, said: string): AddonProblem & { fix: string }

/** Why a process that only loads the addon failed; undefined where it loaded. */
export declare function explainTrial(
  addon: LocatedAddon,
  outcome: { code: number | null; signal: string | null; output: string },
): (AddonProblem & { fix: string }) | undefined
