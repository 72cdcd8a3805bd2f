// What the machine with the GPU has, as JSON to the file that --json names: the card and its driver, Python's torch, the
// tools. What is not there is null, and `missing` says why.
import { existsSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { writeJson } from '../install/cache.js'
import { inspectLibtorch } from '../install/libtorch.js'
import { run } from '../install/run.js'
import { findToolchain } from '../install/toolchain.js'
import { nvccVersion } from './nvcc.js'

/** Where CUDA's packages put it when it is not on PATH. */
const SANITIZERS = ['/usr/local/cuda/bin', '/usr/local/cuda/compute-sanitizer', '/opt/cuda/bin']

const missing = {}

/** Null, and why. */
function absent(name, reason) {
  missing[name] = reason
  return null
}

async function gpu() {
  const fields = ['name', 'driver_version', 'compute_cap', 'memory.total']
  const args = [`--query-gpu=${fields}`, '--format=csv,noheader']
  const { code, stdout, output, error } = await run('nvidia-smi', args, { timeout: 30_000 })
  const values = stdout.split('\n')[0].split(', ')
  if (code === 0 && values.length === fields.length)
    return { name: values[0], driver: values[1], capability: values[2], memory: values[3] }
  const said = output.trim() || `exit code ${code}`
  return absent('gpu', error ? 'nvidia-smi is not on PATH' : `nvidia-smi says: ${said}`)
}

/** The torch that python3 would import. It is not imported, as that takes seconds and one without a GPU may fail. */
async function torch() {
  const script = `import importlib.util, json, sys
s = importlib.util.find_spec("torch")
print(json.dumps([sys.executable, sys.version.split()[0], s.submodule_search_locations[0] if s else None]))`
  const { code, stdout, output, error } = await run('python3', ['-c', script], { timeout: 30_000 })
  if (code !== 0) return absent('torch', error ? 'python3 is not on PATH' : `python3 says: ${output.trim()}`)
  const [python, pythonVersion, found] = JSON.parse(stdout)
  const path = process.env.PFGM_LIBTORCH ?? found
  if (!path) return absent('torch', `${python} has no torch`)
  const { libtorch, reason } = inspectLibtorch(path)
  return libtorch ? { python, pythonVersion, ...libtorch } : absent('torch', reason)
}

async function nvcc() {
  return (await nvccVersion()) ?? absent('nvcc', 'nvcc is not on PATH')
}

async function sanitizer() {
  const { code } = await run('compute-sanitizer', ['--version'], { timeout: 30_000 })
  if (code === 0) return 'compute-sanitizer'
  const file = SANITIZERS.map((folder) => join(folder, 'compute-sanitizer')).find((each) => existsSync(each))
  return file ?? absent('sanitizer', 'compute-sanitizer is not on PATH')
}

async function tools() {
  const found = Object.entries(await findToolchain())
  return Object.fromEntries(found.map(([name, { ok, detail }]) => [name, ok ? detail : absent(name, detail)]))
}

const machine = {
  gpu: await gpu(),
  torch: await torch(),
  nvcc: await nvcc(),
  sanitizer: await sanitizer(),
  ...(await tools()),
  node: process.versions.node,
  cpu: cpus()[0]?.model.trim() ?? null,
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  missing,
}
console.log(JSON.stringify(machine, null, 2))
const { json } = parseArgs({ options: { json: { type: 'string' } } }).values
if (json) writeJson(json, machine)
