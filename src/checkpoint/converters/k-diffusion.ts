import { PfgmError } from '../../errors.js'
import type { Converter } from './converter.js'

/** Checkpoints of k-diffusion, whose networks are none that this package has: said by name. */
export const K_DIFFUSION: Converter = {
  family: 'a checkpoint of k-diffusion',

  recognises: (value) =>
    value instanceof Map && value.get('model') instanceof Map && value.get('model_ema') instanceof Map,

  convert({ path }) {
    throw new PfgmError(
      'ERR_PFGM_CHECKPOINT',
      `Expected ${path} to hold a network of this package but received a checkpoint of k-diffusion, whose U-Nets and transformers ` +
        'modulate their norms and learn their noise otherwise: there is no such network here',
    )
  },
}
