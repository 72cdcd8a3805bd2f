import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { downloadLibtorch } from '../../scripts/install/download.js'
import { download } from '../../scripts/install/http.js'
import { inspectLibtorch } from '../../scripts/install/libtorch.js'
import type { ProgressEvent } from '../../scripts/install/setup.js'
import {
  closedPort,
  fakeLibtorch,
  fakePython,
  put,
  runProgram,
  serve,
  temporaryFolder,
  zip,
} from './helpers.js'

const BODY = Buffer.alloc(300_000, 'libtorch ')
const SHA256 = createHash('sha256').update(BODY).digest('hex')
const whole: RequestListener = (_request, response) => void response.end(BODY)

beforeEach(() => {
  const npm = ['proxy', 'https_proxy', 'noproxy', 'cafile', 'strict_ssl'].map((name) => `npm_config_${name}`)
  for (const name of [
    'HTTP_PROXY',
    'HTTPS_PROXY',
    'NO_PROXY',
    'PFGM_LIBTORCH_URL',
    'PFGM_LIBTORCH',
    ...npm,
  ]) {
    vi.stubEnv(name, undefined)
    vi.stubEnv(name.toLowerCase(), undefined)
  }
})
afterEach(() => void vi.unstubAllEnvs())

function get(url: string, file: string, sha256 = SHA256, events: ProgressEvent[] = []): Promise<void> {
  return download({ url, sha256 }, file, (event) => void events.push(event))
}

describe('one file', () => {
  it('arrives whole, with progress', async () => {
    const file = join(temporaryFolder(), 'a.zip')
    const events: ProgressEvent[] = []
    const url = await serve((_request, response) => {
      response.setHeader('content-length', BODY.length)
      response.end(BODY)
    })
    await get(`${url}/a.zip`, file, SHA256, events)
    expect(readFileSync(file).equals(BODY)).toBe(true)
    expect(events.at(-1)).toMatchObject({
      message: 'Downloading a.zip',
      done: BODY.length,
      total: BODY.length,
    })
  })

  it('follows a redirect', async () => {
    const file = join(temporaryFolder(), 'a.zip')
    const url = await serve((request, response) => {
      if (request.url === '/a.zip') response.writeHead(302, { location: '/b.zip' }).end()
      else response.end(BODY)
    })
    await get(`${url}/a.zip`, file)
    expect(readFileSync(file).equals(BODY)).toBe(true)
  })

  it('arrives from a server that closes the connection after it', async () => {
    const large = Buffer.alloc(20_000_000, 'libtorch ')
    const url = await serve((_request, response) => {
      response.writeHead(200, { connection: 'close', 'content-length': large.length }).end(large)
    })
    const file = join(temporaryFolder(), 'a.zip')
    await get(`${url}/a.zip`, file, createHash('sha256').update(large).digest('hex'))
    expect(readFileSync(file).equals(large)).toBe(true)
  })

  it('is asked for again where the connection broke', async () => {
    const file = join(temporaryFolder(), 'a.zip')
    let requests = 0
    const url = await serve((_request, response) => {
      response.setHeader('content-length', BODY.length)
      if (++requests === 1) response.write(BODY.subarray(0, 1000), () => response.destroy())
      else response.end(BODY)
    })
    await get(`${url}/a.zip`, file)
    expect(requests).toBe(2)
    expect(readFileSync(file).equals(BODY)).toBe(true)
  })

  it('is an error, and no file, where it stays cut short', async () => {
    const folder = temporaryFolder()
    const url = await serve((_request, response) => {
      response.setHeader('content-length', BODY.length)
      response.write(BODY.subarray(0, 1000), () => response.destroy())
    })
    // Many at once: whether the file is open before the connection breaks is a matter of chance.
    await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        expect(get(`${url}/a.zip`, join(folder, `${i}.zip`))).rejects.toThrow(
          /could not be downloaded: .*(broke|closed)/,
        ),
      ),
    )
    expect(readdirSync(folder)).toEqual([])
  })

  it('is an error where the checksum differs', async () => {
    const file = join(temporaryFolder(), 'a.zip')
    const url = await serve(whole)
    await expect(get(`${url}/a.zip`, file, '0'.repeat(64))).rejects.toThrow(
      `should be ${'0'.repeat(64)} and is ${SHA256}`,
    )
    expect(existsSync(file)).toBe(false)
  })

  it('is an error at once where the server does not have it', async () => {
    let requests = 0
    const url = await serve((_request, response) => {
      requests++
      response.writeHead(404).end()
    })
    await expect(get(`${url}/a.zip`, join(temporaryFolder(), 'a.zip'))).rejects.toMatchObject({
      code: 'ERR_PFGM_SETUP',
      message: expect.stringContaining('the server answered 404 Not Found'),
    })
    expect(requests).toBe(1)
  })

  it('is an error at once where nobody listens, or the host is unknown', async () => {
    const file = join(temporaryFolder(), 'a.zip')
    const started = performance.now()
    await expect(get(`${await closedPort()}/a.zip`, file)).rejects.toThrow('the connection was refused')
    await expect(get('http://nowhere.invalid/a.zip', file)).rejects.toThrow(/its host is not known here/)
    expect(performance.now() - started).toBeLessThan(5000)
  })
})

describe('a proxy', () => {
  /** A proxy that notes what it was asked for. */
  async function startProxy(): Promise<{ url: string; seen: string[] }> {
    const seen: string[] = []
    const forward = (request: IncomingMessage, response: ServerResponse) => {
      seen.push(`${request.method} ${request.url}`)
      response.end(BODY)
    }
    const tunnel = (server: Server) =>
      server.on('connect', (request, socket) => {
        seen.push(`CONNECT ${request.url}`)
        const [host = '', port] = (request.url ?? '').split(':')
        if (port === '443') return void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
        const target = connect(Number(port), host, () => {
          socket.write('HTTP/1.1 200 OK\r\n\r\n')
          target.pipe(socket)
          socket.pipe(target)
        })
        target.on('error', () => socket.destroy())
        socket.on('error', () => target.destroy())
      })
    return { url: await serve(forward, tunnel), seen }
  }

  it('of HTTP_PROXY is used', async () => {
    const proxy = await startProxy()
    vi.stubEnv('HTTP_PROXY', proxy.url)
    await get(`${await serve(whole)}/a.zip`, join(temporaryFolder(), 'a.zip'))
    expect(proxy.seen).toHaveLength(1)
  })

  it('of HTTPS_PROXY is asked for a tunnel, and told where it refuses one', async () => {
    const proxy = await startProxy()
    vi.stubEnv('HTTPS_PROXY', proxy.url)
    await expect(get('https://libtorch.invalid/a.zip', join(temporaryFolder(), 'a.zip'))).rejects.toThrow(
      'could not be downloaded: the proxy answered 403.',
    )
    expect(proxy.seen).toEqual(['CONNECT libtorch.invalid:443'])
  })

  it('that wants a password is told so', async () => {
    const refuse = (server: Server) =>
      server.on('connect', (_request, socket) => socket.end('HTTP/1.1 407 Who is it\r\n\r\n'))
    vi.stubEnv('HTTPS_PROXY', await serve(whole, refuse))
    await expect(get('https://libtorch.invalid/a.zip', join(temporaryFolder(), 'a.zip'))).rejects.toThrow(
      /the proxy wants a name and a password \(407\)/,
    )
  })

  it.runIf(process.env.PFGM_LONG)('that says nothing is given up', async () => {
    const started = performance.now()
    vi.stubEnv('HTTPS_PROXY', await serve(whole, (server) => server.on('connect', () => {})))
    await expect(get('https://libtorch.invalid/a.zip', join(temporaryFolder(), 'a.zip'))).rejects.toThrow(
      /nobody answered in time/,
    )
    expect(performance.now() - started).toBeLessThan(30_000)
  })

  it('that is no URL is an error that names the variables', async () => {
    vi.stubEnv('HTTPS_PROXY', '::')
    await expect(get('https://libtorch.invalid/a.zip', join(temporaryFolder(), 'a.zip'))).rejects.toThrow(
      /HTTPS_PROXY .* should be URLs/,
    )
  })

  it('is left aside for hosts of NO_PROXY', async () => {
    const proxy = await startProxy()
    vi.stubEnv('HTTP_PROXY', proxy.url)
    vi.stubEnv('NO_PROXY', '127.0.0.1')
    await get(`${await serve(whole)}/a.zip`, join(temporaryFolder(), 'a.zip'))
    expect(proxy.seen).toEqual([])
  })

  it('of npm is used where the environment names none', async () => {
    const [npm, own] = [await startProxy(), await startProxy()]
    const settings = { proxy: npm.url, 'https-proxy': npm.url, noproxy: 'direct.invalid' }
    for (const [name, value] of Object.entries(await npmEnvironment(settings))) vi.stubEnv(name, value)
    const url = `${await serve(whole)}/a.zip`
    const tunnel = () => get('https://libtorch.invalid/a.zip', join(temporaryFolder(), 'a.zip'))
    await get(url, join(temporaryFolder(), 'a.zip'))
    await expect(tunnel()).rejects.toThrow()
    expect(npm.seen).toEqual([`CONNECT ${new URL(url).host}`, 'CONNECT libtorch.invalid:443'])

    vi.stubEnv('npm_config_noproxy', '127.0.0.1')
    await get(url, join(temporaryFolder(), 'a.zip'))
    expect(npm.seen).toHaveLength(2)

    vi.stubEnv('HTTPS_PROXY', own.url)
    await expect(tunnel()).rejects.toThrow()
    expect(own.seen).toEqual(['CONNECT libtorch.invalid:443'])
  })
})

/** What npm hands to its scripts where a .npmrc holds these settings. */
async function npmEnvironment(settings: Record<string, string>): Promise<Record<string, string>> {
  const folder = temporaryFolder()
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
  put(join(folder, '.npmrc'), lines.join(''))
  put(
    join(folder, 'package.json'),
    JSON.stringify({ scripts: { show: 'node -p "JSON.stringify(process.env)"' } }),
  )
  const { stdout } = await runProgram('npm', ['run', '--silent', 'show'], { cwd: folder })
  const names = Object.entries<string>(JSON.parse(stdout)).filter(([name]) => name.startsWith('npm_config_'))
  return Object.fromEntries(names)
}

describe('a certificate that is not known here', () => {
  /** A server that signs for itself. */
  async function startServer(): Promise<{ url: string; certificate: string }> {
    const folder = temporaryFolder()
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
    const how = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject]
    await runProgram('openssl', [...how, '-keyout', key, '-out', cert])
    const server = createSecureServer({ key: readFileSync(key), cert: readFileSync(cert) }, whole)
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    onTestFinished(() => void server.close())
    return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/a.zip`, certificate: cert }
  }

  it("is told with what makes it known, and npm's settings for it are followed", async () => {
    const { url, certificate } = await startServer()
    const file = join(temporaryFolder(), 'a.zip')
    await expect(get(url, file)).rejects.toThrow(/certificate is not trusted here .*NODE_EXTRA_CA_CERTS/)
    for (const settings of [{ cafile: certificate }, { 'strict-ssl': 'false' }]) {
      for (const [name, value] of Object.entries(await npmEnvironment(settings))) vi.stubEnv(name, value)
      await get(url, file)
      expect(readFileSync(file).equals(BODY)).toBe(true)
    }
  })
})

describe('libtorch', () => {
  async function archiveOf(version: string): Promise<{ bytes: Buffer; sha256: string }> {
    const folder = temporaryFolder()
    fakeLibtorch(join(folder, 'libtorch'), version)
    const bytes = readFileSync(await zip(folder, 'libtorch', join(folder, 'a.zip')))
    return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') }
  }

  it('comes from the place that PFGM_LIBTORCH_URL names, once for two setups at a time', async () => {
    const cache = temporaryFolder()
    const { bytes, sha256 } = await archiveOf('2.13.0')
    let requests = 0
    const url = await serve((_request, response) => {
      requests++
      setTimeout(() => response.end(bytes), 200)
    })
    vi.stubEnv('PFGM_CACHE', cache)
    vi.stubEnv('PFGM_LIBTORCH_URL', `${url}/libtorch.zip#sha256=${sha256}`)
    const [first, second] = await Promise.all([downloadLibtorch(() => {}), downloadLibtorch(() => {})])
    expect(first.folder).toBe(join(cache, 'libtorch', '2.13.0-cpu'))
    expect(second.folder).toBe(first.folder)
    expect(requests).toBe(1)
    expect(inspectLibtorch(first.folder).libtorch?.version).toBe('2.13.0')
    expect(readdirSync(join(cache, 'libtorch'))).toEqual(['2.13.0-cpu'])
  })

  it('is checked against the pinned checksum where the URL names none', async () => {
    const cache = temporaryFolder()
    const { bytes } = await archiveOf('2.13.0')
    vi.stubEnv('PFGM_CACHE', cache)
    vi.stubEnv(
      'PFGM_LIBTORCH_URL',
      `${await serve((_request, response) => void response.end(bytes))}/libtorch.zip`,
    )
    await expect(downloadLibtorch(() => {})).rejects.toThrow('SHA-256')
    expect(readdirSync(join(cache, 'libtorch'))).toEqual([])
  })

  it('comes from pip where the vendor cannot be reached, without what Python needs of it', async () => {
    const [cache, work] = [temporaryFolder(), temporaryFolder()]
    fakeLibtorch(join(work, 'torch'))
    put(join(work, 'torch/version.py'), "__version__ = '2.13.0+cpu'\ncuda: Optional[str] = None\n")
    put(join(work, 'torch/lib/libtorch_python.so'), 'not needed')
    put(join(work, 'torch/nn/modules.py'), 'not needed')
    const wheel = await zip(work, 'torch', join(work, 'torch-2.13.0-cp312-none-any.whl'))
    const script = `case "$*" in
      *--version*) echo "pip 24.2 from somewhere";;
      *"download --no-deps --only-binary :all:"*torch==2.13.0*) while [ "$1" != --dest ]; do shift; done; cp "${wheel}" "$2";;
      *) exit 1;;
    esac`
    vi.stubEnv('PATH', fakePython(join(work, 'bin'), script))
    vi.stubEnv('PFGM_CACHE', cache)
    vi.stubEnv('HTTPS_PROXY', await closedPort())
    const { folder, from } = await downloadLibtorch(() => {})
    expect(from).toBe('pip')
    expect(readdirSync(folder).sort()).toEqual(['build-version', 'include', 'lib', 'share', 'version.py'])
    expect(readdirSync(join(folder, 'lib')).sort()).toEqual(['libc10.so', 'libtorch_cpu.so'])
    expect(inspectLibtorch(folder).libtorch?.version).toBe('2.13.0')
  })

  it('that cannot be had at all is told with both reasons', async () => {
    vi.stubEnv('PFGM_CACHE', temporaryFolder())
    vi.stubEnv('HTTPS_PROXY', await closedPort())
    const python = fakePython(
      join(temporaryFolder(), 'bin'),
      'case "$*" in *--version*) echo "pip 24.2";; *) echo "ERROR: No matching distribution" >&2; exit 1;; esac',
    )
    vi.stubEnv('PATH', python)
    await expect(downloadLibtorch(() => {})).rejects.toThrow(
      /refused.* pip could not download .*No matching distribution/,
    )
    const broken =
      "WARNING: Retrying after connection broken by 'ProxyError('Cannot connect.')': /simple/torch/"
    const offline = fakePython(
      join(temporaryFolder(), 'bin'),
      `case "$*" in *--version*) echo "pip 24.2";; *) echo "${broken}"; echo "ERROR: No matching distribution"; exit 1;; esac`,
    )
    vi.stubEnv('PATH', offline)
    await expect(downloadLibtorch(() => {})).rejects.toThrow(/its index could not be reached \(ProxyError\)/)
  })
})
