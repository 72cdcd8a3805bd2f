import { afterEach, describe, expect, it, vi } from 'vitest'
import { sampleKeys } from '../../../src/model/samples.js'
import { native } from '../../../src/native/native.js'
import { perSampleNorm } from '../../../src/ode/error-norm.js'
import { Numbered } from '../../../src/ode/pool/arrivals.js'
import { integrate } from '../../../src/ode/pool/pool.js'
import { solverByName } from '../../../src/ode/solver.js'
import { type SolverSettings, solverOptions } from '../../../src/ode/solver-options.js'
import { createStepper } from '../../../src/ode/steppers/create-stepper.js'
import { pathBetween } from '../../../src/ode/steppers/path.js'
import type { PoissonFlow } from '../../../src/poisson-flow.js'
import { Tensor } from '../../../src/tensor/tensor.js'
import { gaussiansFlow } from '../../gaussians-flow.js'

const MIXTURE = {
  centres: [
    [-0.7, 0],
    [0.7, 0.1],
  ],
  deviation: 0.05,
}

afterEach(() => vi.restoreAllMocks())

/** Samples of a model whose rows have labels. */
async function drawLabelled(
  model: PoissonFlow,
  labels: readonly number[],
  settings: SolverSettings = {},
  seed = 0n,
): Promise<Float32Array> {
  const { near, far, jump } = model.flow
  const solver = solverByName(solverOptions(settings), far.height, near.height)
  const path = pathBetween(far.height, near.height, solver.variable, { ...(jump && { jump }) })
  using out = await Tensor.full([labels.length, 2], 0, 'float32')
  const problem = {
    flow: model.sharedFlow(),
    heightName: 'z',
    count: labels.length,
    from: far.height,
    to: near.height,
    device: 'cpu',
    shape: [2],
    arrivals: new Numbered(
      labels.length,
      (first, count) => model.flow.prior(sampleKeys(seed, first, count), 2),
      (first, count) => ({
        keys: sampleKeys(seed, first, count),
        labels: Int32Array.from(labels.slice(first, first + count)),
      }),
    ),
  }
  const norm = perSampleNorm(2)
  await integrate(problem, path, createStepper(solver, path), out, { norm, capacity: 3 })
  return out.data()
}

describe('rows carry their labels to the flow', () => {
  it('each sample is of its own class, alone and among others, to the bit', async () => {
    using model = await gaussiansFlow(MIXTURE, 40, 1)
    const labels = [0, 1, 1, -1, 0, 1, 0]
    for (const settings of [{}, { solver: 'adaptive-unipc' }, { solver: 'heun', steps: 12 }] as const) {
      const all = await drawLabelled(model, labels, settings)
      for (const [i, label] of labels.entries()) {
        if (label < 0) continue
        const [x, y] = all.subarray(2 * i, 2 * i + 2)
        const [cx, cy] = MIXTURE.centres[label]!
        expect(Math.hypot(x! - cx!, y! - cy!)).toBeLessThan(0.3)
      }
      const third = await drawLabelled(model, [labels[2]!], settings, 2n)
      expect(all.subarray(4, 6)).toEqual(third)
    }
  })

  it('where one sampling makes a shared call fail, the others get what they get alone', async () => {
    using model = await gaussiansFlow(MIXTURE, 40)
    const alone = await drawLabelled(model, [0, 1])
    // However busy the machine is, all three are in the first call.
    model.sharedFlow().dispatch = { maxRows: 100, patience: 10_000 }
    const calls = vi.spyOn(native(), 'evaluateDrifts')
    const good = drawLabelled(model, [0, 1])
    const bad = drawLabelled(model, [7])
    const plain = model.sample({ count: 2 })
    await expect(bad).rejects.toThrow('Expected labels to be below 2')
    expect(await good).toEqual(alone)
    const { images } = await plain
    images.dispose()
    expect(calls.mock.calls.some(([, evaluations]) => evaluations.length === 3)).toBe(true)
  })
})
