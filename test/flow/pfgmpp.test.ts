import { expect, it } from 'vitest'
import { fieldTarget } from '../../src/flow/pfgm.js'
import { posteriorMean } from '../../src/flow/pfgmpp.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { float32, golden, maxRelativeRowError } from '../golden.js'

it.each([1, 64, 2048])('posterior means agree with those computed in float64, D = %i', async (D) => {
  const file = golden(`pfgmpp/posterior-mean-D${D}.safetensors`)
  const r = file.array('r').values as Float64Array
  const mean = await posteriorMean(
    await float32(file.array('sources')),
    await float32(file.array('perturbed')),
    await Tensor.from<'float64'>(r, [r.length]),
    D,
  )
  expect(maxRelativeRowError(await mean.data(), file.array('target').values, 192)).toBeLessThan(1e-6)
})

it('with D = 1 its weights are those of the Poisson field', async () => {
  const n = 20
  const values = (count: number) => Float32Array.from({ length: count * n }, (_, i) => Math.sin(i * i))
  const sources = await Tensor.from<'float32'>(values(300), [300, n])
  const x = await Tensor.from<'float32'>(values(9), [9, n])
  const z = await Tensor.from<'float32'>(new Float32Array(9).fill(0.7), [9])
  const mean = await (await posteriorMean(sources, x, z, 1)).data()
  // E is along (x - mean, z), and the target against it.
  const target = await (await fieldTarget(sources, x, z, 5)).data()
  const at = await x.data()
  for (let q = 0; q < 9; q++)
    for (let c = 0; c < n; c++) {
      const ratio = target[q * (n + 1) + c]! / target[q * (n + 1) + n]!
      expect((at[q * n + c]! - mean[q * n + c]!) / 0.7).toBeCloseTo(ratio, 4)
    }
})

it('refuses what has no meaning', async () => {
  const sources = await Tensor.from<'float32'>(new Float32Array(6), [3, 2])
  const r = await Tensor.from<'float32'>(new Float32Array(1), [1])
  const x = await Tensor.from<'float32'>(new Float32Array(2), [1, 2])
  await expect(posteriorMean(sources, x, r, 0)).rejects.toThrow('Expected D to be')
  await expect(posteriorMean(sources, x, r, 1.5)).rejects.toThrow('Expected D to be')
  await expect(posteriorMean(sources, r, r, 1)).rejects.toThrow('Expected x to have 2 numbers a query')
})
