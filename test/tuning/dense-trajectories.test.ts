import { expect, it } from 'vitest'
import { drawPrior } from '../../src/flow/pfgm.js'
import { sampleKeys } from '../../src/model/samples.js'
import { setThreads } from '../../src/native/device.js'
import { DPM_SOLVER_2M } from '../../src/ode/multistep-methods/dpm-solver.js'
import { karrasHeights } from '../../src/ode/schedules/karras.js'
import { denseTrajectories } from '../../src/tuning/dense-trajectories.js'
import { stepErrors } from '../../src/tuning/step-error.js'
import { maxAbsoluteError } from '../golden.js'
import { publishedFlow } from '../published-flow.js'

it('dense trajectories end where converged samples do, and know the denoised values on the way', async () => {
  await setThreads(1)
  using model = await publishedFlow()
  const { flow: settings } = model.config
  using start = await drawPrior(sampleKeys(5n, 0, 3), model.network.dimensions, settings)
  const heights = karrasHeights(settings.zMax, settings.zMin, 48, 7)
  const shares: number[] = []
  const trajectories = await denseTrajectories(model.sharedFlow(), start, heights, 'cpu', {
    onProgress: (share) => shares.push(share),
  })
  expect([shares.length, shares.at(-1)]).toEqual([49, 1])
  expect(trajectories.states[0]).toEqual(await start.data())
  const { images } = await model.sample({ seed: 5, count: 3, rtol: 1e-6, atol: 1e-6 })
  expect(maxAbsoluteError(trajectories.states[48]!, await images.data())).toBeLessThan(3e-3)
  images.dispose()

  // A step of DPM-Solver++ from exact states is what the library's own solver takes.
  const two = Float64Array.from([heights[0]!, heights[12]!])
  const euler = two[1]! / two[0]!
  const predicted = trajectories.states[0]!.map(
    (x, i) => euler * x + (1 - euler) * trajectories.denoised[0]![i]!,
  )
  const missed = predicted.map((x, i) => x - trajectories.states[12]![i]!)
  const norms = [0, 1, 2].map((k) =>
    Math.sqrt(missed.slice(k * 192, (k + 1) * 192).reduce((sum, e) => sum + e * e, 0) / 192),
  )
  const expected = norms.reduce((sum, norm) => sum + norm, 0) / 3 / Math.hypot(0.5, two[1]!)
  const errors = await stepErrors(trajectories, DPM_SOLVER_2M)
  expect(errors(undefined, 0, 12) / expected).toBeCloseTo(1, 10)
  expect(errors(20, 22, 24)).toBeLessThan(errors(16, 20, 24))
})
