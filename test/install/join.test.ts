import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { joinPrebuilds } from '../../scripts/pack/join.js'
import { put, runProgram, temporaryFolder } from './helpers.js'

const PLATFORMS = ['darwin-arm64', 'linux-arm64', 'linux-x64']

it('what the platforms packed is joined to one tarball with the addons of all', async () => {
  const folder = temporaryFolder()
  const root = join(folder, 'clone')
  const description = {
    name: 'pfgm-torch',
    version: '1.2.3',
    files: ['dist', 'prebuilds'],
    scripts: { prepare: 'x' },
  }
  put(join(root, 'package.json'), JSON.stringify(description))
  const packed = join(folder, 'packed')
  const out = join(folder, 'out')
  await expect(joinPrebuilds(packed, out, root)).rejects.toThrow('dist/ is missing')

  put(join(root, 'dist/index.js'), 'export {}')
  put(join(root, 'prebuilds/left-over/pfgm_torch.node'), 'old')
  for (const platform of PLATFORMS) {
    const made = join(folder, platform, 'package/prebuilds', platform)
    put(join(made, 'pfgm_torch.node'), `addon of ${platform}`)
    put(join(made, 'pfgm_torch.json'), JSON.stringify({ libtorch: { version: '2.13.0' } }))
    put(join(packed, platform, `pfgm-torch-libtorch-${platform}-2.13.0.tgz`), 'libtorch')
    const tarball = join(packed, platform, 'pfgm-torch-1.2.3.tgz')
    const tar = await runProgram('tar', ['-czf', tarball, '-C', join(folder, platform), 'package'])
    expect(tar.code).toBe(0)
  }
  const joined = await joinPrebuilds(packed, out, root)

  expect(readdirSync(out).filter((name) => name.endsWith('.tgz'))).toEqual(
    ['pfgm-torch-1.2.3.tgz', ...PLATFORMS.map((name) => `pfgm-torch-libtorch-${name}-2.13.0.tgz`)].sort(),
  )
  await runProgram('tar', ['-xzf', joined, '-C', folder])
  const unpacked = join(folder, 'package')
  expect(existsSync(join(unpacked, 'dist/index.js'))).toBe(true)
  expect(readdirSync(join(unpacked, 'prebuilds')).sort()).toEqual(PLATFORMS)
  expect(readFileSync(join(unpacked, 'prebuilds/linux-arm64/pfgm_torch.node'), 'utf8')).toBe(
    'addon of linux-arm64',
  )
  const { scripts, optionalDependencies } = JSON.parse(readFileSync(join(unpacked, 'package.json'), 'utf8'))
  expect(scripts).toBeUndefined()
  expect(optionalDependencies).toEqual(
    Object.fromEntries(PLATFORMS.map((name) => [`@pfgm-torch/libtorch-${name}`, '2.13.0'])),
  )
})
