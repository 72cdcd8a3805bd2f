// Makes models/fashion.safetensors, the model of Fashion-MNIST that comes with the package: the fashion preset in bfloat16,
// its averaged weights stored as float16. Takes hours on two cores, so it may be done in parts: npm run train:fashion-model 150
// trains for at most 150 minutes and keeps its run in the cache; the same command goes on with it.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openDataset, PoissonFlow, train } from '../dist/index.js'
import { cacheRoot } from './install/cache.js'

const STEPS = 6000
const minutes = Number(process.argv[2] ?? 150)
if (!(minutes > 0))
  throw new Error(`Expected minutes, as in train:fashion-model 150, but received ${process.argv[2]}`)
const target = fileURLToPath(new URL('../models/fashion.safetensors', import.meta.url))
const out = join(cacheRoot(), 'fashion-model')
const began = performance.now()
const spent = () => (performance.now() - began) / 60_000

let step = 0
const options = {
  data: await openDataset('fashion'),
  preset: /** @type {const} */ ('fashion'),
  steps: STEPS,
  precision: /** @type {const} */ ('bfloat16'),
  emaRate: 0.999,
  evaluationCount: 0,
  out,
  resume: /** @type {const} */ ('auto'),
}
for await (const event of train(options)) {
  if ('step' in event) step = event.step
  if (event.type === 'step' && step % 100 === 0) {
    const left = Math.round(event.secondsLeft / 60)
    console.log(`step ${step} of ${STEPS}, loss ${event.loss.toFixed(3)}, ${left} min left`)
  }
  if (event.type === 'checkpoint' && step < STEPS && spent() > minutes) {
    console.log(`step ${step} of ${STEPS} is kept in ${out}: the same command goes on from there`)
    process.exit()
  }
}
const flow = await PoissonFlow.load(out)
await flow.save(target, { dtype: 'F16' })
flow.dispose()
console.log(`wrote ${target}`)
