import type { PfgmSettings } from '../src/flow/pfgm.js'
import type { Model } from '../src/model/model.js'

/** The settings of a model whose flow is Poisson's. */
export function pfgmSettings({ config }: Model): PfgmSettings {
  if (config.flow.kind !== 'pfgm') throw new Error(`no Poisson flow but ${config.flow.kind}`)
  return config.flow
}

/** Of a small network that nobody trained. */
export const SMALL_PFGM = {
  sigma: 0.01,
  tau: 0.03,
  M: 200,
  restrictM: true,
  gamma: 5,
  zMax: 40,
  zMin: 1e-3,
  upperNorm: 300,
  zExp: 5,
}
