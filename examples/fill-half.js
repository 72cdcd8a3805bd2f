// Fills the lower half of digits of which only the upper half is known, three times each, and draws them:
//   node examples/fill-half.js filled.png
// A row of whole digits, a row of what is known of them, and below what the shipped model made of it.
import { datasets, PoissonFlow, Tensor } from 'pfgm-torch'

const [out = 'filled.png'] = process.argv.slice(2)
const COLUMNS = 10
const FILLS = 3

const flow = await PoissonFlow.load('digits')
const size = flow.network.dimensions
const known = size / 2

const { values } = await datasets.digits()
const digits = Float32Array.from(values.subarray(0, COLUMNS * size), (pixel) => pixel / 127.5 - 1)

/** Puts the upper halves of the digits over images; sample i is a fill of digit i % COLUMNS. */
function putKnown(images, samples) {
  for (const [row, sample] of samples.entries()) {
    const digit = (sample % COLUMNS) * size
    images.set(digits.subarray(digit, digit + known), row * size)
  }
  return images
}

const { images } = await flow.sample({
  count: FILLS * COLUMNS,
  seed: 1,
  onDenoised: async ({ images, samples }) =>
    Tensor.from(putKnown(await images.data(), samples), images.shape),
})

const columns = Array.from({ length: COLUMNS }, (_, i) => i)
const hidden = putKnown(new Float32Array(digits.length), columns)
const rows = [...digits, ...hidden, ...(await images.data())]
const picture = await Tensor.from(Float32Array.from(rows), [rows.length / size, ...flow.network.itemShape])
await picture.savePng(out, { columns: COLUMNS })
console.log(`${out}: ${FILLS} fills of ${COLUMNS} digits`)
for (const owned of [images, picture, flow]) owned.dispose()
