// Breaks a training off and goes on with it; the weights are those of a training in one go, to the bit:
//   node examples/resume.js runs/resumed
import { datasets, train } from 'pfgm-torch'

const [out = 'runs/resumed'] = process.argv.slice(2)
const options = {
  data: await datasets.toy('eight-gaussians', { count: 2000 }),
  out,
  flow: { kind: 'edm' },
  network: { kind: 'mlp', dimensions: 2, width: 32, depth: 2, output: 'image' },
  steps: 200,
  batchSize: 128,
  smallBatchSize: 128,
  threads: 1,
  evaluationCount: 0,
}

for await (const event of train(options)) {
  if (event.type === 'step' && event.step === 80) break // a checkpoint is saved before the loop is left
}

// As a job that may be restarted has it: goes on where there is a run, begins one where there is none.
for await (const event of train({ ...options, resume: 'auto' })) {
  if (event.type === 'start') console.log(`goes on from step ${event.step} of ${event.steps}`)
  if (event.type === 'checkpoint') console.log(`saved ${event.path}`)
  if (event.type === 'end') console.log(`ended at step ${event.step}`)
}
