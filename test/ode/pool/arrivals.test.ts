import { afterEach, expect, it, vi } from 'vitest'
import { samplePath } from '../../../src/model/sample.js'
import { sampleKeys } from '../../../src/model/samples.js'
import { perSampleNorm } from '../../../src/ode/error-norm.js'
import type { Arrivals } from '../../../src/ode/pool/arrivals.js'
import { integrate } from '../../../src/ode/pool/pool.js'
import type { SolverSettings } from '../../../src/ode/solver-options.js'
import { createStepper } from '../../../src/ode/steppers/create-stepper.js'
import { Tensor } from '../../../src/tensor/tensor.js'
import { preparedSolver } from '../../../src/tuning/prepared-solver.js'
import { wantedSolver } from '../../../src/tuning/wanted-solver.js'
import { pointsFlow } from '../points-flow.js'
import { rowsOfCalls } from '../rows-of-calls.js'

/** Steps of the first sample before the second one comes. */
const BEFORE = 3

afterEach(() => vi.restoreAllMocks())

/** Two samples of one seed, the second of which joins when the first is under way. */
async function drawTwo(settings: SolverSettings) {
  const model = await pointsFlow()
  const { flow, network } = model
  const { solver } = await preparedSolver(model, wantedSolver(model, settings), flow.far.height, {})
  const path = samplePath(model, solver, flow.far.height)
  let [steps, taken] = [0, 0]
  const arrivals: Arrivals = {
    isUrgent: true,
    get waiting() {
      return taken === 0 || (taken === 1 && steps >= BEFORE) ? 1 : 0
    },
    async take() {
      const keys = sampleKeys(0n, 0, 1)
      return {
        samples: [taken++],
        states: await flow.prior(keys, network.dimensions, undefined),
        rows: { keys },
      }
    },
  }
  const problem = {
    flow: model.sharedFlow(),
    heightName: flow.heightName,
    count: 2,
    from: flow.far.height,
    to: flow.near.height,
    device: network.device,
    shape: network.itemShape,
    arrivals,
  }
  using out = await Tensor.full([2, ...network.itemShape], 0, 'float32')
  const rows = rowsOfCalls()
  const { evaluations } = await integrate(problem, path, createStepper(solver, path), out, {
    norm: perSampleNorm(network.dimensions),
    capacity: 2,
    onStep: () => {
      steps += 1
    },
  })
  const values = await out.data()
  return { rows, evaluations, values: [values.slice(0, 2), values.slice(2)] }
}

it.each<SolverSettings>([
  { solver: 'adaptive-unipc' },
  { solver: 'unipc', steps: 12 },
  { solver: 'dpm2m', steps: 12 },
])('a sample that joins by $solver costs the others no call of its own', async (settings) => {
  const { rows, evaluations, values } = await drawTwo(settings)
  const each = evaluations[0]!
  expect([...evaluations]).toEqual([each, each])
  expect(values[1]).toEqual(values[0])
  const alone = new Array<number>(BEFORE).fill(1)
  expect(rows).toEqual([...alone, ...new Array<number>(each - BEFORE).fill(2), ...alone])
})
