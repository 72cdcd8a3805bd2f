// Reads what a libtorch folder states of itself.
import { existsSync, readFileSync } from 'node:fs'
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

/**
 * @param {string} folder a libtorch
 * @returns {string | null} the version of CUDA that it is built for; null for a CPU build
 */
export function readCuda(folder) {
  const names = ['lib/libtorch_cuda.so', 'lib/torch_cuda.dll']
  if (!names.some((name) => existsSync(join(folder, name)))) return null
  const python = /^cuda\b.*=\s*'([\d.]+)'/m.exec(readText(join(folder, 'version.py')))?.[1]
  if (python) return python
  const digits = /\+cu(\d+)(\d)/.exec(readText(join(folder, 'build-version')))
  return digits ? `${digits[1]}.${digits[2]}` : 'unknown'
}

/** @param {string} file */
function readText(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
