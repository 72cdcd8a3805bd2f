import { product } from '../../src/check.js'
import { perSampleNorm } from '../../src/ode/error-norm.js'
import { integrate } from '../../src/ode/pool/pool.js'
import { solverByName } from '../../src/ode/solver.js'
import { type SolverSettings, solverOptions } from '../../src/ode/solver-options.js'
import { createStepper } from '../../src/ode/steppers/create-stepper.js'
import { pathBetween } from '../../src/ode/steppers/path.js'
import type { PoissonFlow } from '../../src/poisson-flow.js'
import { Tensor } from '../../src/tensor/tensor.js'

/** What is not as a sampling has it. */
interface Given {
  labels?: Int32Array
  endsDenoised?: boolean
  /** `[samples, draws, N]`: the noise of the steps. */
  noise?: Tensor
}

/** Samples from given starts, in float64. */
export async function followed(
  model: PoissonFlow,
  starts: Float64Array,
  shape: readonly number[],
  settings: SolverSettings,
  { labels, endsDenoised, noise }: Given = {},
): Promise<{ samples: Float64Array; evaluations: Int32Array }> {
  const n = product(shape)
  const { near, far, sde, isGaussian = false } = model.flow
  const count = starts.length / n
  const solver = solverByName(solverOptions(settings), far.height, near.height)
  const path = pathBetween(far.height, near.height, solver.variable, {
    ...(sde && { sde }),
    isGaussian,
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
    start: () => Tensor.from<'float64'>(starts, [count, n]),
    rows: () => ({ keys: BigUint64Array.from({ length: count }, (_, i) => BigInt(i)), labels }),
    noise,
  }
  const options = { norm: perSampleNorm(n), capacity: count }
  const { evaluations } = await integrate(problem, path, createStepper(solver, path), out, options)
  return { samples: await out.data(), evaluations }
}
