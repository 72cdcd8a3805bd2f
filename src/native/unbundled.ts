// Imported before anything else: in a bundle the files are missing that this package finds beside its own, and what
// fails first would not say so.
import { readFileSync } from 'node:fs'
import { PfgmError } from '../errors.js'

/** A name that webpack and its kin define in what they bundle. */
declare const __webpack_require__: unknown

if (typeof __webpack_require__ !== 'undefined' || !isBesidePackage(import.meta.url)) {
  throw new PfgmError(
    'ERR_PFGM_ADDON_LOAD',
    'pfgm-torch was bundled, which it cannot be: mark it as external (esbuild: --external:pfgm-torch; webpack: ' +
      "externals: { 'pfgm-torch': 'commonjs pfgm-torch' }; Rollup and Vite: external: ['pfgm-torch']) and install " +
      'it where the bundle runs.',
  )
}

/** Whether a module's address, which bundles to CommonJS lack, lies where this module does in its package. */
function isBesidePackage(url: string | undefined): boolean {
  try {
    return JSON.parse(readFileSync(new URL('../../package.json', url), 'utf8')).name === 'pfgm-torch'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ERR_ACCESS_DENIED' // by Node.js's permission model
  }
}
