import { native } from '../native/native.js'
import type { MultistepMethod } from '../ode/multistep-methods/multistep-method.js'
import { DATA_DEVIATION } from '../ode/steppers/data-deviation.js'
import type { DenseTrajectories } from './dense-trajectories.js'
import type { StepCost } from './searched-heights.js'

/** A step from one place to another, and the place before. */
interface Step {
  readonly before: number | undefined
  readonly from: number
  readonly to: number
}

/**
 * The error that one step of a two-step method makes from exact states, in the norm over a sample, mean over dense
 * trajectories; places are those of their heights. It is divided by sqrt(s^2 + z^2): on the way from z to the data an
 * error shrinks by so much where the data are normally distributed with deviation s.
 */
export async function stepErrors(
  trajectories: DenseTrajectories,
  method: MultistepMethod,
  signal?: AbortSignal,
): Promise<StepCost> {
  const last = trajectories.heights.length - 1
  const places = Array.from({ length: last }, (_, i) => i + 1)
  const first = await errorsOf(
    trajectories,
    method,
    places.map((to) => ({ before: undefined, from: 0, to })),
  )
  // Of all steps to a place: from 1, from 2 with 0 and 1 before, and so on.
  const later: Float64Array[] = []
  for (const to of places) {
    const froms = places.slice(0, to - 1)
    const steps = froms.flatMap((from) => Array.from({ length: from }, (_, before) => ({ before, from, to })))
    later[to] = await errorsOf(trajectories, method, steps)
    signal?.throwIfAborted()
  }
  return (before, from, to) =>
    before === undefined ? first[to - 1]! : later[to]![(from * (from - 1)) / 2 + before]!
}

async function errorsOf(
  { heights, states, denoised }: DenseTrajectories,
  method: MultistepMethod,
  steps: readonly Step[],
): Promise<Float64Array> {
  const sums = steps.map((step) => deviation(heights, method, step))
  const norms = await native().meanNorms(states.handle, denoised.handle, {
    terms: Int32Array.from(sums, (sum) => sum.length),
    places: Int32Array.from(sums.flat(), ({ place }) => place),
    ofState: Float64Array.from(sums.flat(), ({ ofState }) => ofState),
    ofDenoised: Float64Array.from(sums.flat(), ({ ofDenoised }) => ofDenoised),
  })
  return norms.map((norm, i) => norm / Math.hypot(DATA_DEVIATION, heights[steps[i]!.to]!))
}

interface Term {
  readonly place: number
  readonly ofState: number
  readonly ofDenoised: number
}

/** What the method says at the step's end minus what is there. */
function deviation(
  heights: Float64Array,
  { view, order, corrects, weights }: MultistepMethod,
  { before, from, to }: Step,
): Term[] {
  const older = before === undefined || order === 1 ? [from] : [from, before]
  const known = corrects && to !== heights.length - 1 ? [to, ...older] : older
  const { ofX, ofKnown } = weights(
    heights[from]!,
    heights[to]!,
    known.map((place) => heights[place]!),
  )
  // A drift dx/dz is (x - d) / z.
  const ofValues = known.map((place, j) => {
    const weight = ofKnown[j]!
    if (view === 'denoised') return { place, ofState: 0, ofDenoised: weight }
    return { place, ofState: weight / heights[place]!, ofDenoised: -weight / heights[place]! }
  })
  return [
    { place: from, ofState: ofX, ofDenoised: 0 },
    { place: to, ofState: -1, ofDenoised: 0 },
    ...ofValues,
  ]
}
