// A checkpoint of PFGM, score_sde, EDM or PFGM++ as a model file, and what it draws:
//   node examples/convert.js network-snapshot.pkl model.safetensors grid.png
import { convert, PoissonFlow } from 'pfgm-torch'

const [checkpoint, out, picture] = process.argv.slice(2)

const { family, config, parameterCount, notes } = await convert(checkpoint, out)
console.log(`${family}: a ${config.network.kind} of ${parameterCount} parameters, flow ${config.flow.kind}`)
for (const note of notes) console.log(note) // what the file does not say

const flow = await PoissonFlow.load(out)
const { images } = await flow.sample({ count: 4, seed: 0, solver: 'heun', steps: 5 })
await images.savePng(picture)
console.log(`${images.shape.join(' x ')}: ${picture}`)
