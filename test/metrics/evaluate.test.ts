import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { datasets } from '../../src/data/index.js'
import { energyDistance, energyScore } from '../../src/metrics/energy-distance.js'
import { type Evaluation, evaluate, featureStatistics } from '../../src/metrics/evaluate.js'
import {
  floorOf,
  frechetDistance,
  frechetScore,
  kernelDistance,
  kernelScore,
} from '../../src/metrics/feature-distances.js'
import { FeatureNetwork } from '../../src/metrics/feature-network.js'
import { nearestItems } from '../../src/metrics/nearest.js'
import { FeatureStatistics } from '../../src/metrics/statistics.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { goldenPath } from '../golden.js'

const folder = await mkdtemp(join(tmpdir(), 'pfgm-evaluate-'))
afterAll(() => rm(folder, { recursive: true }))

const digits = await datasets.digits()
/** Every second digit, from the first or the second on: two draws of one distribution. */
const [some, others] = await Promise.all([0, 1].map(everySecond))
/** The same digits, turned upside down. */
const turned = await Tensor.from<'uint8'>(
  (await some!.data()).map((_, i, all) => all[i - (i % 64) + 63 - (i % 64)]!),
  some!.shape,
)

async function everySecond(first: number): Promise<Tensor<'uint8'>> {
  const values = digits.values as Uint8Array
  const rows = Array.from({ length: 890 }, (_, i) =>
    values.subarray((2 * i + first) * 64, (2 * i + first + 1) * 64),
  )
  return Tensor.from<'uint8'>(Uint8Array.from(rows.flatMap((row) => [...row])), [rows.length, 1, 8, 8])
}

describe('distances alone', () => {
  it('are those of an evaluation, and of draws of the data itself near what chance is', async () => {
    const found = await evaluate(turned, others!)
    expect(await frechetDistance(turned, others!)).toBeCloseTo(found.frechetDistance!.value, 8)
    expect(await kernelDistance(turned, others!)).toBe(found.kernelDistance!.value)
    expect(await energyScore(turned, others!)).toEqual(found.energyDistance)
    expect(await energyDistance(turned, others!)).toBeCloseTo(found.energyDistance!.value, 8)
    expect(await kernelScore(turned, others!)).toMatchObject({ error: found.kernelDistance!.error })
    const frechetAlone = await frechetScore(turned, others!)
    expect(frechetAlone.value).toBeCloseTo(found.frechetDistance!.value, 8)
    expect(frechetAlone.error).toBeCloseTo(found.frechetDistance!.error, 8)
    const frechet = await floorOf(frechetDistance)(others!, 890, 3, {})
    expect(frechet.mean).toBeGreaterThan(0)
    expect(frechet.mean).toBeLessThan(0.1 * found.frechetDistance!.value)
    const kernel = await floorOf(kernelDistance)(others!, 890, 3, {})
    expect(Math.abs(kernel.mean)).toBeLessThan(0.1 * found.kernelDistance!.value)
  })
})

describe('samples of the data', () => {
  it('score as well as can be, others do not', async () => {
    const same = await evaluate(some!, others!, { training: others! })
    const different = await evaluate(turned, others!, { training: some! })
    const within = ({ value, error }: { value: number; error: number }, errors: number) =>
      Math.abs(value) < errors * error
    expect(within(same.energyDistance!, 4)).toBe(true)
    expect(within(different.energyDistance!, 10)).toBe(false)
    expect(within(same.kernelDistance!, 4 * Math.sqrt(100))).toBe(true)
    for (const name of [
      'energyDistance',
      'slicedWasserstein',
      'frechetDistance',
      'kernelDistance',
    ] as const) {
      expect(different[name]!.value).toBeGreaterThan(3 * same[name]!.value)
    }
    for (const name of ['precision', 'recall', 'coverage'] as const) {
      expect(same[name]!.value).toBeGreaterThan(0.9)
      expect(different[name]!.value).toBeLessThan(same[name]!.value - 0.1)
    }
    expect(Math.abs(same.density!.value - 1)).toBeLessThan(0.1)
    expect(same).toMatchObject({ samples: 890, items: 890, features: 'numbers' })
  })

  it('that are copies of what was learned from are told from those that are not', async () => {
    const copied = await evaluate(some!, others!, { training: some! })
    expect(copied.memorisation!.value).toBe(0)
    const halves = [await some!.slice(0, 445), await some!.slice(445, 445)] as const
    const fresh = await evaluate(await others!.slice(0, 445), halves[0], { training: halves[1] })
    expect(Math.abs(fresh.memorisation!.value - 1)).toBeLessThan(0.2)
    expect(fresh.frechetDistance!.floor).toBeGreaterThan(0)
  })

  it('may come in parts, whose size changes nothing', async () => {
    async function* parts(size: number) {
      for (let first = 0; first < 890; first += size)
        yield await some!.slice(first, Math.min(size, 890 - first))
    }
    const [one, other] = [await evaluate(parts(7), others!), await evaluate(parts(300), others!)]
    for (const name of Object.keys(one) as (keyof Evaluation)[]) {
      expect(JSON.stringify(one[name])).toBe(
        name === 'frechetDistance' ? JSON.stringify(one[name]) : JSON.stringify(other[name]),
      )
    }
    // Sums of moments are in another order.
    expect(other.frechetDistance!.value).toBeCloseTo(one.frechetDistance!.value, 8)
  })

  it('are scored by the features of a network, with an inception score where it gives probabilities', async () => {
    using features = await FeatureNetwork.load(goldenPath('features/both.pt'))
    const found = await evaluate(some!, others!, { features })
    expect(found.features).toBe(goldenPath('features/both.pt'))
    expect(found.inceptionScore!.value).toBeGreaterThan(1)
    expect(found.inceptionScore!.value).toBeLessThan(2)
    expect(found.frechetDistance!.value).toBeLessThan(1e-3)
  })

  it('are refused where they are too few, or of another shape', async () => {
    const few = await some!.slice(0, 19)
    await expect(evaluate(few, others!)).rejects.toThrow(
      'Expected samples to have at least 20 items but received 19',
    )
    const points = await Tensor.full([30, 2], 0, 'float32')
    await expect(evaluate(points, others!)).rejects.toThrow(
      "Expected samples to be of the data's shape [1, 8, 8] but received [2]",
    )
  })

  it('are refused where a number is none, or statistics are of other features', async () => {
    const broken = await Tensor.from<'float32'>(
      Float32Array.from({ length: 60 }, (_, i) => (i === 41 ? NaN : i)),
      [30, 2],
    )
    const points = await Tensor.from<'float32'>(
      Float32Array.from({ length: 60 }, (_, i) => Math.cos(i)),
      [30, 2],
    )
    await expect(evaluate(broken, points)).rejects.toThrow('Expected finite items but item 20 has a NaN')
    using statistics = await featureStatistics(points)
    await expect(evaluate(some!, statistics)).rejects.toThrow(
      'Expected statistics of the features that samples have, 64, but received those of 2',
    )
  })

  it('end with a signal', async () => {
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(evaluate(some!, others!, { signal })).rejects.toThrow('enough')
  })
})

describe('statistics', () => {
  it('are written and read without a loss, and give the same Frechet distance as the data', async () => {
    const path = join(folder, 'digits.npz')
    using statistics = await featureStatistics(others!)
    await statistics.save(path)
    using read = await FeatureStatistics.load(path)
    expect(await read.mean.data()).toEqual(await statistics.mean.data())
    expect(await read.covariance.data()).toEqual(await statistics.covariance.data())
    const beside = await evaluate(some!, read)
    const direct = await evaluate(some!, others!)
    expect(beside.frechetDistance!.value).toBe(direct.frechetDistance!.value)
    expect(beside.energyDistance).toBeUndefined()
  })

  it('that are none are refused', async () => {
    const path = join(folder, 'none.npz')
    await writeFile(path, 'PK nothing')
    await expect(FeatureStatistics.load(path)).rejects.toThrow(/whole archive of NumPy files/)
  })
})

describe('nearest items', () => {
  it('are those of the least distance, the nearest first', async () => {
    const samples = await Tensor.from<'float32'>(Float32Array.of(0, 0, 3, 4), [2, 2])
    const data = await Tensor.from<'float32'>(Float32Array.of(3, 4, 1, 0, 0, 0.5), [3, 2])
    expect(await nearestItems(samples, data, 2)).toEqual({
      items: [
        [2, 1],
        [0, 1],
      ],
      distances: [
        [0.5, 1],
        [0, Math.hypot(2, 4)],
      ],
    })
  })
})
