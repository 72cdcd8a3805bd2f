// node scripts/bench/flows.js: which flow learns the digits best in equal time on this machine? Every flow trains with
// the digits preset for as many steps as its time allows, by the median time of its steps, which are measured in turns;
// 4,500 samples of each are measured. Prints a table and, as it goes on, a line a run.
//   --seconds N   of training, by the steps' quiet time (default 100)
//   --seeds N     how many (default 3)
//   --flows LIST  of the names below (default: all)
//   --models DIR  keeps the models there, and goes on from them (default: a folder for the time being)
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { datasets, evaluate, PoissonFlow, Tensor, train } from '../../dist/index.js'
import { median } from './compare.js'

const FLOWS = {
  pfgm: { kind: 'pfgm' },
  'pfgmpp D=32': { kind: 'pfgmpp', D: 32 },
  'pfgmpp D=64': { kind: 'pfgmpp', D: 64 },
  'pfgmpp D=128': { kind: 'pfgmpp', D: 128 },
  'pfgmpp D=2048': { kind: 'pfgmpp', D: 2048 },
  edm: { kind: 'edm' },
  'edm, posterior': { kind: 'edm', target: 'posterior' },
  'pfgmpp D=128, posterior': { kind: 'pfgmpp', D: 128, target: 'posterior' },
}
const SAMPLES = 4500
const NEIGHBOURS = 3
const SOLVER = { solver: 'unipc', schedule: 'karras', steps: 16 }

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '100' },
    seeds: { type: 'string', default: '3' },
    flows: { type: 'string', default: Object.keys(FLOWS).join(';') },
    models: { type: 'string' },
  },
})
/** @throws where it is no positive number */
function positive(name) {
  const value = Number(values[name])
  if (!(value > 0))
    throw new RangeError(`Expected --${name} to be a positive number but received ${values[name]}`)
  return value
}
const [seconds, seeds] = [positive('seconds'), positive('seeds')]
const models = values.models ?? (await mkdtemp(join(tmpdir(), 'pfgm-flows-')))
await mkdir(models, { recursive: true })
const names = values.flows.split(';')
const data = await datasets.digits()

/** Trains, by default in a folder that goes again; the mean time of a step. */
async function trained(name, steps, seed, out) {
  const folder = out ?? (await mkdtemp(join(models, 'timed-')))
  const options = { data, out: folder, flow: FLOWS[name], steps, seed, sampleEvery: 0, evaluationCount: 0 }
  let seconds = 0
  for await (const event of train({ ...options, checkpointEvery: steps })) {
    if (event.type === 'step') seconds = 128 / event.imagesPerSecond
  }
  if (out === undefined) await rm(folder, { recursive: true })
  return seconds
}

/** The model of a flow and seed, trained unless it is there. */
async function modelOf(name, steps, seed) {
  const out = join(models, `${name.replaceAll(/[ ,=]+/g, '-')}-${seed}-${steps}`)
  if (!existsSync(join(out, 'done'))) {
    await rm(out, { recursive: true, force: true })
    await trained(name, steps, seed, out)
    await writeFile(join(out, 'done'), '')
  }
  return await PoissonFlow.load(out)
}

/** How many steps each flow takes in the seconds: timed once a folder of models. */
async function stepsFor() {
  const file = join(models, 'times.json')
  const times = existsSync(file) ? JSON.parse(await readFile(file, 'utf8')) : {}
  for (const round of [0, 1, 2]) {
    for (const name of names) {
      times[name] ??= []
      if (times[name].length <= round) times[name].push(await trained(name, 24, round))
    }
  }
  await writeFile(file, JSON.stringify(times))
  return Object.fromEntries(names.map((name) => [name, Math.round(seconds / median(times[name]))]))
}

/** Precision and recall by the numbers of the items, as the paper measures them (arXiv 1904.06991). */
async function measured(model) {
  const { images, nfe } = await model.sample({ count: SAMPLES, ...SOLVER })
  const items = await Tensor.from(data.values, [data.count, ...data.shape])
  const { energyDistance, precision, recall } = await evaluate(images, items, { neighbours: NEIGHBOURS })
  for (const tensor of [images, items]) tensor.dispose()
  return { distance: energyDistance.value, precision: precision.value, recall: recall.value, nfe }
}

const steps = await stepsFor()
console.log(JSON.stringify({ steps }))
const results = Object.fromEntries(names.map((name) => [name, []]))
for (let seed = 0; seed < seeds; seed++) {
  for (const name of names) {
    const model = await modelOf(name, steps[name], seed)
    const found = await measured(model)
    model.dispose()
    results[name].push(found)
    console.log(JSON.stringify({ name, seed, ...found }))
  }
}

const each = (name, key, digits) => results[name].map((found) => found[key].toFixed(digits)).join(', ')
console.log(
  '\n| flow | steps | energy distance, by seed | precision | recall |\n| --- | ---: | --- | --- | --- |',
)
for (const name of names) {
  const cells = [each(name, 'distance', 4), each(name, 'precision', 2), each(name, 'recall', 2)]
  console.log(`| \`${name}\` | ${steps[name]} | ${cells.join(' | ')} |`)
}
if (values.models === undefined) await rm(models, { recursive: true })
