// Looks for missing barriers in the tile code, then compiles the GPU's kernels for every architecture and shows what
// they use. It needs g++ and nvcc and no libtorch; where one is not there, says so and goes on.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { packageRoot } from '../install/cache.js'
import { run } from '../install/run.js'
import { ARCHITECTURES, nvccVersion } from './nvcc.js'

/** Registers, shared memory and spills of each kernel, from what the assembler says. */
function resourceUsage(output) {
  const kernels = []
  for (const line of output.split('\n')) {
    const name = /Compiling entry function '(?:.*?\d+)?([a-z]+_kernel)E/.exec(line)?.[1]
    if (name) kernels.push({ kernel: name, registers: 0, shared: 0, spilled: 0 })
    const latest = kernels.at(-1)
    if (!latest) continue
    const spilled = /(\d+) bytes spill stores/.exec(line)?.[1]
    if (spilled && latest.registers === 0) latest.spilled = Number(spilled)
    const registers = /Used (\d+) registers/.exec(line)?.[1]
    if (registers) {
      latest.registers = Number(registers)
      latest.shared = Number(/(\d+) bytes smem/.exec(line)?.[1] ?? 0)
    }
  }
  return kernels
}

async function compile(source, architecture, folder) {
  const args = ['-std=c++17', '-O3', '-DPFGM_CUDA', '-I', join(packageRoot, 'native'), '-Xptxas', '-v']
  const target = `-gencode=arch=compute_${architecture},code=sm_${architecture}`
  const object = join(folder, `${basename(source)}.${architecture}.o`)
  const { code, output } = await run('nvcc', [
    ...args,
    '-Werror',
    'all-warnings',
    target,
    '-c',
    source,
    '-o',
    object,
  ])
  if (code !== 0) throw new Error(`${basename(source)} does not compile for sm_${architecture}:\n${output}`)
  return resourceUsage(output).map((each) => ({ architecture: `sm_${architecture}`, ...each }))
}

/** Runs the tile code with a thread a warp under ThreadSanitizer: it sees what a missing barrier lets race. */
async function checkRaces(folder) {
  const program = join(folder, 'races')
  const source = join(packageRoot, 'test', 'cuda', 'races.cpp')
  const args = ['-std=c++20', '-O1', '-g', '-fsanitize=thread', '-pthread', '-I', join(packageRoot, 'native')]
  const built = await run('g++', [...args, source, '-o', program])
  const { code, output } = built.code === 0 ? await run(program, []) : built
  if (built.code !== 0 || /FATAL: ThreadSanitizer/.test(output)) {
    console.log('g++ with ThreadSanitizer is not usable here: barriers are not checked')
  } else if (code !== 0) {
    throw new Error(`Warps race for shared memory, or splits do not agree:\n${output}`)
  } else {
    console.log('No two warps race: every barrier is there')
  }
}

async function compileKernels(folder) {
  const version = await nvccVersion()
  if (!version) {
    console.log('nvcc is not installed: the kernels for GPUs are not compiled')
    return
  }
  const sources = join(packageRoot, 'native', 'cuda')
  const rows = []
  for (const name of readdirSync(sources).filter((each) => each.endsWith('.cu')))
    for (const architecture of ARCHITECTURES)
      rows.push(...(await compile(join(sources, name), architecture, folder)))
  console.log(`nvcc ${version}: registers a thread, bytes of shared memory a block, bytes spilled a thread`)
  console.table(rows)
  if (rows.some((row) => row.spilled > 0)) throw new Error('A kernel spills registers to memory')
}

async function main() {
  const folder = mkdtempSync(join(tmpdir(), 'pfgm-cuda-'))
  try {
    await checkRaces(folder)
    await compileKernels(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

main().catch((error) => {
  console.error(error.message)
  process.exitCode = 1
})
