import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { type BuildOptions, buildSync } from 'esbuild'
import { beforeAll, describe, expect, it } from 'vitest'
import { cleanEnvironment, type Ended, put, runProgram, temporaryFolder } from './helpers.js'
import { installedProject, type Project } from './packed.js'

let project: Project

beforeAll(async () => {
  project = await installedProject()
}, 600_000)

/** Bundles a small program by esbuild, and runs what comes of it in a folder. */
async function runBundle(folder: string, options: BuildOptions): Promise<Ended> {
  const entry = join(project.folder, 'bundled.mjs')
  put(entry, "import { PfgmError } from 'pfgm-torch'\nconsole.log(new PfgmError('ERR_PFGM_IO', 'x').code)\n")
  const outfile = join(folder, options.format === 'cjs' ? 'out.cjs' : 'out.mjs')
  const { external = [] } = options
  buildSync({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    logLevel: 'error',
    logOverride: { 'empty-import-meta': 'silent' },
    ...options,
    external: ['*.node', 'sharp', 'cmake-js', ...external],
    outfile,
  })
  return runProgram(process.execPath, [outfile], { env: cleanEnvironment() })
}

describe('a bundle that holds the package', () => {
  it.each<[string, BuildOptions]>([
    ['an ES module', { format: 'esm' }],
    ['a CommonJS module', { format: 'cjs' }],
    [
      'a CommonJS module that knows its address, as Rollup makes it',
      {
        format: 'cjs',
        define: { 'import.meta.url': 'address' },
        banner: { js: "const address = require('node:url').pathToFileURL(__filename).href" },
      },
    ],
    ['webpack', { format: 'esm', banner: { js: 'const __webpack_require__ = () => {}' } }],
  ])('says so, as %s', async (_name, options) => {
    const { code, stderr } = await runBundle(temporaryFolder(), options)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^PfgmError: pfgm-torch was bundled, .* --external:pfgm-torch; .*\.$/m)
  })
})

it.each(['esm', 'cjs'] as const)('a bundle that leaves the package out works, as %s', async (format) => {
  const folder = mkdtempSync(join(project.folder, 'out-'))
  const ended = await runBundle(folder, { format, external: ['pfgm-torch'] })
  expect(ended).toEqual({ code: 0, stdout: 'ERR_PFGM_IO\n', stderr: '' })
})
