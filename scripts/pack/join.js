// node scripts/pack/join.js PACKED OUT: joins what the platforms packed. Takes the addons out of the library's tarballs in
// the folders of PACKED, and packs the library once more with all of them into OUT, beside the packages of libtorch.
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packageRoot, packageVersion } from '../install/cache.js'
import { must, packLibrary } from './library.js'

export async function joinPrebuilds(packed, out, root = packageRoot) {
  if (!existsSync(join(root, 'dist', 'index.js')))
    throw new Error('dist/ is missing: run `npm run build` first')
  mkdirSync(out, { recursive: true })
  rmSync(join(root, 'prebuilds'), { recursive: true, force: true })
  for (const platform of readdirSync(packed)) {
    const folder = join(packed, platform)
    const library = join(folder, `pfgm-torch-${packageVersion(root)}.tgz`)
    await must('tar', ['-xzf', library, '--strip-components=1', '-C', root, 'package/prebuilds'])
    for (const name of readdirSync(folder)) {
      if (name.startsWith('pfgm-torch-libtorch-')) copyFileSync(join(folder, name), join(out, name))
    }
  }
  return packLibrary(root, out)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [packed, out] = process.argv.slice(2)
  if (!packed || !out) throw new Error('Expected node scripts/pack/join.js PACKED OUT')
  console.log(await joinPrebuilds(resolve(packed), resolve(out)))
}
