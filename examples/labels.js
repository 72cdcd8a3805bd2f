// PFGM++ with 64 extra dimensions learns the ten classes of digits, and draws a row of each:
//   node examples/labels.js runs/classes classes.png 1500
import { datasets, PoissonFlow, train } from 'pfgm-torch'

const [out = 'runs/classes', picture = 'classes.png', steps = '1500'] = process.argv.slice(2)
const COLUMNS = 4

const options = {
  data: await datasets.digits(),
  out,
  flow: { kind: 'pfgmpp', D: 64 },
  labels: true, // the network takes classes, and learns a tenth of the items as of none, for guidance
  steps: Number(steps),
  batchSize: 32,
  smallBatchSize: 32,
  sampleEvery: 0,
  evaluationCount: 0,
}
for await (const event of train(options)) {
  if (event.type === 'end') console.log(`${event.step} steps in ${event.seconds.toFixed(0)} s`)
}

const flow = await PoissonFlow.load(out)
const labels = Array.from({ length: flow.classCount * COLUMNS }, (_, i) => Math.floor(i / COLUMNS))
const { images, nfe } = await flow.sample({ count: labels.length, labels, guidance: 1.5, seed: 1 })
await images.savePng(picture, { columns: COLUMNS })
console.log(`${picture}: ${flow.classCount} classes, ${nfe.toFixed(1)} evaluations a sample`)
for (const owned of [images, flow]) owned.dispose()
