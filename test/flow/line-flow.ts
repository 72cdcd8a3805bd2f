import { z } from 'zod'
import type { Batch } from '../../src/flow/batch.js'
import { type Flow, type FlowKind, NativeFlow } from '../../src/flow/flow.js'
import { FLOW_KINDS, type FlowSettings } from '../../src/flow/kinds.js'
import { native } from '../../src/native/native.js'
import type { Network } from '../../src/nn/network.js'
import { Tensor } from '../../src/tensor/tensor.js'

const schema = z.strictObject({ kind: z.literal('line'), tMax: z.number(), tMin: z.number() })
type LineSettings = z.infer<typeof schema>

/**
 * A toy: straight lines to the data's mean, dx / d(ln t) = x - mean, whose states at t_max are t_max times signs. The
 * network is the exact field of one point, the mean, in which Poisson's own native flow follows just these lines.
 */
const LINE: FlowKind<LineSettings> = {
  kind: 'line',
  output: 'field',
  schema,
  settingsFor: (given) => ({ kind: 'line', tMax: 10, tMin: 0.01, ...given }),
  create: ({ tMax, tMin }): Flow => ({
    heightName: 't',
    far: { height: tMax, name: 't_max' },
    near: { height: tMin, name: 't_min' },
    farthest: { norm: 1e6, name: 'a million' },
    async prior(keys, dimensions, temperature = 1) {
      const sign = (key: bigint, c: number) => ((key >> BigInt(c % 64)) & 1n ? 1 : -1)
      const starts = Array.from(keys, (key) => Array.from({ length: dimensions }, (_, c) => sign(key, c)))
      const values = Float64Array.from(starts.flat(), (each) => temperature * tMax * each)
      return Tensor.from<'float64'>(values, [keys.length, dimensions])
    },
    logPrior: (radius, dimensions) => -(radius ** 2) / (2 * tMax ** 2) - dimensions * Math.log(tMax),
    async perturb(data, keys, height) {
      using starts = await this.prior(keys, data.size / keys.length)
      const [values, signs] = [await data.data(), await starts.data()]
      const moved = signs.map((sign, i) => Number(values[i]) + (sign / tMax) * height)
      return Tensor.from<'float64'>(moved, starts.shape)
    },
    drift(network: Network): NativeFlow {
      const config = {
        gamma: 1,
        zExp: 0,
        upperNorm: 1e9,
        epsilon: 0,
        normalised: false,
        inference: { deterministic: false, precision: 'float32' as const, roundsAbove: 0 },
      }
      return new NativeFlow(native().createPfgmFlow(network.handle, config))
    },
    batch: (): Promise<Batch> => Promise.reject(new Error('a line is not learned')),
  }),
}

FLOW_KINDS.set(LINE.kind, LINE as unknown as FlowKind<FlowSettings>)
