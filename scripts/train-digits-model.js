// Makes models/digits.safetensors, the model that comes with the package: the digits preset, trained longer and
// with labels, its averaged weights stored as float16. Takes about a quarter of an hour on two cores: npm run train:digits-model
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { datasets, PoissonFlow, train } from '../dist/index.js'

const STEPS = 4000
const target = fileURLToPath(new URL('../models/digits.safetensors', import.meta.url))
const out = await mkdtemp(join(tmpdir(), 'pfgm-digits-'))
// More steps without labels than usual, as most samples of it are drawn without.
const options = {
  data: await datasets.digits(),
  labels: true,
  labelDropout: 0.3,
  out,
  steps: STEPS,
  sampleEvery: 0,
}
for await (const event of train(options)) {
  if (event.type === 'step' && event.step % 100 === 0) {
    console.log(
      `step ${event.step} of ${STEPS}, loss ${event.loss.toFixed(3)}, ${Math.round(event.secondsLeft)} s left`,
    )
  }
  if (event.type === 'end') console.log('energy distance to the data:', event.distance)
}
const flow = await PoissonFlow.load(out)
await flow.save(target, { dtype: 'F16' })
flow.dispose()
await rm(out, { recursive: true })
console.log(`wrote ${target}`)
