import type { PfgmSettings } from '../src/flow/pfgm.js'
import type { Model } from '../src/model/model.js'

/** The settings of a model whose flow is Poisson's. */
export function pfgmSettings({ config }: Model): PfgmSettings {
  if (config.flow.kind !== 'pfgm') throw new Error(`no Poisson flow but ${config.flow.kind}`)
  return config.flow
}
