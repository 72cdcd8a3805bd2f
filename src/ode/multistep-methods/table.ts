import { z } from 'zod'
import { list } from '../../arguments/schema.js'
import { describe } from '../../check.js'
import type { MultistepMethod, Weights } from './multistep-method.js'

/** The pool keeps at most 64 values of the flow of a sample, one of them to correct with. */
const MOST_KNOWN = 63

/** As many as `steps` may be. */
const MOST_STEPS = 100_000

const number = z.number({ error: 'a finite number' })
const numbers = (what: string) => list(number, MOST_STEPS + 1, `an array of ${what}`)

const weightsShape = {
  /** Weight of the state at the step's beginning. */
  ofX: number,
  /** Weights of the flow's known values, newest first. */
  ofKnown: numbers('weights of known values, newest first'),
}

const stepSchema = z.strictObject(
  {
    ...weightsShape,
    /** The step again, from the value at the state that it predicted and those that it was predicted from. */
    correction: z
      .strictObject(weightsShape, { error: 'an object of ofX and ofKnown, which no last step has' })
      .exactOptional(),
  },
  { error: 'an object of ofX, ofKnown and, where it is corrected, correction' },
)

const tableSchema = z.strictObject(
  {
    /** What the known values are: `denoised` images d, or `height`, the drift dx/dz = (x - d) / z. */
    view: z.enum(['denoised', 'height'], { error: 'denoised or height' }),
    /** z of the steps' ends, falling. */
    heights: numbers('heights, falling from z_max to z_min'),
    steps: list(stepSchema, MOST_STEPS, 'an array of steps'),
  },
  { error: 'an object of view, heights and steps' },
)

/**
 * A multistep solver as numbers: step i leads from heights[i] to heights[i + 1], x' = ofX x + sum_j ofKnown[j] f_j with
 * the values f_j that are known, newest first: 1 to i + 1 of them, at most 63. Where steps are corrected, all but the
 * last are; a correction may weigh one value more. Plain JSON.
 */
export interface MultistepTable {
  /** What the known values are: `denoised` images d, or `height`, the drift dx/dz = (x - d) / z. */
  readonly view: 'denoised' | 'height'
  /** z of the ends of steps, falling from z_max to z_min. */
  readonly heights: readonly number[]
  /** Step i leads from heights[i] to heights[i + 1]: its weights and, where it is corrected, those of the correction. */
  readonly steps: readonly (Weights & {
    /** The step once more, from the value at the state that it predicted. */
    readonly correction?: Weights
  })[]
}

/**
 * A copy of a value that is such a table.
 * @param name what the message calls it
 * @throws RangeError where it is not, saying what was expected and what came
 */
export function checkedTable(value: unknown, name: string): MultistepTable {
  const parsed = tableSchema.safeParse(value)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    const received =
      issue.code === 'unrecognized_keys'
        ? `one with ${JSON.stringify(issue.keys[0])}`
        : shown(valueAt(value, issue.path))
    throw new RangeError(
      `Expected ${placeIn(name, issue.path)} to be ${issue.message} but received ${received.slice(0, 100)}`,
    )
  }
  const table = parsed.data
  const { length } = table.heights
  if (length < 2 || length > MOST_STEPS + 1) {
    throw new RangeError(`Expected heights of ${name} to be 2 to ${MOST_STEPS + 1} but received ${length}`)
  }
  expectFalling(table, name)
  expectStepsToFit(table, name)
  return table
}

function expectFalling({ heights }: MultistepTable, name: string): void {
  for (const [i, height] of heights.entries()) {
    const above = heights[i - 1]
    if (height > 0 && (above === undefined || height < above)) continue
    const expected = above === undefined ? 'above 0' : `above 0 and below the height before it, ${above},`
    throw new RangeError(`Expected ${placeIn(name, ['heights', i])} to be ${expected} but received ${height}`)
  }
}

function expectStepsToFit({ heights, steps }: MultistepTable, name: string): void {
  const count = heights.length - 1
  if (steps.length !== count) {
    throw new RangeError(
      `Expected steps of ${name} to be ${count}, one less than its heights, but received ${steps.length}`,
    )
  }
  const corrects = steps[0]!.correction !== undefined
  for (const [i, { ofKnown, correction }] of steps.entries()) {
    const known = Math.min(i + 1, MOST_KNOWN)
    expectWeights(placeIn(name, ['steps', i, 'ofKnown']), ofKnown, known)
    if ((correction !== undefined) !== (corrects && i < count - 1)) {
      throw new RangeError(
        `Expected a correction in all of the steps of ${name} but the last, or in none, but received steps[${i}] ${correction ? 'with' : 'without'} one`,
      )
    }
    if (correction)
      expectWeights(placeIn(name, ['steps', i, 'correction', 'ofKnown']), correction.ofKnown, known + 1)
  }
}

function expectWeights(place: string, { length }: readonly number[], most: number): void {
  if (length >= 1 && length <= most) return
  const expected = most === 1 ? '1 weight' : `1 to ${most} weights`
  throw new RangeError(`Expected ${place} to be ${expected}, of values known there, but received ${length}`)
}

/** `steps[2].ofX of table.json` */
function placeIn(name: string, path: readonly PropertyKey[]): string {
  if (path.length === 0) return name
  const keys = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
  return `${keys.join('').slice(1)} of ${name}`
}

const shown = (value: unknown): string =>
  Array.isArray(value) ? `an array of ${value.length}` : describe(value)

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce((inner, key) => (inner as Record<PropertyKey, unknown>)[key], value)
}

/** The method of a table, for its own heights. Between two of them the state moves on a line in z. */
export function tableMethod({ view, heights, steps }: MultistepTable): MultistepMethod {
  const places = new Map(heights.map((height, i) => [height, i]))
  const corrects = steps[0]!.correction !== undefined
  const taken = steps.map(({ ofKnown, correction }) =>
    Math.max(ofKnown.length, (correction?.ofKnown.length ?? 0) - 1),
  )
  return {
    name: 'table',
    view,
    order: taken.reduce((most, count) => Math.max(most, count), 1),
    corrects,
    weights(from, to, known) {
      const place = places.get(from)!
      const step = steps[place]!
      const { ofX, ofKnown } = known[0] === from ? step : step.correction!
      const share = (to - from) / (heights[place + 1]! - from)
      return {
        ofX: 1 - share + share * ofX,
        ofKnown: known.map((_, j) => share * (ofKnown[j] ?? 0)),
      }
    },
  }
}

/** The table of a method's steps along heights. */
export function tableOf(method: MultistepMethod, heights: readonly number[]): MultistepTable {
  const { view, order, corrects } = method
  if (view === 'logHeight') throw new Error('no multistep method steps in ln z')
  const steps = heights.slice(1).map((to, i) => {
    const from = heights[i]!
    const known = heights.slice(Math.max(0, i + 1 - order), i + 1).reverse()
    const predicted = method.weights(from, to, known)
    if (!corrects || i === heights.length - 2) return predicted
    return { ...predicted, correction: method.weights(from, to, [to, ...known]) }
  })
  return { view, heights, steps }
}
