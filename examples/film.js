// A film of the way from one digit to another, along the great circle between their encodings:
//   node examples/film.js film.webp
import { PoissonFlow, saveFilm, Tensor } from 'pfgm-torch'

const [out = 'film.webp'] = process.argv.slice(2)
const FRAMES = 12

const flow = await PoissonFlow.load('digits')
const [from, to] = await Promise.all([3, 8].map((label) => flow.sample({ count: 1, labels: label, seed: 1 })))
const { images, nfe } = await flow.interpolate(from.images, to.images, {
  steps: FRAMES,
  rtol: 1e-3,
  atol: 1e-3,
})

// A film has a row of frames for each sample, here of one; its heights say nothing of how it is shown.
const frames = await Tensor.from(await images.data(), [1, FRAMES, ...flow.network.itemShape])
await saveFilm({ images: frames, heights: new Float64Array(FRAMES) }, out, { delay: 120 })

console.log(`${out}: ${FRAMES} frames, ${nfe.toFixed(1)} evaluations each`)
for (const owned of [from.images, to.images, images, frames, flow]) owned.dispose()
