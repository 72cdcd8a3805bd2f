import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cleanEnvironment, freePort, put, runProgram, untilAnswers } from './helpers.js'
import { toolPackages } from './tools.js'

export interface Registry {
  readonly url: string
  close(): void
}

/** A registry on this machine that has packages of ours, and passes on the others. */
export async function startRegistry(tarballs: readonly string[]): Promise<Registry> {
  const modules = await toolPackages({ verdaccio: '6.8.0' }, { 'node-fetch': '2.7.0' })
  const folder = mkdtempSync(join(tmpdir(), 'pfgm-registry-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/`
  put(join(folder, 'config.yaml'), await config(folder))
  const server = spawn(
    process.execPath,
    [join(modules, 'verdaccio/bin/verdaccio'), '--config', 'config.yaml', '--listen', `127.0.0.1:${port}`],
    { cwd: folder, stdio: 'ignore' },
  )
  const close = () => {
    server.kill()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await untilAnswers(`${url}-/ping`, server)
    put(join(folder, '.npmrc'), `//127.0.0.1:${port}/:_authToken=any\n`)
    for (const tarball of tarballs) {
      const args = ['publish', tarball, `--registry=${url}`, `--userconfig=${join(folder, '.npmrc')}`]
      const ended = await runProgram('npm', args, { cwd: folder, env: cleanEnvironment() })
      if (ended.code !== 0) throw new Error(`npm publish of ${tarball} failed: ${ended.stderr}`)
    }
    return { url, close }
  } catch (error) {
    close()
    throw error
  }
}

async function config(folder: string): Promise<string> {
  const { stdout: upstream } = await runProgram('npm', ['config', 'get', 'registry'])
  const own = { access: '$all', publish: '$all' }
  return JSON.stringify({
    storage: join(folder, 'storage'),
    max_body_size: '600mb',
    uplinks: { upstream: { url: upstream.trim() } },
    packages: {
      'pfgm-torch': own,
      '@pfgm-torch/*': own,
      '**': { access: '$all', proxy: 'upstream' },
    },
    log: { type: 'stdout', level: 'fatal' },
  })
}
