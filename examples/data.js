// Trains on numbers of your own, points on a spiral, and draws what was learned:
//   node examples/data.js runs/spiral spiral.png
import { datasets, energyDistance, energyFloor, PoissonFlow, Tensor, train } from 'pfgm-torch'

const [out = 'runs/spiral', picture = 'spiral.png'] = process.argv.slice(2)
const COUNT = 4000

const values = new Float32Array(2 * COUNT)
for (let i = 0; i < COUNT; i++) {
  const angle = 3 * Math.PI * Math.sqrt(i / COUNT)
  values.set([(angle * Math.cos(angle)) / 9, (angle * Math.sin(angle)) / 9], 2 * i)
}
// [1, 28, 28] and a Uint8Array of pixels would be pictures; labels and their names go into options.
const data = await datasets.array(values, [2], { name: 'spiral' })

const events = train({
  ...{ data, out, steps: 400, batchSize: 128, smallBatchSize: 128, learningRate: 2e-3, emaRate: 0.99 },
  threads: 1, // so small a network gains nothing by more
  flow: { kind: 'edm' },
  network: { kind: 'mlp', dimensions: 2, width: 64, depth: 3, output: 'image' },
  sampleEvery: 0,
  evaluationCount: 0,
})
for await (const event of events) {
  if (event.type === 'warning') console.warn(event.message)
}

const flow = await PoissonFlow.load(out)
const { images } = await flow.sample({ count: 500 })
await images.savePng(picture)
const points = await Tensor.from(values, [COUNT, 2])
const distance = await energyDistance(images, points)
const floor = await energyFloor(points, 500)
console.log(
  `${picture}: energy distance ${distance.toFixed(4)}, of the points to each other ${floor.mean.toFixed(4)}`,
)
for (const owned of [images, points, flow]) owned.dispose()
