import { join } from 'node:path'
import { type OutputOptions, rolldown } from 'rolldown'
import { beforeAll, describe, expect, it } from 'vitest'
import { cleanEnvironment, type Ended, put, runProgram, temporaryFolder } from './helpers.js'
import { installedProject, type Project } from './packed.js'

let project: Project

beforeAll(async () => {
  project = await installedProject()
}, 600_000)

interface Bundling extends OutputOptions {
  external?: string[]
  define?: Record<string, string>
}

/** Bundles a small program, and runs what comes of it in another folder. */
async function runBundle({ external = [], define = {}, ...output }: Bundling): Promise<Ended> {
  const input = join(project.folder, 'bundled.mjs')
  put(input, "import { PfgmError } from 'pfgm-torch'\nconsole.log(new PfgmError('ERR_PFGM_IO', 'x').code)\n")
  const bundle = await rolldown({
    input,
    platform: 'node',
    external: [/\.node$/, ...external],
    transform: { define },
    logLevel: 'silent',
  })
  const file = join(temporaryFolder(), output.format === 'cjs' ? 'out.cjs' : 'out.mjs')
  await bundle.write({ ...output, file, codeSplitting: false })
  await bundle.close()
  const NODE_PATH = join(project.folder, 'node_modules')
  return runProgram(process.execPath, [file], { env: cleanEnvironment({ NODE_PATH }) })
}

describe('a bundle that holds the package', () => {
  it.each<[string, Bundling]>([
    ['an ES module', { format: 'esm' }],
    ['a CommonJS module', { format: 'cjs' }],
    ['esbuild for CommonJS', { format: 'cjs', define: { 'import.meta.url': 'undefined' } }],
    ['webpack', { format: 'esm', banner: 'const __webpack_require__ = () => {}' }],
  ])('says so, as %s', async (_name, options) => {
    const { code, stderr } = await runBundle(options)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^PfgmError: pfgm-torch was bundled, .* --external:pfgm-torch; .*\.$/m)
  })
})

it('a bundle that leaves the package out works', async () => {
  const ended = await runBundle({ format: 'cjs', external: ['pfgm-torch'] })
  expect(ended).toEqual({ code: 0, stdout: 'ERR_PFGM_IO\n', stderr: '' })
})
