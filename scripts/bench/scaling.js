// How a pass of a network grows with images, their size and threads.
import { Network, preset, setThreads, Tensor } from '../../dist/index.js'
import { inTurn, timed } from './compare.js'
import { pass } from './network.js'

const CONFIG = { ...preset('digits').network, labels: 0, nf: 32, chMult: [1, 2], attnResolutions: [] }
const SIZES = [8, 16, 32, 64]
const BATCHES = [1, 4, 16, 64]
const THREADS = [1, 2]

/**
 * @param {unknown} _ there is no peer
 * @param {{ quick: boolean }} options
 */
export async function benchScaling(_, { quick }) {
  const rows = []
  for (const size of SIZES) {
    const network = await Network.create({ ...CONFIG, imageSize: size }, { seed: 1 })
    for (const batch of BATCHES) {
      if (quick && batch * size ** 2 > 16 * 32 ** 2) continue
      const x = await Tensor.full([batch, ...network.itemShape], 0.5, 'float32')
      const z = await Tensor.full([batch], 1, 'float32')
      const side = (threads) => async () => {
        await setThreads(threads)
        return timed(() => pass(network, x, z))
      }
      const [one, two] = await inTurn(quick ? 3 : 7, THREADS.map(side))
      rows.push({ size, batch, one, two })
      x.dispose()
      z.dispose()
    }
    network.dispose()
  }
  return { rows, exponents: exponentsOf(rows) }
}

/** Slopes of ln time, by least squares: over ln images at each size, and over ln pixels at each number of images. */
function exponentsOf(rows) {
  const slopes = (name, abscissa) =>
    [...new Set(rows.map((row) => row[name]))].map((value) => ({
      [name]: value,
      exponent: slope(
        rows
          .filter((row) => row[name] === value)
          .map((row) => [Math.log(abscissa(row)), Math.log(row.two.median)]),
      ),
    }))
  return { images: slopes('size', ({ batch }) => batch), pixels: slopes('batch', ({ size }) => size ** 2) }
}

function slope(points) {
  const mean = (axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length
  const [middleX, middleY] = [mean(0), mean(1)]
  const over = points.reduce((sum, [x, y]) => sum + (x - middleX) * (y - middleY), 0)
  return over / points.reduce((sum, [x]) => sum + (x - middleX) ** 2, 0)
}
