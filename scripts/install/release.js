// The libtorch release that setup downloads where none is there, and the versions that it accepts.
import { join } from 'node:path'
import { cacheRoot } from './cache.js'
import { SetupError } from './error.js'

/** Downloaded where nothing else is found. */
export const PINNED_VERSION = '2.13.0'

/** Where the pinned release is kept once it is downloaded. */
export function pinnedFolder(env = process.env) {
  return join(cacheRoot(env), 'libtorch', `${PINNED_VERSION}-cpu`)
}

/** The oldest libtorch that the addon is written for. */
export const MINIMUM_VERSION = '2.11'

/**
 * @typedef {object} Archive
 * @property {string} url
 * @property {string} [sha256]
 * @property {number} [bytes]
 */

const SITE = 'https://download.pytorch.org'

/** @type {Record<string, Archive>} */
const ARCHIVES = {
  'linux-x64': {
    url: `${SITE}/libtorch/cpu/libtorch-shared-with-deps-2.13.0%2Bcpu.zip`,
    sha256: 'edbf4cbed78433d803e90a65f1752e57783d164bce66c95c0872b2ab8f5c159e',
    bytes: 126385248,
  },
  // no archive is published for Linux on ARM; the wheel's torch/ folder is the same distribution
  'linux-arm64': {
    url: `${SITE}/whl/cpu/torch-2.13.0%2Bcpu-cp314-cp314-manylinux_2_28_aarch64.whl`,
    sha256: 'ca021f9eb2f8345c83fa03e3a04587308afb8df71bd472670b3ece00df58621c',
  },
  'darwin-arm64': {
    url: `${SITE}/libtorch/cpu/libtorch-macos-arm64-2.13.0.zip`,
    sha256: '1e10c6c4dc2764150c9fb2ad28e1889191302734e7f939108e5d2f22f21a06f8',
  },
}

/**
 * The CPU archive for this machine. PFGM_LIBTORCH_URL names another place; `#sha256=…` at its end, another archive.
 * @returns {Archive | undefined} undefined where none is published
 */
export function pinnedArchive(env = process.env, platform = `${process.platform}-${process.arch}`) {
  const official = ARCHIVES[platform]
  if (!env.PFGM_LIBTORCH_URL) return official
  const [url = '', fragment = ''] = env.PFGM_LIBTORCH_URL.split('#')
  const own = /^sha256=([0-9a-f]{64})$/i.exec(fragment)?.[1]?.toLowerCase()
  if (!URL.canParse(url)) throw new SetupError(`PFGM_LIBTORCH_URL should be a URL and is '${url}'.`)
  if (own) return { url, sha256: own }
  if (official && !fragment) return { ...official, url }
  throw new SetupError('PFGM_LIBTORCH_URL should end with #sha256= and the 64 hex digits of its archive.')
}

/**
 * pip's name for the same CPU build. On Linux the bare version is the CUDA build; on macOS there is no other.
 */
export function pipRequirement(platform = process.platform) {
  return platform === 'darwin' ? `torch==${PINNED_VERSION}` : `torch==${PINNED_VERSION}+cpu`
}

/** @param {string} version */
export function isSupported(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [wantedMajor = 0, wantedMinor = 0] = MINIMUM_VERSION.split('.').map(Number)
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)
}
