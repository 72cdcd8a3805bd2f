import { product } from '../../src/check.js'
import { jointNorm, perSampleNorm } from '../../src/ode/error-norm.js'
import { Numbered } from '../../src/ode/pool/arrivals.js'
import { integrate } from '../../src/ode/pool/pool.js'
import { type Solver, solverByName } from '../../src/ode/solver.js'
import { type SolverSettings, solverOptions } from '../../src/ode/solver-options.js'
import { createStepper } from '../../src/ode/steppers/create-stepper.js'
import { pathBetween } from '../../src/ode/steppers/path.js'
import { HEIGHT } from '../../src/ode/variable.js'
import type { PoissonFlow } from '../../src/poisson-flow.js'
import { Tensor } from '../../src/tensor/tensor.js'

/** What is not as a sampling has it. */
interface Given {
  labels?: Int32Array
  endsDenoised?: boolean
  /** `[samples, draws, N]`: the noise of the steps. */
  noise?: Tensor
  /** One error norm for all samples, in t and not its logarithm, as the published code has it. */
  published?: boolean
}

/** Samples from given starts, in float64. */
export async function followed(
  model: PoissonFlow,
  starts: Float64Array,
  shape: readonly number[],
  settings: SolverSettings,
  { labels, endsDenoised, noise, published = false }: Given = {},
): Promise<{ samples: Float64Array; evaluations: Int32Array }> {
  const n = product(shape)
  const { near, far, sde, isGaussian = false, isInTime = false } = model.flow
  const count = starts.length / n
  const named = solverByName(solverOptions(settings), far.height, near.height)
  const solver: Solver = published && named.kind === 'rungeKutta' ? { ...named, variable: HEIGHT } : named
  const path = pathBetween(far.height, near.height, solver.variable, {
    ...(sde && { sde }),
    isGaussian,
    isInTime,
    endsDenoised: endsDenoised ?? (model.flow.endsDenoised === true && solver.kind !== 'predictorCorrector'),
  })
  using out = await Tensor.full([count, n], 0, 'float64')
  const problem = {
    flow: model.sharedFlow(),
    heightName: 'sigma',
    count,
    from: far.height,
    to: near.height,
    device: 'cpu',
    shape,
    arrivals: new Numbered(
      count,
      () => Tensor.from<'float64'>(starts, [count, n]),
      () => ({ keys: BigUint64Array.from({ length: count }, (_, i) => BigInt(i)), labels }),
    ),
    noise,
  }
  const options = { norm: published ? jointNorm(n, 0) : perSampleNorm(n), capacity: count }
  const { evaluations } = await integrate(problem, path, createStepper(solver, path), out, options)
  return { samples: await out.data(), evaluations }
}
