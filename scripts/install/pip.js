// Gets the CPU wheel of torch with the user's own pip: mirrors and proxies that pip knows then serve here too.
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { SetupError } from './error.js'
import { proxies } from './network.js'
import { pipRequirement } from './release.js'
import { run } from './run.js'

/** @typedef {import('./setup.js').OnProgress} OnProgress */

/**
 * @param {string} folder to put the wheel in
 * @param {OnProgress} onProgress
 * @returns {Promise<string>} the wheel
 */
export async function pipDownload(folder, onProgress) {
  const python = await findPip()
  const requirement = pipRequirement()
  const message = `Downloading ${requirement} with pip`
  onProgress({ phase: 'download', message })
  mkdirSync(folder, { recursive: true })
  const args = [
    '-m',
    'pip',
    'download',
    '--no-deps',
    '--only-binary',
    ':all:',
    '--no-input',
    '--retries',
    '1',
  ]
  if (python.rawProgress) args.push('--progress-bar', 'raw')
  args.push('--dest', folder, requirement)
  const { httpProxy, httpsProxy, noProxy } = proxies()
  const { code, output } = await run(python.command, args, {
    env: {
      ...process.env,
      ...(httpProxy && { http_proxy: httpProxy }),
      ...(httpsProxy && { https_proxy: httpsProxy }),
      ...(noProxy && { no_proxy: noProxy }),
    },
    onLine: (line) => {
      const [, done, total] = /^Progress (\d+) of (\d+)/.exec(line) ?? []
      if (done)
        onProgress({ phase: 'download', message, done: Number(done), total: Number(total), unit: 'bytes' })
    },
  })
  const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'))
  if (code === 0 && wheel) return join(folder, wheel)
  throw new SetupError(`pip could not download ${requirement}: ${reasonIn(output) ?? `exit code ${code}`}.`)
}

/**
 * What kept pip from it. Of an index that it cannot reach it says in the end only that nothing was found there.
 * @param {string} output
 */
function reasonIn(output) {
  const [, broken] = /connection broken by '(\w+)/.exec(output) ?? []
  if (broken) return `its index could not be reached (${broken})`
  const errors = output.split('\n').filter((line) => line.startsWith('ERROR:'))
  return errors.at(-1)?.slice(7)
}

/** A Python that has pip. */
async function findPip() {
  for (const command of ['python3', 'python']) {
    const { code, stdout } = await run(command, ['-m', 'pip', '--version'], { timeout: 20_000 })
    const [, major, minor] = /^pip (\d+)\.(\d+)/.exec(stdout) ?? []
    if (code !== 0 || !major) continue
    const rawProgress = Number(major) > 24 || (Number(major) === 24 && Number(minor) >= 1)
    return { command, rawProgress }
  }
  throw new SetupError('No Python with pip is on PATH.')
}
