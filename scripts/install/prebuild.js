// Uses the addon that the package carries where it fits the libtorch found, instead of compiling.
import { copyFileSync, existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  addonFolder,
  currentFile,
  publishFolder,
  readJson,
  sourceHash,
  temporaryName,
  writeJson,
} from './cache.js'
import { ADDON_NAME, currentEntry, META_NAME, prebuildFile } from './locate.js'

/** @typedef {import('./libtorch.js').Libtorch} Libtorch */
/** @typedef {import('./locate.js').AddonMeta} AddonMeta */

/**
 * Copies the prebuilt addon into the cache. It looks for its libraries beside itself, and there they are linked.
 * @param {Libtorch} libtorch
 * @returns {{ file: string, meta: AddonMeta } | undefined} undefined where there is none that fits
 */
export function adoptPrebuild(libtorch) {
  const prebuild = prebuildFile()
  /** @type {AddonMeta | undefined} */
  const built = prebuild && readJson(join(dirname(prebuild), META_NAME))
  const hash = sourceHash()
  if (!prebuild || built?.sourceHash !== hash || built.libtorch.version !== libtorch.version) return undefined
  const meta = { ...built, libtorch }
  const folder = addonFolder(libtorch, hash)
  const temporary = temporaryName(folder)
  mkdirSync(temporary, { recursive: true })
  copyFileSync(prebuild, join(temporary, ADDON_NAME))
  for (const name of readdirSync(join(libtorch.path, 'lib'))) {
    if (/\.(so(\.\d+)*|dylib)$/.test(name))
      symlinkSync(join(libtorch.path, 'lib', name), join(temporary, name))
  }
  writeJson(join(temporary, META_NAME), meta)
  publishFolder(temporary, folder, (each) => existsSync(join(each, ADDON_NAME)))
  writeJson(currentFile(hash), currentEntry(folder))
  return { file: join(folder, ADDON_NAME), meta }
}
