// The Python that the comparison programs run in: a virtual environment of the bench's own in the user's cache.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cacheRoot, writeJson } from '../install/cache.js'
import { PINNED_VERSION } from '../install/release.js'
import { run } from '../install/run.js'

// onnx and onnxscript: for torch.onnx.export; pnnx: for ncnn; scipy: for the published sampler.
const REQUIREMENTS = [
  `torch==${PINNED_VERSION}`,
  'onnxruntime',
  'openvino',
  'ncnn',
  'onnx',
  'onnxscript',
  'pnnx',
  'scipy',
]

/**
 * The environment's Python, made and filled at the first call.
 * @returns {Promise<string>}
 */
export async function peerPython() {
  const folder = join(cacheRoot(), 'bench', `peers-${PINNED_VERSION}`)
  const python =
    process.platform === 'win32' ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python')
  const complete = join(folder, 'complete.json')
  if (hasRequirements(complete)) return python
  console.log(`Making a Python environment with ${REQUIREMENTS.join(', ')} in ${folder}`)
  await expectRun(await systemPython(), ['-m', 'venv', '--clear', folder])
  await expectRun(python, ['-m', 'pip', 'install', '--no-input', '--only-binary', ':all:', ...REQUIREMENTS])
  writeJson(complete, { requirements: REQUIREMENTS })
  return python
}

/** An environment of another version of the bench may lack some. */
function hasRequirements(complete) {
  if (!existsSync(complete)) return false
  return JSON.parse(readFileSync(complete, 'utf8')).requirements.join() === REQUIREMENTS.join()
}

async function systemPython() {
  for (const command of ['python3', 'python']) {
    const { stdout } = await run(command, ['-c', 'import sys; print(sys.version_info >= (3, 10))'])
    if (stdout.trim() === 'True') return command
  }
  throw new Error('no Python of version 3.10 or later is on PATH')
}

async function expectRun(command, args) {
  const { code, output } = await run(command, args)
  if (code === 0) return
  const last = output.trim().split('\n').at(-1)
  throw new Error(`${command} ${args.slice(0, 3).join(' ')} failed: ${last}`)
}
