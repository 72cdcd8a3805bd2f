// Loads an addon into this process.
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { OPENER_NAME } from './locate.js'

const require = createRequire(import.meta.url)

/**
 * The addon's exports. A prebuilt one does not know where its libtorch is, so libtorch's libraries are opened before it.
 * @param {import('./locate.js').LocatedAddon} addon
 * @returns {any}
 * @throws Error with the loader's message
 */
export function openAddon({ file, origin, meta }) {
  if (origin === 'prebuild' && meta) {
    const opener = require(join(dirname(file), OPENER_NAME))
    for (const name of meta.libraries ?? []) {
      const said = opener.open(join(meta.libtorch.path, 'lib', name))
      if (said !== undefined) throw new Error(said)
    }
  }
  return require(file)
}
