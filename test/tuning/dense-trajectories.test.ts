import { expect, it } from 'vitest'
import { sampleKeys } from '../../src/model/samples.js'
import { setThreads } from '../../src/native/device.js'
import { DPM_SOLVER_2M } from '../../src/ode/multistep-methods/dpm-solver.js'
import { karrasHeights } from '../../src/ode/schedules/karras.js'
import { DATA_DEVIATION } from '../../src/ode/steppers/data-deviation.js'
import { denseTrajectories } from '../../src/tuning/dense-trajectories.js'
import { stepErrors } from '../../src/tuning/step-error.js'
import { maxAbsoluteError } from '../golden.js'
import { publishedFlow } from '../published-flow.js'

it('dense trajectories end where converged samples do, and know the denoised values on the way', async () => {
  await setThreads(1)
  using model = await publishedFlow()
  const { flow } = model
  using start = await flow.prior(sampleKeys(5n, 0, 3), model.network.dimensions)
  const heights = karrasHeights(flow.far.height, flow.near.height, 48, 7)
  const shares: number[] = []
  using trajectories = await denseTrajectories(model.sharedFlow(), start, heights, 'cpu', {
    onProgress: (share) => shares.push(share),
  })
  expect([shares.length, shares.at(-1)]).toEqual([49, 1])
  const at = async (height: number) => {
    using x = await trajectories.states.select(0, height)
    using d = await trajectories.denoised.select(0, height)
    return { x: await x.data(), d: await d.data() }
  }
  expect((await at(0)).x).toEqual(await start.data())
  const { images } = await model.sample({ seed: 5, count: 3, solver: 'rk45', rtol: 1e-6, atol: 1e-6 })
  expect(maxAbsoluteError((await at(48)).x, await images.data())).toBeLessThan(3e-3)
  images.dispose()

  // A step of DPM-Solver++ from exact states is what the library's own solver takes.
  const two = Float64Array.from([heights[0]!, heights[12]!])
  const euler = two[1]! / two[0]!
  const [top, later] = [await at(0), await at(12)]
  const predicted = top.x.map((x, i) => euler * x + (1 - euler) * top.d[i]!)
  const missed = predicted.map((x, i) => x - later.x[i]!)
  const norms = [0, 1, 2].map((k) =>
    Math.sqrt(missed.slice(k * 192, (k + 1) * 192).reduce((sum, e) => sum + e * e, 0) / 192),
  )
  const expected = norms.reduce((sum, norm) => sum + norm, 0) / 3 / Math.hypot(DATA_DEVIATION, two[1]!)
  const errors = await stepErrors(trajectories, DPM_SOLVER_2M)
  expect(errors(undefined, 0, 12) / expected).toBeCloseTo(1, 10)
  expect(errors(20, 22, 24)).toBeLessThan(errors(16, 20, 24))
})
