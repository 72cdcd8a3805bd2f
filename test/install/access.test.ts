import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { cacheRoot, packageRoot } from '../../scripts/install/cache.js'
import { cleanEnvironment, runProgram, sharedLibtorch, temporaryFolder } from './helpers.js'
import { bareProject, installedProject, type Project } from './packed.js'

let project: Project
/** One whose addon is in the cache. */
let bare: Project

beforeAll(async () => {
  project = await installedProject()
  bare = await bareProject()
}, 600_000)

const LOAD = "(await pfgm.PoissonFlow.load('digits')).dispose()"
const PICTURE = `await pfgm.datasets.folder(${JSON.stringify(join(packageRoot, 'test/data/photographs'))}, { size: 8 })`
/** Node.js 24 left out that it is an experiment. */
const PERMISSION =
  Number(process.versions.node.split('.')[0]) < 24 ? '--experimental-permission' : '--permission'

/** Runs code in the project, which prints the error that it ends with. */
async function failure(
  flags: string[],
  code: string,
  options: { env?: NodeJS.ProcessEnv; uid?: number } = {},
  { folder: cwd } = project,
) {
  const program = `const pfgm = await import('pfgm-torch')
    try { ${code} } catch (error) { console.log(error.name, error.code, error.message) }`
  const args = [...flags, '--input-type=module', '-e', program]
  const env = options.env ?? cleanEnvironment()
  const ended = await runProgram(process.execPath, args, { ...options, cwd, env })
  return ended.code === 0 ? ended.stdout : ended.stderr
}

describe('without native addons', () => {
  it.each([
    [['--no-addons'], 'start Node.js without --no-addons'],
    [[PERMISSION, '--allow-fs-read=*'], 'start Node.js with --allow-addons'],
  ])('%j', async (flags, fix) => {
    const end = new RegExp(`^PfgmError ERR_PFGM_ADDON_LOAD .* To mend it: ${fix}\\.\n$`)
    expect(await failure(flags, LOAD)).toMatch(end)
    expect(await failure(flags, PICTURE)).toMatch(end)
  })
})

describe("with Node.js's permission model", () => {
  const flags = [PERMISSION, '--allow-addons', `--allow-fs-read=${packageRoot}`]

  it('its own folder suffices where libtorch is a package', async () => {
    expect(await failure([...flags, `--allow-fs-read=${project.folder}`], LOAD)).toBe('')
  })

  it('the folders that must be allowed are named, and suffice, where it is not', async () => {
    const allow = (path: string) => [...flags, `--allow-fs-read=${bare.folder}`, `--allow-fs-read=${path}`]
    expect(await failure(allow('/proc'), LOAD, {}, bare)).toMatch(
      `To mend it: start Node.js with --allow-addons --allow-fs-read=${cacheRoot()}.\n`,
    )
    const both = [...allow(cacheRoot()), `--allow-fs-read=${sharedLibtorch.path}`]
    expect(await failure(both, LOAD, {}, bare)).toBe('')
  })
})

it('a cache that this user may not read is told from one that is empty', async () => {
  const cache = temporaryFolder()
  mkdirSync(join(cache, 'addon'), { mode: 0 })
  const env = cleanEnvironment({ PFGM_CACHE: cache })
  const nobody = process.getuid?.() === 0 ? { uid: 65534 } : {} // root may read everything
  chmodSync(cache, 0o755)
  expect(await failure([], LOAD, { env, ...nobody }, bare)).toMatch(
    /^PfgmError ERR_PFGM_ADDON_LOAD .*current-.* cannot be read \(EACCES\)\. To mend it: .* set PFGM_CACHE .*\n$/,
  )
})
