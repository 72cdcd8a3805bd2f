import { addonsForbidden } from '../../scripts/install/access.js'
import { PfgmError } from '../errors.js'

export type Sharp = typeof import('sharp').default

/**
 * sharp, whose native half is loaded on first use: a program that reads and writes no pictures does without it.
 *
 * @throws PfgmError `ERR_PFGM_ADDON_LOAD` where it does not load
 */
export async function loadSharp(): Promise<Sharp> {
  try {
    return (await import('sharp')).default
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause)
    const { message, fix } = addonsForbidden(said) ?? {
      message: said.split('\n').slice(0, 2).join(': '),
      fix: 'install it with its optional dependencies, which `npm install --include=optional sharp` does',
    }
    const text = `sharp, which reads and writes pictures, does not load: ${message}. To mend it: ${fix}.`
    throw new PfgmError('ERR_PFGM_ADDON_LOAD', text, { cause })
  }
}
