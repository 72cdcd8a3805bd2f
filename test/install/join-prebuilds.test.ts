import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { packageRoot } from '../../scripts/install/cache.js'
import { put, runProgram, temporaryFolder } from './helpers.js'

const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-arm64']

it('join-prebuilds makes one tarball with the addons of all platforms', async () => {
  const folder = temporaryFolder()
  const root = join(folder, 'package')
  mkdirSync(join(root, 'scripts'), { recursive: true })
  cpSync(join(packageRoot, 'scripts/join-prebuilds.sh'), join(root, 'scripts/join-prebuilds.sh'))
  put(
    join(root, 'package.json'),
    JSON.stringify({ name: 'pfgm-torch', version: '1.2.3', files: ['dist', 'prebuilds'] }),
  )
  const script = (...args: string[]) =>
    runProgram('sh', [join(root, 'scripts/join-prebuilds.sh'), ...args], { cwd: folder })
  expect(await script('packed', 'out')).toMatchObject({ code: 1, stdout: '' })

  put(join(root, 'dist/index.js'), 'export {}')
  put(join(root, 'prebuilds/left-over/pfgm-torch.node'), 'old')
  for (const platform of PLATFORMS) {
    const packed = join(folder, 'packed', platform)
    put(join(folder, platform, `package/prebuilds/${platform}/pfgm-torch.node`), `addon of ${platform}`)
    put(join(packed, `pfgm-torch-libtorch-${platform}-2.13.0.tgz`), 'libtorch')
    const tarball = join(packed, 'pfgm-torch-1.2.3.tgz')
    const { code } = await runProgram('tar', ['-czf', tarball, '-C', join(folder, platform), 'package'])
    expect(code).toBe(0)
  }
  const { code, stderr } = await script('packed', 'out')
  expect(code, stderr).toBe(0)

  expect(readdirSync(join(folder, 'out')).sort()).toEqual(
    ['pfgm-torch-1.2.3.tgz', ...PLATFORMS.map((name) => `pfgm-torch-libtorch-${name}-2.13.0.tgz`)].sort(),
  )
  await runProgram('tar', [
    '-xzf',
    join(folder, 'out/pfgm-torch-1.2.3.tgz'),
    '-C',
    folder,
    '--one-top-level=joined',
  ])
  const joined = join(folder, 'joined/package')
  expect(existsSync(join(joined, 'dist/index.js'))).toBe(true)
  expect(readdirSync(join(joined, 'prebuilds')).sort()).toEqual([...PLATFORMS].sort())
  expect(readFileSync(join(joined, 'prebuilds/linux-arm64/pfgm-torch.node'), 'utf8')).toBe(
    'addon of linux-arm64',
  )
})
