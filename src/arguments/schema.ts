/** Arguments by schema: whatever is wrong in one is said as everywhere, «Expected X to be Y but received Z». */
import { z } from 'zod'
import { describe, unexpected } from '../check.js'
import { foreignSignal, isSignal } from './signal.js'

type Issue = z.core.$ZodIssue
type RawIssue = z.core.$ZodRawIssue

/** A schema for every field of an interface. */
export type Fields<T> = { readonly [Name in keyof Required<T>]: z.ZodType }

/** The schema of options, each of which may be left out, and which have no others. */
export function optionsSchema<T>(fields: Fields<T>): z.ZodType {
  return z.strictObject(fields).partial()
}

export function integer(min: number, max: number): z.ZodType<number> {
  const error = `an integer from ${min} to ${max}`
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error })
}

/** A finite number. */
export function number(min: number, max: number): z.ZodType<number> {
  const error = `a number from ${min} to ${max}`
  return z.number({ error }).min(min, { error }).max(max, { error })
}

export const SWITCH = z.boolean({ error: 'true or false' })

export const TEXT = z.string({ error: 'a non-empty string' }).min(1, { error: 'a non-empty string' })

export function oneOf<T extends string | number>(choices: readonly T[]): z.ZodType<T> {
  return z.literal([...choices])
}

/** What a test says yes to; another value is of the wrong type. */
export function kind<T>(expected: string, test: (value: unknown) => boolean): z.ZodType<T, T> {
  return z.custom<T>(test, { error: expected, params: { ofType: true } })
}

/**
 * An array of at most so many entries. Its length is looked at first: an array without entries may claim any, which a
 * schema of its entries alone would go through.
 * @param expected in words: `an array of sizes`
 */
export function list<T>(entry: z.ZodType<T>, most: number, expected: string): z.ZodType<T[]> {
  return kind<unknown[]>(expected, Array.isArray)
    .refine(({ length }) => length <= most, { error: `${expected}, at most ${most}` })
    .pipe(z.array(entry))
}

const SEED_RANGE = 'a whole number from 0 to 2^64 - 1'

export const SEED = kind<number | bigint>(
  SEED_RANGE,
  (value) => typeof value === 'number' || typeof value === 'bigint',
).refine((seed) => seed >= 0 && (typeof seed === 'bigint' ? seed < 2n ** 64n : Number.isSafeInteger(seed)), {
  error: SEED_RANGE,
})

/** What a listener returns, nobody waits for. */
export const FUNCTION = kind<(...given: never[]) => unknown>(
  'a function',
  (value) => typeof value === 'function',
)

/** A signal of any realm or library; it comes out as one of this realm. */
export const SIGNAL = kind<AbortSignal>('an AbortSignal', isSignal).transform(foreignSignal)

/**
 * The options of a function, as its schema lets them through.
 * @throws TypeError or RangeError naming the option, what was expected and what came
 */
export function parseOptions<T>(of: string, schema: z.ZodType, given: T): T {
  const name = `options of ${of}`
  // Of a map or a promise, whose fields are none of its options, nothing would be read.
  if (
    typeof given === 'object' &&
    given !== null &&
    Object.prototype.toString.call(given) !== '[object Object]'
  ) {
    throw new TypeError(unexpected(name, 'an object', given))
  }
  return parsed(name, '', schema, given)
}

/**
 * An argument, as its schema lets it through.
 * @param name what messages call it: `network`, whose fields are `network.width`
 * @throws TypeError or RangeError naming the argument or its field, what was expected and what came
 */
export function parse<T>(name: string, schema: z.ZodType, given: T): T {
  return parsed(name, `${name}.`, schema, given)
}

function parsed<T>(name: string, prefix: string, schema: z.ZodType, given: T): T {
  const result = schema.safeParse(given, { error: expectedBy })
  if (result.success) return result.data as T
  const issue = result.error.issues[0]!
  const place = issue.path.length === 0 ? name : prefix + pathOf(issue.path)
  const value = issue.path.reduce<unknown>(
    (inner, key) => (inner as Record<PropertyKey, unknown>)?.[key],
    given,
  )
  const received =
    issue.code === 'unrecognized_keys' ? `one with ${JSON.stringify(issue.keys[0])}` : describe(value)
  throw new (isTypeWrong(issue, value) ? TypeError : RangeError)(
    `Expected ${place} to be ${issue.message} but received ${received}`,
  )
}

/** `film.frames`, `shape[2]` */
function pathOf(path: readonly PropertyKey[]): string {
  return path
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : i === 0 ? String(key) : `.${String(key)}`))
    .join('')
}

function isTypeWrong(issue: Issue, value: unknown): boolean {
  switch (issue.code) {
    case 'invalid_type':
      return typeof value !== 'number' || (issue.expected !== 'number' && issue.expected !== 'int')
    case 'invalid_value':
      return !issue.values.some((choice) => typeof choice === typeof value)
    case 'invalid_union':
      return typeof value !== 'string'
    case 'unrecognized_keys':
      return true
    default:
      return issue.code === 'custom' && issue.params?.ofType === true
  }
}

const TYPES: Readonly<Record<string, string>> = {
  object: 'an object',
  array: 'an array',
  int: 'an integer',
  boolean: 'true or false',
}

/** What was expected, in words, by those schemas that do not say it themselves. */
export function expectedBy(issue: RawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return TYPES[issue.expected as string] ?? `a ${issue.expected}`
    case 'invalid_value':
      return issue.values.length === 1 ? String(issue.values[0]) : `one of ${issue.values.join(', ')}`
    case 'invalid_union':
      return `one of ${((issue as { options?: unknown[] }).options ?? []).join(', ')}`
    case 'too_small':
      return bound(issue, issue.inclusive ? 'at least' : 'above', issue.minimum)
    case 'too_big':
      return bound(issue, issue.inclusive ? 'at most' : 'below', issue.maximum)
    case 'unrecognized_keys':
      return `an object of ${Object.keys((issue.inst as z.ZodObject).shape).join(', ')}`
    default:
      return 'valid'
  }
}

function bound({ origin }: { origin: string }, words: string, limit: number | bigint): string {
  return origin === 'array' || origin === 'string'
    ? `of ${words} ${limit} ${origin === 'array' ? 'entries' : 'letters'}`
    : `${words} ${limit}`
}
