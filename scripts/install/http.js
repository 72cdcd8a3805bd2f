// Fetches one file over HTTP: proxies honoured, length and checksum checked.
import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { STATUS_CODES } from 'node:http'
import { basename } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { EnvHttpProxyAgent, interceptors, Pool, request } from 'undici'
import { messageOf, SetupError } from './error.js'
import { proxies, trust } from './network.js'

/** @typedef {import('./setup.js').OnProgress} OnProgress */

const ATTEMPTS = 3

/** How long a server may say nothing, in milliseconds: with what pip waits after it, a setup fails within a minute or so. */
const SILENCE = { connect: 15_000, headers: 30_000, body: 30_000 }

/** A failure that another attempt may mend. */
class Passing extends Error {}

/**
 * @param {import('./release.js').Archive} archive
 * @param {string} file
 * @param {OnProgress} onProgress
 */
export async function download(archive, file, onProgress) {
  const dispatcher = makeDispatcher()
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await downloadOnce(archive, file, dispatcher, onProgress)
      } catch (error) {
        rmSync(file, { force: true })
        if (!(error instanceof Passing) || attempt === ATTEMPTS) throw asSetupError(archive, error)
      }
      await delay(300 * attempt)
    }
  } finally {
    await dispatcher.destroy()
  }
}

function makeDispatcher() {
  const tls = trust()
  const options = {
    ...proxies(),
    connect: { timeout: SILENCE.connect, ...tls },
    requestTls: tls,
    proxyTls: tls,
    headersTimeout: SILENCE.headers,
    bodyTimeout: SILENCE.body,
    clientFactory: proxyClient,
  }
  try {
    return new EnvHttpProxyAgent(options).compose(interceptors.redirect({ maxRedirections: 10 }))
  } catch (error) {
    const names = 'HTTP_PROXY, HTTPS_PROXY and the proxy settings of npm'
    throw new SetupError(`${names} should be URLs such as http://proxy:3128: ${messageOf(error)}.`, {
      cause: error,
    })
  }
}

/**
 * Of a proxy, which would be waited for by other limits than those of the servers behind it: five minutes.
 * @param {URL} origin
 * @param {object} options
 */
function proxyClient(origin, options) {
  return new Pool(origin, { ...options, headersTimeout: SILENCE.connect })
}

/**
 * @param {import('./release.js').Archive} archive
 * @param {string} file
 * @param {import('undici').Dispatcher} dispatcher
 * @param {OnProgress} onProgress
 */
async function downloadOnce({ url, sha256, bytes }, file, dispatcher, onProgress) {
  // What the disk lags behind waits in memory: undici 7 ends the process where a server closes a connection that waits.
  const highWaterMark = Number.MAX_SAFE_INTEGER
  const { statusCode, headers, body } = await request(url, { dispatcher, highWaterMark }).catch(throwPassing)
  if (statusCode !== 200) {
    body.on('error', () => {}).destroy()
    const answer = `the server answered ${statusCode} ${STATUS_CODES[statusCode] ?? ''}`.trim()
    throw statusCode >= 500 ? new Passing(answer) : new Error(answer)
  }
  const total = Number(headers['content-length']) || bytes
  const hash = createHash('sha256')
  let done = 0
  const meter = new Transform({
    transform(chunk, _encoding, next) {
      hash.update(chunk)
      done += chunk.length
      onProgress({ phase: 'download', message: `Downloading ${nameOf(url)}`, done, total, unit: 'bytes' })
      next(null, chunk)
    },
  })
  // Opened before and closed after: a stream that opens its file itself may do so after it has failed, and leave one.
  const target = await open(file, 'w')
  try {
    await pipeline(body, meter, target.createWriteStream())
  } catch (error) {
    if (isDisk(error) || isSilence(error)) throw error
    throw new Passing(`the connection broke after ${done} of ${total ?? 'an unknown number of'} bytes`)
  } finally {
    await target.close()
  }
  if (total !== undefined && done < total) throw new Passing(`only ${done} of ${total} bytes came`)
  const came = hash.digest('hex')
  if (sha256 !== undefined && came !== sha256)
    throw new Error(`its SHA-256 should be ${sha256} and is ${came}`)
}

/**
 * @param {any} error
 * @returns {never}
 */
function throwPassing(error) {
  const { code } = rootOf(error)
  if (code === 'ECONNRESET' || code === 'UND_ERR_SOCKET')
    throw new Passing('the server closed the connection')
  throw error
}

/** @param {unknown} error */
function isDisk(error) {
  return ['ENOSPC', 'EACCES', 'EROFS', 'EDQUOT'].includes(/** @type {any} */ (error)?.code)
}

/** @param {unknown} error */
function isSilence(error) {
  return /^UND_ERR_\w+_TIMEOUT$/.test(rootOf(error)?.code)
}

/**
 * @param {import('./release.js').Archive} archive
 * @param {unknown} error
 */
function asSetupError({ url }, error) {
  return new SetupError(`${url} could not be downloaded: ${describe(rootOf(error))}.`, { cause: error })
}

/**
 * What an error came of in the end.
 * @param {any} error
 * @returns {any}
 */
function rootOf(error) {
  return error instanceof Error && error.cause !== undefined ? rootOf(error.cause) : error
}

/** @param {unknown} error */
function describe(error) {
  const { code = '', message = '' } = /** @type {{ code?: string, message?: string }} */ (error)
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return 'its host is not known here (offline, or a proxy is needed)'
  if (code === 'ECONNREFUSED') return 'the connection was refused'
  if (/CERT|UNABLE_TO_(VERIFY|GET_ISSUER)/.test(code)) {
    const fix = "set NODE_EXTRA_CA_CERTS to a file with your network's own certificates"
    return `its certificate is not trusted here (${code}); where a proxy shows its own, ${fix}`
  }
  if (isSilence(error)) return 'nobody answered in time (offline, or another proxy is needed)'
  const [, refusal] = /^Proxy response \((\d+)\)/.exec(message) ?? []
  if (refusal === '407') return 'the proxy wants a name and a password (407): http://name:password@proxy:3128'
  if (refusal) return `the proxy answered ${refusal}`
  return message.replace(/\.$/, '') || code || messageOf(error)
}

/** @param {string} url */
function nameOf(url) {
  return decodeURIComponent(basename(new URL(url).pathname))
}
