import { setImmediate } from 'node:timers/promises'
import type { MultistepMethod } from '../ode/multistep-methods/multistep-method.js'
import type { DenseTrajectories } from './dense-trajectories.js'
import type { StepCost } from './searched-heights.js'

/** Images in [-1, 1] deviate about this much from their mean. */
const DATA_DEVIATION = 0.5

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
  const { heights, count } = trajectories
  const last = heights.length - 1
  const error = (before: number | undefined, from: number, to: number): number => {
    const older = before === undefined || method.order === 1 ? [from] : [from, before]
    const known = method.corrects && to !== last ? [to, ...older] : older
    const difference = deviation(trajectories, method, from, to, known)
    let sum = 0
    for (let sample = 0; sample < count; sample++) sum += norm(difference, sample, count)
    return sum / count / Math.hypot(DATA_DEVIATION, heights[to]!)
  }
  const first = heights.map((_, to) => (to === 0 ? 0 : error(undefined, 0, to)))
  const later: number[][][] = []
  for (let to = 2; to <= last; to++) {
    later[to] = []
    for (let from = 1; from < to; from++) {
      later[to]![from] = Array.from({ length: from }, (_, before) => error(before, from, to))
      await setImmediate() // this is long work, and others want to run too
      signal?.throwIfAborted()
    }
  }
  return (before, from, to) => (before === undefined ? first[to]! : later[to]![from]![before]!)
}

/** What the method says at place `to` minus what is there, for all samples. */
function deviation(
  { heights, states, denoised }: DenseTrajectories,
  { view, weights }: MultistepMethod,
  from: number,
  to: number,
  known: readonly number[],
): Float64Array {
  const { ofX, ofKnown } = weights(
    heights[from]!,
    heights[to]!,
    known.map((place) => heights[place]!),
  )
  const error = states[to]!.map((value, i) => ofX * states[from]![i]! - value)
  for (const [j, place] of known.entries()) {
    // A drift dx/dz is (x - d) / z.
    const ofDenoised = view === 'denoised' ? ofKnown[j]! : -ofKnown[j]! / heights[place]!
    const ofState = view === 'denoised' ? 0 : ofKnown[j]! / heights[place]!
    const [x, d] = [states[place]!, denoised[place]!]
    for (let i = 0; i < error.length; i++) error[i]! += ofState * x[i]! + ofDenoised * d[i]!
  }
  return error
}

function norm(values: Float64Array, sample: number, count: number): number {
  const size = values.length / count
  let sum = 0
  for (let i = sample * size; i < (sample + 1) * size; i++) sum += values[i]! ** 2
  return Math.sqrt(sum / size)
}
