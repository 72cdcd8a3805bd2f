// The kit's stages on the machine with the GPU, each with a limit of its own and all within one; run-kit.sh starts it.
// kit.json in --out is written anew with each step, so that it is there however this ends; kit.log holds all that was said.
import { appendFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { packageRoot, readJson, writeJson } from '../install/cache.js'
import { GPU_ENVIRONMENT } from './gpu.js'
import { killTree, runStage } from './stage.js'

const { out, started, unpacked, seconds } = parseArgs({
  options: {
    out: { type: 'string' },
    started: { type: 'string' }, // seconds since 1970
    unpacked: { type: 'string' }, // seconds that unpacking took
    seconds: { type: 'string' }, // for everything
  },
}).values

const FILES = { json: join(out, 'kit.json'), log: join(out, 'kit.log') }
const RESULTS = { machine: join(out, 'machine.json'), bench: join(out, 'bench.json') }
const deadline = (Number(started) + Number(seconds)) * 1000

const script = (...names) => [process.execPath, join(packageRoot, 'scripts', ...names)]
const vitest = [process.execPath, join(packageRoot, 'node_modules', 'vitest', 'vitest.mjs')]
const sanitize = (tool) => [
  '--tool',
  tool,
  '--error-exitcode',
  '9',
  '--kernel-name',
  'kernel_substring=pfgm', // not libtorch's own
  ...script('cuda', 'small-run.js'),
]

/** What keeps a stage from starting, beside another that failed. */
const without = (name) => (machine) =>
  machine?.[name] ? undefined : (machine?.missing[name] ?? `no ${name} is known`)

/** The limits are for runs of this length, and longer in longer ones. */
const USUAL_SECONDS = 600
const STAGES = [
  { name: 'machine', seconds: 60, command: [...script('cuda', 'kit-machine.js'), '--json', RESULTS.machine] },
  { name: 'build', seconds: 360, obstacle: without('torch'), command: [...script('build.js'), '--cuda'] },
  { name: 'doctor', seconds: 60, command: script('install', 'doctor.js') },
  { name: 'gpu', seconds: 90, needs: 'build', command: script('cuda', 'gpu.js') },
  { name: 'test', seconds: 200, needs: 'gpu', command: [...vitest, 'run', 'test/cuda'] },
  {
    name: 'bench',
    seconds: 90,
    needs: 'gpu',
    command: [...script('cuda', 'bench.js'), '--json', RESULTS.bench],
  },
  ...['memcheck', 'racecheck'].map((tool) => ({
    name: tool,
    seconds: 90,
    needs: 'gpu',
    obstacle: without('sanitizer'),
    command: ({ sanitizer }) => [sanitizer, ...sanitize(tool)],
  })),
]

const report = {
  kit: readJson(join(packageRoot, '..', 'kit.json')),
  started: new Date(Number(started) * 1000).toISOString(),
  machine: null,
  bench: null,
  stages: [{ name: 'unpack', state: 'passed', rc: 0, seconds: Number(unpacked), tail: '' }],
}
let running

function save() {
  report.machine = readJson(RESULTS.machine) ?? null
  report.bench = readJson(RESULTS.bench) ?? null
  writeJson(FILES.json, report)
}

/** This process's, with CUDA's and Python's programs at the end of PATH, where they may not be. */
function environment() {
  const { torch } = report.machine ?? {}
  const path = [
    process.env.PATH,
    torch && dirname(torch.python),
    '/usr/local/cuda/bin',
    '/usr/local/nvidia/bin',
  ]
  return {
    ...process.env,
    PATH: path.filter(Boolean).join(delimiter),
    NO_COLOR: '1',
    ...(torch && { PFGM_LIBTORCH: torch.path }),
    ...(passed('build') && GPU_ENVIRONMENT),
  }
}

function passed(name) {
  return report.stages.some((stage) => stage.name === name && stage.state === 'passed')
}

function obstacleTo({ needs, obstacle }) {
  if (needs && !passed(needs)) return `${needs} has not passed`
  if (deadline - Date.now() < 1000) return `the ${seconds} seconds for everything are over`
  return obstacle?.(report.machine)
}

async function perform(stage) {
  const { name, command } = stage
  const reason = obstacleTo(stage)
  if (reason) return { name, state: 'skipped', rc: null, seconds: 0, tail: reason }
  report.stages.push({ name, state: 'running', rc: null, seconds: 0, tail: '' })
  save()
  const [program, ...args] = typeof command === 'function' ? command(report.machine) : command
  appendFileSync(FILES.log, `\n== ${name}: ${[program, ...args].join(' ')}\n`)
  const limit = Math.min((stage.seconds * seconds) / USUAL_SECONDS, (deadline - Date.now()) / 1000)
  const options = { cwd: packageRoot, env: environment(), seconds: limit, log: FILES.log }
  const outcome = await runStage(program, args, { ...options, onStart: (pid) => (running = pid) })
  report.stages.pop()
  return { name, ...outcome }
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
  process.once(signal, () => {
    killTree(running)
    Object.assign(report.stages.at(-1), { state: 'killed', tail: `${signal} ended the kit's run` })
    save()
    process.exit(1)
  })
}

for (const stage of STAGES) {
  const done = await perform(stage)
  report.stages.push(done)
  save()
  const why = done.state === 'skipped' ? `: ${done.tail}` : ''
  console.log(`${done.name}: ${done.state}, ${done.seconds} s${why}`)
}
console.log(`${FILES.json}\n${FILES.log}`)
const ended = report.stages.every(({ state }) => state === 'passed' || state === 'skipped')
if (!ended || !passed('bench')) process.exitCode = 1 // a sanitizer that is not there is no failure
