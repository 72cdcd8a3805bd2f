// Trains a small network on points in the plane, and says how near its samples come to them:
//   node examples/train.js runs/moons
import { datasets, train } from 'pfgm-torch'

const [out = 'runs/moons'] = process.argv.slice(2)

const events = train({
  data: await datasets.toy('two-moons', { count: 2000 }),
  out,
  flow: { kind: 'pfgmpp', D: 128 },
  network: { kind: 'mlp', dimensions: 2, width: 64, depth: 3, output: 'image' },
  steps: 300,
  batchSize: 128,
  smallBatchSize: 128,
  learningRate: 2e-3,
  learningRateSchedule: 'cosine',
  emaRate: 0.99,
  threads: 1, // so small a network gains nothing by more
  evaluationCount: 500,
})

for await (const event of events) {
  if (event.type === 'warning') console.warn(event.message)
  if (event.type === 'step' && event.step % 100 === 0) {
    console.log(`step ${event.step}: loss ${event.loss.toFixed(3)}`)
  }
  if (event.type === 'end') {
    const { value, floor } = event.distance
    console.log(
      `energy distance ${value.toFixed(4)}, of the points to each other ${floor.mean.toFixed(4)}: ${event.picture}`,
    )
  }
}
