import type { PoissonFlow } from '../index.js'
import { NUMBER, SWITCH } from './kinds.js'
import { library } from './library.js'
import { DEVICE_OPTION } from './machine-options.js'
import type { Settings } from './options.js'
import { printWarning } from './output.js'

export const BEST_OPTION = {
  best: { kind: SWITCH, help: 'of a run folder: the model that --keep-best kept, in place of the newest' },
} as const

const EMA_OPTION = {
  emaRate: {
    kind: NUMBER,
    value: 'x',
    help: 'of a run folder or checkpoint: the weights averaged with this decay, one of --ema-rates of its training',
  },
} as const

/** Which model of a run, and where its network runs. */
export const MODEL_OPTIONS = { ...BEST_OPTION, ...EMA_OPTION, ...DEVICE_OPTION } as const

/** Loads the model that a command names. */
export async function loadModel(
  source: string,
  options: Settings<typeof MODEL_OPTIONS> = {},
): Promise<PoissonFlow> {
  const { PoissonFlow } = await library()
  return PoissonFlow.load(source, { ...options, onWarning: printWarning })
}
