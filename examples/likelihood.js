// How likely a model finds pictures: digits, the same turned by half, and noise:
//   node examples/likelihood.js
import { datasets, PoissonFlow, Tensor } from 'pfgm-torch'

const COUNT = 2
const flow = await PoissonFlow.load('digits')
const size = flow.network.dimensions
const { values } = await datasets.digits()
const digits = values.slice(0, COUNT * size)

const pictures = {
  digits,
  turned: digits.map((_, i) => digits[i - (i % size) + (size - 1 - (i % size))]),
  noise: digits.map((_, i) => (i * 7919) % 256),
}

for (const [name, pixels] of Object.entries(pictures)) {
  const images = await Tensor.from(pixels, [COUNT, ...flow.network.itemShape])
  // One random probe a picture estimates the divergence, and the tolerance is coarse, to be quick.
  const { bitsPerDimension } = await flow.logLikelihood(images, { probes: 1, rtol: 1e-2, atol: 1e-2 })
  const bits = [...bitsPerDimension].map((value) => value.toFixed(2))
  console.log(`${name}: ${bits.join(', ')} bits per dimension`)
  images.dispose()
}
flow.dispose()
