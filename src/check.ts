/** Checks of arguments, worded alike: «Expected X to be Y but received Z». */

/** The most of a text and of an array that a message shows. */
const MOST_LETTERS = 200
const MOST_ENTRIES = 8
const MOST_DEPTH = 3

/** `"32" (string)`, `1.5`, `an object of type Map`: a value as an error message shows it, on one line. */
export function describe(value: unknown): string {
  return shown(value, MOST_DEPTH)
}

function shown(value: unknown, depth: number): string {
  if (typeof value === 'string') return `${JSON.stringify(shortened(value))} (string)`
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object') {
    return typeof value === 'number' ? String(value) : `${shortened(String(value))} (${typeof value})`
  }
  return Array.isArray(value) ? shownArray(value, depth) : `an object of type ${typeName(value)}`
}

function shownArray(array: readonly unknown[], depth: number): string {
  if (depth === 0) return `an array of ${array.length}`
  const first = Array.from(array.slice(0, MOST_ENTRIES), (entry) => shown(entry, depth - 1))
  const more = array.length > MOST_ENTRIES ? [`${array.length - MOST_ENTRIES} more`] : []
  return `[${[...first, ...more].join(', ')}]`
}

function shortened(text: string): string {
  return text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS)}…` : text
}

function typeName(value: object): string {
  const type: unknown = value.constructor
  const name: unknown = typeof type === 'function' ? type.name : undefined
  return typeof name === 'string' && name !== '' ? shortened(name) : 'Object'
}

/** The message every wrong argument gets. */
export function unexpected(name: string, expected: string, value: unknown): string {
  return `Expected ${name} to be ${expected} but received ${describe(value)}`
}

export function expectInteger(
  name: string,
  value: unknown,
  min: number,
  max: number,
): asserts value is number {
  const expected = `an integer from ${min} to ${max}`
  if (typeof value !== 'number') throw new TypeError(unexpected(name, expected, value))
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(unexpected(name, expected, value))
  }
}

export function expectString(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string' || value === '') {
    throw new TypeError(unexpected(name, 'a non-empty string', value))
  }
}

/** A path of a file or folder. What comes behind a null byte would be cut off where the system reads it. */
export function expectPath(name: string, value: unknown): asserts value is string {
  expectString(name, value)
  if (value.includes('\0')) throw new TypeError(unexpected(name, 'a path without null bytes', value))
}

export function expectBoolean(name: string, value: unknown): asserts value is boolean {
  if (typeof value !== 'boolean') throw new TypeError(unexpected(name, 'true or false', value))
}

export function expectOneOf<T extends string | number>(
  name: string,
  value: unknown,
  choices: readonly T[],
): asserts value is T {
  if (choices.includes(value as T)) return
  const expected = `one of ${choices.join(', ')}`
  const typeFits = choices.some((choice) => typeof choice === typeof value)
  throw new (typeFits ? RangeError : TypeError)(unexpected(name, expected, value))
}

/** A finite or infinite number within the range; NaN never is. */
export function expectNumber(
  name: string,
  value: unknown,
  min: number,
  max: number,
): asserts value is number {
  const expected =
    max === Number.POSITIVE_INFINITY ? `a number of at least ${min}` : `a number from ${min} to ${max}`
  if (typeof value !== 'number') throw new TypeError(unexpected(name, expected, value))
  if (!(value >= min && value <= max)) throw new RangeError(unexpected(name, expected, value))
}

/** A seed: a whole number or a bigint from 0 to 2^64 - 1. */
export function expectSeed(name: string, value: unknown): asserts value is number | bigint {
  const expected = 'a whole number from 0 to 2^64 - 1'
  if (typeof value !== 'number' && typeof value !== 'bigint') {
    throw new TypeError(unexpected(name, expected, value))
  }
  const fits = typeof value === 'number' ? Number.isSafeInteger(value) : value < 2n ** 64n
  if (!fits || value < 0) throw new RangeError(unexpected(name, expected, value))
}

/** The product of sizes: how many values an array of that shape has. */
export function product(shape: readonly number[]): number {
  return shape.reduce((total, size) => total * size, 1)
}
