// Builds the addon; with --cuda, one with the kernels for NVIDIA GPUs, in a folder of its own in the cache.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { nvccVersion } from './cuda/nvcc.js'
import { buildAddon } from './install/build.js'
import { cacheRoot } from './install/cache.js'
import { endedBySignals } from './install/ending.js'
import { messageOf, SetupError } from './install/error.js'
import { inspectLibtorch } from './install/libtorch.js'
import { resolveLibtorch } from './install/resolve.js'
import { run } from './install/run.js'

/** On PyPI the bare version is the build for CUDA; `nvidia-*` wheels come with it. */
const CUDA_TORCH = 'torch==2.14.1'

const onLine = (line) => console.log(line)
const onProgress = () => {}

/** The libtorch that is named, or that of a virtual environment in the cache, made where it is not there. */
async function cudaLibtorch(named) {
  const libtorch =
    (named ?? process.env.PFGM_LIBTORCH)
      ? (await resolveLibtorch({ libtorch: named, download: false, onProgress })).libtorch
      : await environmentLibtorch()
  if (!libtorch.cuda)
    throw new SetupError(`${libtorch.path} is a CPU build of libtorch, and a CUDA build is needed.`)
  return libtorch
}

async function environmentLibtorch() {
  const environment = join(cacheRoot(), 'cuda-venv')
  const python = join(environment, 'bin', 'python')
  if (!existsSync(python)) await must('python3', ['-m', 'venv', environment])
  const find = 'import importlib.util as u; s = u.find_spec("torch"); print(s.origin if s else "")'
  let { stdout } = await run(python, ['-c', find])
  if (!stdout.trim()) {
    console.log(`Installing ${CUDA_TORCH} and its CUDA wheels (several GB) to ${environment}`)
    await must(python, ['-m', 'pip', 'install', '--no-input', CUDA_TORCH])
    ;({ stdout } = await run(python, ['-c', find]))
  }
  const { libtorch, reason } = inspectLibtorch(join(stdout.trim(), '..'))
  if (!libtorch) throw new SetupError(`The wheel of ${CUDA_TORCH} cannot be used: ${reason}.`)
  return libtorch
}

async function must(command, args) {
  const { code, output, error } = await run(command, args, { onLine })
  if (code !== 0)
    throw new SetupError(`${command} ${args.join(' ')} failed: ${error?.message ?? output.trim()}`)
}

async function main() {
  const { values } = parseArgs({ options: { cuda: { type: 'boolean' }, libtorch: { type: 'string' } } })
  if (!values.cuda) {
    const { libtorch } = await resolveLibtorch({ libtorch: values.libtorch, download: true, onProgress })
    const { file } = await buildAddon({ libtorch, onProgress, onLine })
    console.log(file)
    return
  }
  const version = await nvccVersion()
  if (!version) throw new SetupError('nvcc is not on PATH: install the CUDA toolkit, version 12.8 or newer.')
  const libtorch = await cudaLibtorch(values.libtorch)
  console.log(`nvcc ${version}; libtorch ${libtorch.version} for CUDA ${libtorch.cuda}: ${libtorch.path}`)
  const { file, seconds } = await buildAddon({
    libtorch,
    out: join(cacheRoot(), 'cuda'),
    cuda: true,
    onProgress,
    onLine,
  })
  console.log(`${file} (${seconds.toFixed(1)} s). It is used where PFGM_ADDON names it.`)
}

endedBySignals(main).catch((error) => {
  console.error(messageOf(error))
  process.exitCode = 1
})
