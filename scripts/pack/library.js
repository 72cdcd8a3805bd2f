// The library's own package: as npm would pack it, with the addons of the platforms that it was built for, and without what
// only a clone needs.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readJson } from '../install/cache.js'
import { META_NAME } from '../install/locate.js'
import { run } from '../install/run.js'

/** Of a clone's package.json, what those who install the package have no use for. */
const FOR_CLONES = ['devDependencies', 'scripts']

/**
 * @param {string} root the clone, whose prebuilds/ has a folder a platform
 * @param {string} out where the tarball goes
 * @returns {Promise<string>} the tarball
 */
export async function packLibrary(root, out) {
  const folder = join(out, 'pfgm-torch')
  rmSync(folder, { recursive: true, force: true })
  const listed = await must('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root })
  const [{ files }] = JSON.parse(listed)
  for (const { path } of files) if (path !== 'binding.gyp') copy(join(root, path), join(folder, path))
  const description = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  for (const key of FOR_CLONES) delete description[key]
  description.files = description.files.filter((name) => name !== 'binding.gyp')
  description.optionalDependencies = libtorchPackages(join(root, 'prebuilds'))
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(description, null, 2)}\n`)
  return pack(folder, out)
}

/** For every prebuilt addon, the package of the libtorch that it runs with. */
function libtorchPackages(prebuilds) {
  const platforms = existsSync(prebuilds) ? readdirSync(prebuilds) : []
  const versions = platforms.map((platform) => {
    const { libtorch } = readJson(join(prebuilds, platform, META_NAME))
    return [`@pfgm-torch/libtorch-${platform}`, libtorch.version]
  })
  return Object.fromEntries(versions)
}

export async function pack(folder, out) {
  const args = ['pack', '--ignore-scripts', '--pack-destination', out]
  const name = await must('npm', args, { cwd: folder })
  return join(out, name.trim().split('\n').at(-1))
}

export function copy(from, to) {
  mkdirSync(dirname(to), { recursive: true })
  cpSync(from, to)
}

/** What a program printed, without what it said beside that, or an error with all of it. */
export async function must(command, args, options) {
  const { code, stdout, output, error } = await run(command, args, options)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? output}`)
  return stdout
}
