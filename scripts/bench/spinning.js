// node scripts/bench/spinning.js [rounds]: how many images a second training takes, by threads and by how long they spin while
// they wait for each other: alone, beside another training and beside as many busy processes as there are cores
// (docs/notes/threads.md).
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const ROUNDS = Number(process.argv[2] ?? 3)
const SETTINGS = [
  { threads: 1, spin: 10_000 },
  ...[0, 3000, 10_000, 30_000].map((spin) => ({ threads: availableParallelism(), spin })),
]

/** In a process of its own, as OpenMP reads the setting once. The first steps are not counted. */
const TRAINING = `
  import { datasets, train } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url))}
  const [out, threads] = process.argv.slice(1)
  const options = { out, threads: Number(threads), steps: 1000, sampleEvery: 0, evaluationCount: 0 }
  let began
  for await (const { type, step } of train({ data: await datasets.digits(), ...options })) {
    if (type === 'step' && step === 5) began = performance.now()
    if (type === 'step' && step === 25) break
  }
  console.log((128 * 20) / ((performance.now() - began) / 1000))`

/** @param {{ threads: number, spin: number }} setting */
async function imagesPerSecond({ threads, spin }) {
  const folder = mkdtempSync(join(tmpdir(), 'pfgm-spinning-'))
  try {
    const args = ['--input-type=module', '-e', TRAINING, join(folder, 'run'), String(threads)]
    const env = { ...process.env, GOMP_SPINCOUNT: String(spin), OMP_WAIT_POLICY: 'passive' }
    const { stdout } = await promisify(execFile)(process.execPath, args, { env })
    return Number(stdout)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/**
 * @param {(setting: typeof SETTINGS[number]) => Promise<number>} take
 * @returns {Promise<number[]>} the median of each setting's rounds, which take turns
 */
async function measure(take) {
  const rounds = []
  for (let round = 0; round < ROUNDS; round++) {
    const values = []
    for (const setting of SETTINGS) values.push(await take(setting))
    rounds.push(values)
  }
  return SETTINGS.map((_, i) => rounds.map((values) => values[i]).sort((a, b) => a - b)[ROUNDS >> 1])
}

/** The slower one of two at once. */
async function besideAnother(setting) {
  return Math.min(...(await Promise.all([imagesPerSecond(setting), imagesPerSecond(setting)])))
}

const alone = await measure(imagesPerSecond)
const another = await measure(besideAnother)
const neighbours = Array.from({ length: availableParallelism() }, () =>
  spawn(process.execPath, ['-e', 'for (;;);']),
)
try {
  const busy = await measure(imagesPerSecond)
  const share = (value, all) => `${value.toFixed(0)} (${((100 * value) / Math.max(...all)).toFixed(0)} %)`
  console.log('| threads | GOMP_SPINCOUNT | alone | beside another training | beside busy processes |')
  console.log('| ---: | ---: | ---: | ---: | ---: |')
  for (const [i, { threads, spin }] of SETTINGS.entries()) {
    const shares = [alone, another, busy].map((all) => share(all[i], all))
    console.log(`| ${threads} | ${spin} | ${shares.join(' | ')} |`)
  }
} finally {
  for (const neighbour of neighbours) neighbour.kill()
}
