import type { Converter } from './converter.js'
import { DIFFUSERS } from './diffusers.js'
import { EDM_SNAPSHOT } from './edm.js'
import { K_DIFFUSION } from './k-diffusion.js'
import { SCORE_SDE } from './score-sde.js'

/** Every family of files that others write: the first that recognises one has it. A new family is a line here. */
export const CONVERTERS: readonly Converter[] = [EDM_SNAPSHOT, K_DIFFUSION, SCORE_SDE, DIFFUSERS]
