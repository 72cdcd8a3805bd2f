import fc from 'fast-check'
import { native } from '../../src/native/native.js'
import { goldenPath } from '../golden.js'
import { BUFFER_OF, BUFFERS, buffer, Detached, Held, OBJECTS } from './objects.js'
import { type Place, signatures, type Type } from './signatures.js'

export const addon = native() as unknown as Record<string, (...values: unknown[]) => unknown>

// What a name says beyond its type. Other numbers are 1 or 2, other arrays of numbers have one to three of them, other
// tensors are `rows`, other objects any of their kind. Paths are of the working folder, where the test puts `values` and `mapped`.
const NUMBERS: Record<string, number[]> = {
  begin: [0],
  count: [2, 3],
  dropout: [0, 0.5],
  end: [24],
  first: [0],
  levels: [2, 256],
  nf: [4, 8],
  offset: [0, 8],
  size: [16, 32],
  total: [32, 33],
  width: [4, 8],
}
const ARRAYS: Record<string, number[][]> = {
  imageSize: [
    [4, 4],
    [8, 4],
  ],
  outRows: [[2, 0, 1]],
  rows: [[0, 1, 2]],
  shape: [[3], [3, 1], [1, 3], [2]],
}
const STRINGS: Record<string, string[]> = {
  device: ['cpu'],
  dtype: ['F32'],
  header: ['{}'],
  name: [...native().fieldKernels().slice(0, 1), 'values', 'values', 'centres'],
  path: ['values', 'written'],
  network: [goldenPath('features/both.pt')],
}
const HELD: Record<string, string[]> = {
  beta: ['heights'],
  a: ['rows', 'crowd'],
  classes: ['classes'],
  converged: ['rows', 'doubles'],
  data: ['rows', 'doubles', 'integers', 'images', 'pixels'],
  denoised: ['dense'],
  covariance: ['ends'],
  density: ['doubles'],
  directions: ['doubles'],
  ends: ['ends'],
  epsZ: ['heights'],
  features: ['both'],
  given: ['probes'],
  images: ['images', 'pixels'],
  k: ['doubles'],
  labels: ['classes'],
  m: ['heights'],
  mean: ['mean'],
  moments: ['moments'],
  noise: ['dense'],
  owner: ['rows', 'gaussians'],
  pool: ['points', 'states'],
  r: ['heights'],
  rowsOfA: ['subsets'],
  rowsOfB: ['subsets'],
  samples: ['rows', 'crowd'],
  sigma: ['heights'],
  states: ['doubles', 'states', 'dense'],
  target: ['target', 'imageTarget'],
  weight: ['heights'],
  x: ['rows', 'rows', 'doubles', 'images'],
  z: ['heights'],
}

/** Values that fit a parameter or a field. Throws where its type is one that no values are made of here. */
function fitting({ name, type, optional }: Place): fc.Arbitrary<unknown> {
  const values = valuesOf(type, name)
  return optional ? fc.oneof(fc.constant(undefined), values) : values
}

function valuesOf(type: Type, name: string): fc.Arbitrary<unknown> {
  switch (type.is) {
    case 'undefined':
      return fc.constant(undefined)
    case 'literal':
      return fc.constant(type.value)
    case 'boolean':
      return fc.boolean()
    case 'bigint':
      return fc.bigInt(0n, 2n ** 64n - 1n)
    case 'number':
      return fc.constantFrom(...(NUMBERS[name] ?? [1, 2]))
    case 'string':
      return fc.constantFrom(...(STRINGS[name] ?? ['some', 'text']))
    case 'handle': {
      const objects = Object.keys(OBJECTS[type.kind] ?? {})
      if (objects.length === 0) throw unknown(name, `Handle<'${type.kind}'>`)
      const named = (HELD[name] ?? ['rows']).filter((object) => objects.includes(object))
      return fc.constantFrom(...(named.length > 0 ? named : objects)).map((one) => new Held(type.kind, one))
    }
    case 'buffer': {
      const names = type.name === 'ArrayBufferView' ? Object.values(BUFFER_OF) : [type.name]
      if (!BUFFERS[names[0]!]) throw unknown(name, type.name)
      const values = fc.array(fc.nat(2), { minLength: 3, maxLength: 3 })
      return fc.tuple(fc.constantFrom(...names), values).map(([one, numbers]) => buffer(one, numbers))
    }
    case 'array': {
      const numbers = type.of.is === 'number'
      if (numbers && ARRAYS[name]) return fc.constantFrom(...ARRAYS[name])
      return fc.array(valuesOf(type.of, name), { minLength: 1, maxLength: numbers ? 3 : 2 })
    }
    case 'union':
      return fc.oneof(...type.of.map((one) => valuesOf(one, name)))
    case 'object':
      return fc.record(Object.fromEntries(type.fields.map((field) => [field.name, fitting(field)])))
    case 'unknown':
      throw unknown(name, type.text)
  }
}

function unknown(name: string, type: string): Error {
  return new Error(
    `src/native/addon.ts has ${name}: ${type}; test/native/hostile-values.ts and objects.ts have no values of it`,
  )
}

// A size is small, or beyond any memory and so refused at once. Between the two lie those that are granted and take
// gigabytes: the counts of `energyFloor` and `makeBatch`, the dimensions of the priors.
const numbers = fc.constantFrom(
  ...[NaN, Infinity, -Infinity, 1e308, 1e-300, 0.5, 2 ** 53, 2 ** 53 - 1, 1 - 2 ** 53],
  ...[-1, -0, 0, 3, 7, 99],
)
const texts = fc.constantFrom('', 'values', 'cpu', 'cuda:7', 'float64', '\0', '\ud800', 'x'.repeat(300))
const held = fc.constantFrom(
  ...Object.entries(OBJECTS).flatMap(([kind, objects]) =>
    Object.keys(objects).map((name) => new Held(kind, name)),
  ),
)
const anything = fc.oneof(
  numbers,
  texts,
  fc.constantFrom<unknown>(undefined, null, true, {}, [], -1n, 2n ** 64n, Symbol('hostile'), () => 1),
  fc.constantFrom<unknown>(new Date(0), new Map(), new ArrayBuffer(8), new DataView(new ArrayBuffer(8))),
  fc.array(numbers, { maxLength: 3 }),
  fc
    .tuple(fc.constantFrom(...Object.keys(BUFFERS)), fc.array(fc.nat(3), { maxLength: 4 }))
    .map(([name, values]) => buffer(name, values)),
)

type Twist = (value: unknown) => unknown

/** Another value of the same type: another object, number, text or length, or one field more. */
const another = fc.tuple(held, numbers, texts, fc.nat(5)).map<Twist>(([object, number, text, length]) => {
  return (value) => {
    if (value instanceof Held) return object
    if (typeof value === 'number') return number
    if (typeof value === 'string') return text
    if (Array.isArray(value)) return Array.from({ length }, (_, i) => value[i % value.length])
    const Buffer = BUFFERS[className(value)]
    if (Buffer) return new Buffer(length as never)
    return isContainer(value) ? { ...value, more: number } : undefined
  }
})

/** A buffer of the same type whose memory is shared, or gone. */
const memory = fc.boolean().map<Twist>((shared) => (value) => {
  const name = className(value)
  if (!BUFFERS[name]) return undefined
  return shared ? new BUFFERS[name](new SharedArrayBuffer(24) as never) : new Detached(name)
})

function className(value: unknown): string {
  return value?.constructor?.name ?? ''
}

/** Arguments that fit, of which up to three places, however deep, are then twisted. */
export function hostileArguments(parameters: Place[]): fc.Arbitrary<unknown[]> {
  const twist = fc.oneof(
    anything.map<Twist>((value) => () => value),
    another,
    memory,
  )
  const twists = fc.array(fc.tuple(fc.noBias(fc.nat()), twist), { minLength: 1, maxLength: 3 })
  return fc
    .tuple(fc.tuple(...parameters.map(fitting)), fc.oneof(fc.constant([]), twists))
    .map(([values, changes]) => changes.reduce<unknown[]>(twisted, values))
}

function twisted(values: unknown[], [number, twist]: [number, Twist]): unknown[] {
  const paths = pathsIn(values)
  return paths.length === 0 ? values : (changed(values, paths[number % paths.length]!, twist) as unknown[])
}

function pathsIn(value: unknown): string[][] {
  if (!isContainer(value)) return []
  return Object.keys(value).flatMap((key) => [[key], ...pathsIn(value[key]).map((path) => [key, ...path])])
}

function changed(value: unknown, [key, ...rest]: string[], twist: Twist): unknown {
  if (key === undefined) return twist(value)
  const copy = (Array.isArray(value) ? [...value] : { ...(value as Container) }) as Container
  copy[key] = changed(copy[key], rest, twist)
  return copy
}

type Container = Record<string, unknown>

/** An array, or an object of no class. */
function isContainer(value: unknown): value is Container {
  if (typeof value !== 'object' || value === null) return false
  return Array.isArray(value) || [Object.prototype, null].includes(Object.getPrototypeOf(value))
}

/** The native objects of one call, made for it alone. */
export class Objects {
  readonly #ids = new Map<string, number>()
  readonly #handles: number[] = []

  /** The value with handles where objects are held. */
  async into(value: unknown): Promise<unknown> {
    if (value instanceof Held) return this.#id(value)
    if (value instanceof Detached) return value.make()
    if (!isContainer(value)) return value
    const copy = (Array.isArray(value) ? [] : {}) as Container
    for (const key of Object.keys(value)) copy[key] = await this.into(value[key])
    return copy
  }

  /** Takes over the handles in what a function returned. */
  own(name: string, result: unknown): void {
    this.#handles.push(...handlesIn(signatures[name]!.returns, result))
  }

  dispose(): void {
    for (const handle of this.#handles) native().dispose(handle as never)
  }

  async #id({ kind, name }: Held): Promise<number> {
    const known = this.#ids.get(`${kind} ${name}`)
    if (known !== undefined) return known
    const { by, given } = OBJECTS[kind]![name]!
    const values = signatures[by]!.parameters.map((place) => completed(place, given))
    const made = await addon[by]!(...((await this.into(values)) as unknown[]))
    this.own(by, made)
    const id = typeof made === 'number' ? made : (made as { id: number }).id
    if (name === 'disposed') native().dispose(id as never)
    this.#ids.set(`${kind} ${name}`, id)
    return id
  }
}

/** What is given for a place, or a value that fits; of an object, the fields that are given and others that fit. */
function completed(place: Place, { [place.name]: given }: Record<string, unknown>): unknown {
  const fields = isContainer(given) && !Array.isArray(given) ? given : undefined
  if (given !== undefined && !fields) return given
  const samples = fc.sample(fitting(place), { numRuns: 100, seed: 1 })
  const fits = samples.find((sample) => !fields?.kind || (sample as Container).kind === fields.kind)
  return fields ? { ...(fits as Container), ...fields } : fits
}

function handlesIn(type: Type, value: unknown): number[] {
  if (value === undefined) return []
  if (type.is === 'handle') return [value as number]
  if (type.is === 'array') return (value as unknown[]).flatMap((item) => handlesIn(type.of, item))
  if (type.is === 'union' && typeof value === 'number') return type.of.flatMap((one) => handlesIn(one, value))
  if (type.is !== 'object') return []
  return type.fields.flatMap((field) => handlesIn(field.type, (value as Container)[field.name]))
}
