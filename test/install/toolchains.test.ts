import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../scripts/install/cache.js'
import { cleanEnvironment, type Ended, freePort, put, runProgram, untilAnswers } from './helpers.js'
import { installedProject } from './packed.js'
import { toolPackages } from './tools.js'

const MINUTE = 60_000

const TOOLS = {
  esbuild: '0.28.2',
  webpack: '5.113.0',
  'webpack-cli': '7.3.1',
  vite: '8.3.8',
  next: '16.4.6',
  react: '19.3.1',
  'react-dom': '19.3.1',
  jest: '30.5.2',
  'ts-node': '10.9.2',
  typescript: '5.9',
  '@types/node': '24',
}

const ESM = `import { PoissonFlow } from 'pfgm-torch'
const flow = await PoissonFlow.load('digits')
const { images } = await flow.sample({ count: 1, solver: 'rk45', labels: 3 })
console.log(images.shape.join())
`
const COMMONJS = `const { PoissonFlow } = require('pfgm-torch')
PoissonFlow.load('digits')
  .then((flow) => flow.sample({ count: 1, solver: 'rk45', labels: 3 }))
  .then(({ images }) => console.log(images.shape.join()))
`
const JEST = `const { PoissonFlow, Tensor } = LOAD
test('samples', async () => {
  const flow = await PoissonFlow.load('digits')
  const { images } = await flow.sample({ count: 1, solver: 'rk45', labels: 3 })
  expect(images.shape).toEqual([1, 1, 8, 8])
  const tensor = await Tensor.from(new Float32Array(4).fill(2), [4])
  expect([...(await tensor.data())]).toEqual([2, 2, 2, 2])
})
`
const SAMPLED = '1,1,8,8'
const BUNDLED = /pfgm-torch was bundled, which it cannot be: mark it as external/

interface Case {
  readonly title: string
  readonly setting: string
  readonly files: Readonly<Record<string, string>>
  /** Commands in turn: a tool's file below node_modules, and its arguments. */
  readonly commands: readonly (readonly string[])[]
  readonly env?: NodeJS.ProcessEnv
  /** What the last command prints, or says on failing. */
  readonly expected: string | RegExp
  readonly type?: 'module' | 'commonjs' | undefined
}

/** The program that bundles by esbuild, in turn with its bundle. */
const esbuild = (format: 'esm' | 'cjs', external: readonly string[]): Pick<Case, 'files' | 'commands'> => {
  const outfile = format === 'esm' ? 'out.mjs' : 'out.cjs'
  const options = {
    entryPoints: ['in.mjs'],
    bundle: true,
    platform: 'node',
    format,
    outfile,
    external,
    logLevel: 'error',
  }
  const entry = format === 'esm' ? esmEntry : promised
  return {
    files: { ...entry, 'build.cjs': `require('esbuild').buildSync(${JSON.stringify(options)})` },
    commands: [['build.cjs'], [outfile]],
  }
}
const WITHIN = ['*.node', 'sharp', 'cmake-js']
const esmEntry = { 'in.mjs': ESM }
const promised = { 'in.mjs': ESM.replace('\nconst flow', '\n;(async () => {\nconst flow').concat('})()\n') }

const webpackConfig = (externals: string) => `module.exports = {
  mode: 'production', target: 'node', entry: './in.mjs', output: { filename: 'out.cjs', path: __dirname },
  externals: ${externals}, stats: 'errors-only', ignoreWarnings: [/./], performance: false,
}`
const viteConfig = (external: string) => `export default {
  logLevel: 'error', build: { ssr: 'in.mjs', outDir: 'out', emptyOutDir: true }, ssr: { ${external} },
}`
const tsconfig = (module: string, extra = {}) =>
  JSON.stringify({
    compilerOptions: {
      module,
      target: 'es2022',
      strict: true,
      outDir: 'out',
      types: ['node'],
      skipLibCheck: true,
      ...extra,
    },
    files: ['in.ts'],
  })
const TYPED = `import { PoissonFlow, type SampleResult } from 'pfgm-torch'
async function draw(): Promise<string> {
  const flow = await PoissonFlow.load('digits')
  const { images }: SampleResult = await flow.sample({ count: 1, solver: 'rk45', labels: 3 })
  return images.shape.join()
}
draw().then((shape) => console.log(shape))
`
const tsc = (title: string, module: string, type: Case['type'], extra = {}): Case => ({
  title,
  setting: '',
  files: { 'in.ts': TYPED, 'tsconfig.json': tsconfig(module, extra) },
  commands: [['typescript/bin/tsc', '-p', '.'], ['out/in.js']],
  expected: SAMPLED,
  type,
})

const CASES: readonly Case[] = [
  {
    title: 'esbuild, ES module',
    setting: '`--external:pfgm-torch`',
    ...esbuild('esm', ['pfgm-torch']),
    expected: SAMPLED,
  },
  {
    title: 'esbuild, CommonJS',
    setting: '`--external:pfgm-torch`',
    ...esbuild('cjs', ['pfgm-torch']),
    expected: SAMPLED,
  },
  { title: 'esbuild, ES module, bundled', setting: '', ...esbuild('esm', WITHIN), expected: BUNDLED },
  { title: 'esbuild, CommonJS, bundled', setting: '', ...esbuild('cjs', WITHIN), expected: BUNDLED },
  {
    title: 'webpack',
    setting: "`externals: { 'pfgm-torch': 'commonjs pfgm-torch' }`",
    files: { ...promised, 'webpack.config.cjs': webpackConfig("{ 'pfgm-torch': 'commonjs pfgm-torch' }") },
    commands: [['webpack-cli/bin/cli.js', '--config', 'webpack.config.cjs'], ['out.cjs']],
    expected: SAMPLED,
  },
  {
    title: 'webpack, bundled',
    setting: '',
    files: {
      ...promised,
      'webpack.config.cjs': webpackConfig("{ sharp: 'commonjs sharp', 'cmake-js': 'commonjs cmake-js' }"),
    },
    commands: [['webpack-cli/bin/cli.js', '--config', 'webpack.config.cjs'], ['out.cjs']],
    expected: BUNDLED,
  },
  {
    title: 'Vite, SSR',
    setting: 'none: packages are external there',
    files: { ...esmEntry, 'vite.config.mjs': viteConfig('') },
    commands: [['vite/bin/vite.js', 'build'], ['out/in.js']],
    expected: SAMPLED,
    type: 'module',
  },
  {
    title: 'Vite, SSR, bundled',
    setting: '',
    files: { ...esmEntry, 'vite.config.mjs': viteConfig("noExternal: ['pfgm-torch']") },
    commands: [['vite/bin/vite.js', 'build'], ['out/in.js']],
    expected: BUNDLED,
    type: 'module',
  },
  {
    title: 'Jest, `import()`',
    setting: '`NODE_OPTIONS=--experimental-vm-modules`',
    files: {
      'a.test.js': JEST.replace('const { PoissonFlow, Tensor } = LOAD\n', '').replace(
        'async () => {\n',
        "async () => {\n  const { PoissonFlow, Tensor } = await import('pfgm-torch')\n",
      ),
      'jest.config.cjs': 'module.exports = {}',
    },
    commands: [['jest/bin/jest.js', '--silent']],
    env: { NODE_OPTIONS: '--experimental-vm-modules --no-warnings' },
    expected: /1 passed/,
    type: 'commonjs',
  },
  {
    title: 'Jest, ES modules',
    setting: '`NODE_OPTIONS=--experimental-vm-modules`, `transform: {}`',
    files: {
      'a.test.mjs': JEST.replace(
        'const { PoissonFlow, Tensor } = LOAD',
        "import { PoissonFlow, Tensor } from 'pfgm-torch'",
      ),
      'jest.config.cjs': "module.exports = { testMatch: ['**/*.test.mjs'], transform: {} }",
    },
    commands: [['jest/bin/jest.js', '--silent']],
    env: { NODE_OPTIONS: '--experimental-vm-modules --no-warnings' },
    expected: /1 passed/,
    type: 'commonjs',
  },
  {
    title: 'Jest, `require`',
    setting: '',
    files: {
      'a.test.js': JEST.replace('LOAD', "require('pfgm-torch')"),
      'jest.config.cjs': 'module.exports = {}',
    },
    commands: [['jest/bin/jest.js', '--silent']],
    expected:
      /Must use import to load ES Module|Cannot use import statement|Unexpected token 'export'|SyntaxError/,
    type: 'commonjs',
  },
  tsc('tsc, `module: node16`', 'node16', 'module'),
  tsc('tsc, `module: node20`', 'node20', 'module'),
  tsc('tsc, `module: nodenext`', 'nodenext', 'module'),
  tsc('tsc, `module: nodenext`, CommonJS', 'nodenext', 'commonjs'),
  tsc('tsc, `module: commonjs`', 'commonjs', 'commonjs', {
    moduleResolution: 'node10',
    esModuleInterop: true,
  }),
  {
    title: 'ts-node',
    setting: '',
    files: { 'in.ts': TYPED, 'tsconfig.json': tsconfig('nodenext') },
    commands: [['ts-node/dist/bin.js', 'in.ts']],
    expected: SAMPLED,
    type: 'commonjs',
  },
  {
    title: 'require, without any',
    setting: '',
    files: { 'in.cjs': COMMONJS },
    commands: [['in.cjs']],
    expected: SAMPLED,
  },
]

const rows: string[] = []

describe.runIf(process.env.PFGM_LONG)('the installed package, by', () => {
  let root: string
  let modules: string

  beforeAll(async () => {
    const tools = await toolPackages(TOOLS)
    root = mkdtempSync(join(tmpdir(), 'pfgm-toolchains-'))
    modules = join(root, 'node_modules')
    cpSync(tools, modules, { recursive: true, verbatimSymlinks: true })
    cpSync(join((await installedProject()).folder, 'node_modules'), modules, {
      recursive: true,
      force: false,
      verbatimSymlinks: true,
    })
  }, 20 * MINUTE)
  afterAll(() => {
    if (root) rmSync(root, { recursive: true, force: true })
    if (rows.length === 0) return
    mkdirSync(join(packageRoot, 'build'), { recursive: true })
    writeFileSync(
      join(packageRoot, 'build/toolchains.md'),
      `| by | works | setting |\n| --- | --- | --- |\n${rows.join('\n')}\n`,
    )
  })

  it.each(CASES)(
    '$title',
    { timeout: 3 * MINUTE },
    async ({ title, setting, files, commands, env, expected, type }) => {
      const folder = mkdtempSync(join(root, 'case-'))
      put(
        join(folder, 'package.json'),
        JSON.stringify({ name: 'consumer', private: true, ...(type && { type }) }),
      )
      for (const [name, text] of Object.entries(files)) put(join(folder, name), text)
      let last: Ended | undefined
      for (const [file = '', ...args] of commands) {
        const program = existsSync(join(folder, file)) ? file : join(modules, file)
        last = await runProgram(process.execPath, [program, ...args], {
          cwd: folder,
          env: cleanEnvironment(env),
        })
      }
      const said = last!.stdout + last!.stderr
      if (typeof expected === 'string') expect(last, said).toMatchObject({ code: 0, stdout: `${expected}\n` })
      else expect(said).toMatch(expected)
      const works = typeof expected === 'string' || last!.code === 0
      rows.push(`| ${title} | ${works ? 'yes' : 'no, and says so'} | ${setting} |`)
    },
  )

  it('a route of Next.js', { timeout: 5 * MINUTE }, async () => {
    const folder = mkdtempSync(join(root, 'next-'))
    put(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true }))
    const place = JSON.stringify(root)
    const settings = `{ serverExternalPackages: ['pfgm-torch'], turbopack: { root: ${place} } }`
    put(join(folder, 'next.config.mjs'), `export default ${settings}\n`)
    put(
      join(folder, 'app/layout.jsx'),
      'export default ({ children }) => <html><body>{children}</body></html>\n',
    )
    put(
      join(folder, 'app/draw/route.js'),
      `import { PoissonFlow } from 'pfgm-torch'
      export const dynamic = 'force-dynamic'
      export async function GET() {
        const flow = await PoissonFlow.load('digits')
        const { images } = await flow.sample({ count: 1, solver: 'rk45', labels: 3 })
        return new Response(images.shape.join())
      }\n`,
    )
    const next = join(modules, 'next/dist/bin/next')
    const env = cleanEnvironment({ NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' })
    const built = await runProgram(process.execPath, [next, 'build'], { cwd: folder, env })
    expect(built.code, built.stdout + built.stderr).toBe(0)
    const port = await freePort()
    const server = spawn(process.execPath, [next, 'start', '-p', String(port)], {
      cwd: folder,
      env,
      stdio: 'ignore',
    })
    try {
      const url = `http://127.0.0.1:${port}/draw`
      await untilAnswers(url, server)
      expect(await (await fetch(url)).text()).toBe(SAMPLED)
      rows.push("| Next.js, a route | yes | `serverExternalPackages: ['pfgm-torch']` |")
    } finally {
      server.kill()
    }
  })
})
