import { stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { openDataset, SHIPPED_MODELS, Tensor } from '../../src/index.js'
import { frechetDistance } from '../../src/metrics/feature-distances.js'
import { PoissonFlow } from '../../src/poisson-flow.js'

describe.each(SHIPPED_MODELS)('the %s model', (name) => {
  it('is small, and has ten classes', async () => {
    const { size } = await stat(fileURLToPath(new URL(`../../models/${name}.safetensors`, import.meta.url)))
    expect(size).toBeLessThan(6e6)
    using flow = await PoissonFlow.load(name)
    expect(flow.classCount).toBe(10)
  })

  it('draws what is near its data', async () => {
    using flow = await PoissonFlow.load(name)
    const labels = Int32Array.from({ length: 200 }, (_, i) => i % 10)
    const { images } = await flow.sample({ count: 200, labels, seed: 5 })
    using drawn = images
    const { values, shape } = await openDataset(name === 'fashion' ? 'fashion:test' : name)
    const size = shape.reduce((product, side) => product * side, 1)
    using data = await Tensor.from((values as Uint8Array).slice(0, 1500 * size), [1500, ...shape])
    using first = await data.slice(0, 200)
    using others = await data.slice(200, 1300)
    // As near as twice what as many real pictures are: a model that fails is tens of times as far.
    expect(await frechetDistance(drawn, others)).toBeLessThan(2 * (await frechetDistance(first, others)))
  })
})
