import { describe, expect, it } from 'vitest'
import { Network } from '../../src/nn/network.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { golden, loadWeights, maxAbsoluteError, publishedNetwork } from '../golden.js'
import { learnedFrom } from './denoising.js'
import { followed } from './followed.js'
import { exactFlow, mixtureOf } from './golden-mixture.js'
import { SDES } from './sdes.js'

/** Half the squared errors, each by the weight of its row, a mean over the rows. */
function weightedLoss(
  given: ArrayLike<number>,
  target: ArrayLike<number>,
  weight: ArrayLike<number>,
): number {
  const columns = target.length / weight.length
  const sum = Array.from(
    target,
    (wanted, i) => weight[Math.trunc(i / columns)]! * (given[i]! - wanted) ** 2,
  ).reduce((all, each) => all + each, 0)
  return sum / 2 / weight.length
}

describe.each(SDES)('$name', ({ name, sde, settings, scales }) => {
  // The published network of VE takes the logarithm of sigma itself.
  const told = (label: number) => (name === 've' ? Math.log(label) : label)
  const file = golden(`rivals/sde-${name}.safetensors`)
  const t = [...file.array('t').values]
  const x = [...file.array('x').values]
  /** Agreement of a figure of each time with the published one, as a share of the largest. */
  const expectShare = (ours: number[], published: ArrayLike<number>, share: number, from = 0) => {
    const theirs = Array.from(published).slice((from * published.length) / t.length)
    const largest = Math.max(...theirs.map(Math.abs))
    const own = ours.slice((from * ours.length) / t.length)
    expect(maxAbsoluteError(own, theirs)).toBeLessThan(share * (largest || 1))
  }
  const eachValue = (of: (t: number) => number) =>
    x.map((value, i) => value * of(t[Math.trunc((i * t.length) / x.length)]!))

  it('signal and noise, to their last digits', () => {
    expect(maxAbsoluteError(t.map(sde.signal), file.array('mean_coefficient_float64').values)).toBeLessThan(
      1e-12,
    )
    expect(maxAbsoluteError(t.map(sde.noise), file.array('std_float64').values)).toBeLessThan(1e-12)
    for (const each of t) expect(sde.time(sde.height(each)) / each).toBeCloseTo(1, 9)
  })

  it('drift, diffusion and their discretisations', () => {
    // What is published is float32, which loses the noise near time 0: the first of the times is left out there.
    expectShare(eachValue(sde.drift), file.array('drift').values, 2e-5)
    expectShare(t.map(sde.diffusion), file.array('diffusion').values, 1e-3, 1)
    for (const n of [25, 1000]) {
      expectShare(
        eachValue((each) => sde.discretized(each, n).F),
        file.array(`f_${n}`).values,
        2e-4,
      )
      expectShare(
        t.map((each) => sde.discretized(each, n).G),
        file.array(`G_${n}`).values,
        1e-3,
        1,
      )
    }
  })

  it("the prior's density", async () => {
    using flow = await exactFlow({ centres: [new Array(12).fill(0)], deviation: 1 }, settings())
    const published = [...file.array('prior_logp').values]
    const ours = t.map((_, i) => {
      const radius = Math.hypot(...x.slice(12 * i, 12 * i + 12)) / sde.signal(1)
      return flow.flow.logPrior(radius, 12, 'exact') - 12 * Math.log(sde.signal(1))
    })
    expectShare(ours, published, 1e-6)
  })

  it('what a network learns, and the loss', async () => {
    const given = golden(`rivals/loss-${name}.safetensors`)
    const times = Array.from(given.array('uniform').values, (u) => 1e-5 + u * (1 - 1e-5))
    const sigma = { shape: [times.length], values: Float64Array.from(times, sde.height) }
    const draws = { sigma, gaussian: given.array('noise') }
    const columns = given.array('noise').values.length / times.length
    const rowsBy = (values: ArrayLike<number>, of: (t: number) => number) =>
      Array.from(values, (value, i) => value * of(times[Math.trunc(i / columns)]!))
    for (const [key, weighted] of [
      ['loss', false],
      ['loss_likelihood_weighting', true],
    ] as const) {
      const { x, z, target, weight } = await learnedFrom(given.array('batch'), draws, {
        scales: scales(weighted),
      })
      expect(maxAbsoluteError(x, given.array('perturbed').values)).toBeLessThan(1e-4)
      // The published network of VE divides what it gives by sigma.
      const F = rowsBy(given.array('network_output').values, name === 've' ? sde.noise : () => 1)
      const loss = weightedLoss(F, target, weight)
      expect(Math.abs(loss / given.array(key).values[0]! - 1)).toBeLessThan(weighted ? 1e-4 : 1e-5)
      expect(maxAbsoluteError(z, given.array('labels').values.map(told))).toBeLessThan(1e-3)
    }
  })

  it('the published network, and its score', async () => {
    const given = golden(`rivals/net-${name}/forward.safetensors`)
    const config = { ...publishedNetwork(`rivals/net-${name}/config.json`), output: 'image' } as const
    using network = await Network.create(config)
    await loadWeights(network, `rivals/net-${name}/weights.safetensors`)
    const times = [...given.array('t').values]
    using points = await Tensor.from<'float32'>(
      given.array('x').values as Float32Array,
      given.array('x').shape,
    )
    using noise = await Tensor.from<'float32'>(Float32Array.from(given.array('labels').values, told), [
      times.length,
    ])
    const { x: image } = await network.forward(points, noise)
    using raw = image
    // The published network of VE divides what it gives by sigma.
    const errors = Array.from(await raw.data(), (value, i) => {
      const sigma = name === 've' ? sde.noise(times[Math.trunc((i * times.length) / image.size)]!) : 1
      return value - given.array('out').values[i]! * sigma
    })
    const scale = Number(given.metadata.output_scale)
    expect(
      maxAbsoluteError(
        errors,
        errors.map(() => 0),
      ),
    ).toBeLessThan(1e-5 * scale)
  })

  it('the converged probability flow', async () => {
    const given = golden(`rivals/ode-${name}.safetensors`)
    const tMin = Number(given.metadata.eps)
    using flow = await exactFlow(mixtureOf(given), settings(tMin))
    const starts = Float64Array.from(given.array('start').values, (each) => each / sde.signal(1))
    const { samples } = await followed(
      flow,
      starts,
      [12],
      { solver: 'tsit5', rtol: 1e-12, atol: 1e-12 },
      { endsDenoised: false },
    )
    const ends = samples.map((each) => each * sde.signal(tMin))
    expect(maxAbsoluteError(ends, given.array('samples_converged').values)).toBeLessThan(1e-8)
  })
})
