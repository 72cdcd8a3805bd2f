import { describe, expect, it } from 'vitest'
import type { Arithmetic, Denoised } from '../../src/flow/arithmetic.js'
import { createFlow, flowKind, parseFlow } from '../../src/flow/kinds.js'
import { Network } from '../../src/nn/network.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { giveRandomWeights } from '../random-weights.js'
import { drifts } from './drifts.js'

/** Numbers of an item, or one that goes with all of them. */
type Numbers = readonly number[]

const N = 3
const zipped = (of: (a: number, b: number) => number) => (a: Numbers, b: Numbers) =>
  Array.from({ length: Math.max(a.length, b.length) }, (_, i) => of(a[i % a.length]!, b[i % b.length]!))
const mapped = (of: (a: number) => number) => (a: Numbers) => a.map((each) => of(each))

const NUMBERS: Arithmetic<Numbers> = {
  constant: (value) => [value],
  add: zipped((a, b) => a + b),
  subtract: zipped((a, b) => a - b),
  multiply: zipped((a, b) => a * b),
  divide: zipped((a, b) => a / b),
  sqrt: mapped(Math.sqrt),
  log: mapped(Math.log),
  asinh: mapped(Math.asinh),
  min: zipped(Math.min),
  whereBelow: (a, b, then, otherwise) => (a[0]! < b[0]! ? then : otherwise),
  squareNorm: (a) => [a.reduce((sum, each) => sum + each ** 2, 0)],
}

const EDM = { sigmaMax: 80, sigmaMin: 0.002, sigmaData: 0.4, pMean: -1.2, pStd: 1.2 }
const PFGM = { sigma: 0.01, tau: 0.03, M: 200, restrictM: true, gamma: 5, zMax: 40, zMin: 1e-3 }
const SDE = { betaMin: 0.1, betaMax: 20, tMin: 1e-3 }

describe('what a flow says that it denoises is what its native side follows', () => {
  it.each([
    { kind: 'pfgm', ...PFGM, upperNorm: 100, zExp: 5 },
    { kind: 'pfgmpp', D: 64, draw: 'paper', ...EDM },
    { kind: 'edm', ...EDM },
    { kind: 've', sigmaMin: 0.02, sigmaMax: 100, tMin: 1e-5 },
    { kind: 'vp', ...SDE },
    { kind: 'subvp', ...SDE },
  ])('$kind', async (given) => {
    const settings = parseFlow(given)
    const kind = flowKind(settings)!
    const { output } = kind
    using network = await Network.create({ kind: 'mlp', dimensions: N, width: 16, depth: 1, output })
    await giveRandomWeights(network, 5)
    using drift = createFlow(settings).drift(network)
    const heights = [0.011, 0.7, 4.99, 5, 30]
    const rows = heights.map((height, i) => Array.from({ length: N }, (_, c) => height * Math.sin(i + 2 * c)))
    using points = await Tensor.from<'float64'>(Float64Array.from(rows.flat()), [heights.length, N])
    const away = await drifts(drift.handle, points, heights)
    for (const [i, height] of heights.entries()) {
      const x = rows[i]!
      const found = await evaluated(network, (evaluate) =>
        kind.denoised!(settings, { ops: NUMBERS, x, height: [height], dimensions: N, network: evaluate }),
      )
      const largest = Math.max(...x.map(Math.abs))
      for (const [c, value] of found.entries()) {
        expect(Math.abs(value - (x[c]! - away[i * N + c]!))).toBeLessThan(1e-6 * largest)
      }
    }
  })
})

/** What a formula makes of a network, which answers at once the second time that it is asked. */
async function evaluated(
  network: Network,
  formula: (evaluate: Denoised<Numbers>['network']) => Numbers,
): Promise<Numbers> {
  let asked: { x: Numbers; told: Numbers } | undefined
  formula((x, told) => {
    asked = { x, told }
    return { x, z: [1] }
  })
  using x = await Tensor.from<'float32'>(Float32Array.from(asked!.x), [1, N])
  using told = await Tensor.from<'float32'>(Float32Array.from(asked!.told), [1])
  const given = await network.forward(x, told)
  using ofX = given.x
  using ofZ = given.z
  const answer = { x: [...(await ofX.data())], ...(ofZ && { z: [...(await ofZ.data())] }) }
  return formula(() => answer)
}
