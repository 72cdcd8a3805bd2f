// Packs what a machine needs that has CUDA's compiler, a Python with a CUDA PyTorch, CMake and ninja, but no Node.js and
// no network. There, `sh run-kit.sh` builds and tests.
//   --out FOLDER  for kit.tar.xz and run-kit.sh; build/cuda-kit where it is not given
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { buildLibrary } from '../bench/library.js'
import { packageRoot } from '../install/cache.js'
import { messageOf } from '../install/error.js'
import { run } from '../install/run.js'
import { layOut } from './kit-contents.js'
import { nodeBinary } from './kit-node.js'

const MOST_BYTES = 60e6

/** Slow and small: it is packed once and carried often. */
async function compress(folder, archive) {
  const command = 'tar -cf - --owner=0 --group=0 -C "$1" bin pfgm-torch kit.json | xz -6 -T0 > "$2"'
  const { code, output } = await run('bash', ['-o', 'pipefail', '-c', command, 'bash', folder, archive])
  if (code !== 0) throw new Error(`tar and xz failed: ${output.trim()}`)
}

async function main() {
  const { values } = parseArgs({ options: { out: { type: 'string' } } })
  const out = resolve(values.out ?? join(packageRoot, 'build', 'cuda-kit'))
  const archive = join(out, 'kit.tar.xz')
  mkdirSync(out, { recursive: true })
  const folder = mkdtempSync(join(out, '.tmp-'))
  try {
    buildLibrary()
    await layOut(folder, await nodeBinary())
    console.log('Compressing, which takes minutes')
    await compress(folder, archive)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  copyFileSync(join(packageRoot, 'scripts', 'cuda', 'run-kit.sh'), join(out, 'run-kit.sh'))
  const { size } = statSync(archive)
  console.log(`${archive}: ${(size / 1e6).toFixed(1)} MB. On the machine with the GPU: sh run-kit.sh`)
  if (size > MOST_BYTES) throw new Error(`Expected the kit to be at most ${MOST_BYTES / 1e6} MB`)
}

main().catch((error) => {
  console.error(messageOf(error))
  process.exitCode = 1
})
