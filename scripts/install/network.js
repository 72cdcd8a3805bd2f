// How this machine reaches the network: the variables that programs share, then npm's own settings, which npm and npx
// hand to what they start.
import { readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'

/**
 * @typedef {object} Proxies
 * @property {string} [httpProxy]
 * @property {string} [httpsProxy]
 * @property {string} [noProxy] hosts that are reached directly
 */

/** @returns {Proxies} */
export function proxies(env = process.env) {
  /** @param {string[]} names */
  const first = (...names) => names.map((name) => env[name]).find((value) => value && value !== 'null')
  const httpProxy = first('http_proxy', 'HTTP_PROXY', 'npm_config_proxy')
  const httpsProxy = first('https_proxy', 'HTTPS_PROXY', 'npm_config_https_proxy', 'npm_config_proxy')
  const noProxy = first('no_proxy', 'NO_PROXY', 'npm_config_noproxy')
  return { ...(httpProxy && { httpProxy }), ...(httpsProxy && { httpsProxy }), ...(noProxy && { noProxy }) }
}

/**
 * Whose certificates are trusted. `strict-ssl=false` is followed, as what is downloaded is checked by its SHA-256.
 * @returns {{ ca?: string[], rejectUnauthorized?: boolean }}
 */
export function trust(env = process.env) {
  if (['', 'false'].includes(env.npm_config_strict_ssl ?? 'true')) return { rejectUnauthorized: false }
  if (!env.npm_config_cafile) return {} // Node.js's own certificates, with NODE_EXTRA_CA_CERTS
  const files = [env.npm_config_cafile, env.NODE_EXTRA_CA_CERTS]
  return { ca: [...rootCertificates, ...files.map(readIfThere).filter((text) => text !== '')] }
}

/** @param {string | undefined} file */
function readIfThere(file) {
  try {
    return file ? readFileSync(file, 'utf8') : ''
  } catch {
    return ''
  }
}
