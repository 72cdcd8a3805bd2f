import { type Fields, kind } from '../arguments/schema.js'
import { type ArrayKind, typedArray } from '../arguments/typed-array.js'
import { describe, expectInteger, expectNumber } from '../check.js'
import type { NativeRows } from '../native/addon.js'
import type { Model } from './model.js'

/** A class: its number from 0 on, or its name where the model knows the names of its classes. */
export type Label = number | string

/** What samples are to be of. */
export interface LabelOptions {
  /**
   * The class of all samples, or of each: numbers, or names that the model knows. In an array -1 stands for no class.
   * Default: of no class.
   */
  labels?: Label | readonly Label[] | Int32Array
}

/** How samples follow their labels. */
export interface ConditionOptions extends LabelOptions {
  /**
   * How far samples go beyond what their labels ask for (classifier-free guidance, arXiv 2207.12598), for all or for
   * each, -100 to 100: d_u + guidance (d_c - d_u), d_c and d_u what is denoised with and without the label. 1: as the
   * label says, at the cost of one evaluation; 0: without it; else both are evaluated. Default 1.
   */
  guidance?: number | readonly number[] | Float64Array
  /** The heights, above the first and up to the second, at which samples are guided (arXiv 2404.07724). Default: all. */
  guidanceInterval?: readonly [number, number]
}

const NUMBERS = 'a number or an array of numbers'
const isNumbers = (value: unknown): boolean =>
  typeof value === 'number' || Array.isArray(value) || ArrayBuffer.isView(value)
const HEIGHTS = 'two heights, the lower one first'
const areHeights = (value: unknown): boolean =>
  Array.isArray(value) && value.length === 2 && value.every((height) => typeof height === 'number')

export const LABEL_FIELDS: Fields<LabelOptions> = {
  labels: kind('a class or an array of classes', (value) => typeof value === 'string' || isNumbers(value)),
}

export const CONDITION_FIELDS: Fields<ConditionOptions> = {
  ...LABEL_FIELDS,
  guidance: kind<ConditionOptions['guidance']>(NUMBERS, isNumbers),
  guidanceInterval: kind<[number, number]>(HEIGHTS, areHeights).refine(
    ([from, to]) => from >= 0 && from < to,
    {
      error: HEIGHTS,
    },
  ),
}

/** What some of the samples carry, beside their keys. */
export type Conditions = (first: number, count: number) => Omit<NativeRows, 'keys'>

/**
 * Labels and guidance that were parsed, for so many samples.
 * @throws TypeError or RangeError where the model knows no classes or not these, or they are more or fewer than the samples
 */
export function conditionsOf(
  model: Model,
  { labels, guidance, guidanceInterval }: ConditionOptions,
  count: number,
): Conditions {
  if (labels === undefined) {
    const alone = Object.entries({ guidance, guidanceInterval }).find(([, value]) => value !== undefined)
    if (alone) throw new TypeError(`Expected labels beside ${alone[0]} but received none`)
    return () => ({})
  }
  const classes = Int32Array.from(eachOf('labels', labels, count, ['Int32Array']), (label, i) =>
    numberOf(model, label, Array.isArray(labels) || ArrayBuffer.isView(labels) ? `labels[${i}]` : 'labels'),
  )
  if (guidance === undefined) {
    if (guidanceInterval) throw new TypeError('Expected guidance beside guidanceInterval but received none')
    return (first, added) => ({ labels: classes.subarray(first, first + added) })
  }
  const weights = Float64Array.from(eachOf('guidance', guidance, count, ['Float64Array']), (weight, i) => {
    expectNumber(typeof guidance === 'number' ? 'guidance' : `guidance[${i}]`, weight, -100, 100)
    return weight
  })
  return (first, added) => ({
    labels: classes.subarray(first, first + added),
    guidance: weights.subarray(first, first + added),
    ...(guidanceInterval && { guided: guidanceInterval }),
  })
}

/** A value for each sample, of one for all or one for each. */
function eachOf<T extends Label>(
  name: string,
  given: T | readonly T[] | ArrayBufferView,
  count: number,
  arrays: readonly ArrayKind[],
): readonly (T | number)[] {
  if (!Array.isArray(given) && !ArrayBuffer.isView(given)) return new Array<T>(count).fill(given as T)
  const values: (T | number)[] = Array.isArray(given)
    ? given
    : Array.from(typedArray(name, given, arrays), Number)
  if (values.length === count) return values
  throw new RangeError(`Expected ${name} to have one value a sample, ${count}, but received ${values.length}`)
}

/** The number of a class. */
function numberOf({ classCount: count, config }: Model, label: Label, name: string): number {
  if (count === 0) {
    throw new RangeError(
      `Expected no labels but received ${describe(label)}: this model was trained without classes`,
    )
  }
  if (typeof label === 'string') {
    const place = config.classes?.indexOf(label) ?? -1
    if (place >= 0) return place
    const known = config.classes ? `one of ${config.classes.join(', ')}` : `a number from 0 to ${count - 1}`
    throw new RangeError(`Expected ${name} to be ${known} but received ${describe(label)}`)
  }
  expectInteger(name, label, -1, count - 1)
  return label
}
