// Reads the version that a libtorch folder states.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** @param {string} folder */
export function versionFile(folder) {
  return join(folder, 'share', 'cmake', 'Torch', 'TorchConfigVersion.cmake')
}

/**
 * @param {string} folder a libtorch
 * @returns {string | undefined} such as 2.13.0
 */
export function readVersion(folder) {
  try {
    return /PACKAGE_VERSION\s+"(\d+\.\d+[^"]*)"/.exec(readFileSync(versionFile(folder), 'utf8'))?.[1]
  } catch {
    return undefined
  }
}
