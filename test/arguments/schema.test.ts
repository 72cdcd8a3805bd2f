import vm from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  FUNCTION,
  integer,
  list,
  number,
  oneOf,
  optionsSchema,
  parse,
  parseOptions,
  SEED,
  SWITCH,
  TEXT,
} from '../../src/arguments/schema.js'
import { describe as shown } from '../../src/check.js'

interface Options {
  count?: number
  rate?: number
  seed?: number | bigint
  name?: string
  of?: 'state' | 'denoised'
  mirror?: boolean
  film?: { frames?: number }
  shape?: number[]
  onProgress?: () => void
}

const SCHEMA = optionsSchema<Options>({
  count: integer(1, 9),
  rate: number(0.1, 1),
  seed: SEED,
  name: TEXT,
  of: oneOf(['state', 'denoised']),
  mirror: SWITCH,
  film: optionsSchema<{ frames?: number }>({ frames: integer(2, 1000) }),
  shape: list(integer(0, 9), 3, 'an array of sizes'),
  onProgress: FUNCTION,
})

const given = (options: unknown) => () => parseOptions('draw', SCHEMA, options as Options)

describe('options', () => {
  it('that are right come out as they went in, of whatever realm', () => {
    const onProgress = () => {}
    const options = { count: 3, seed: 2n ** 64n - 1n, film: { frames: 2 }, shape: [1, 2], onProgress }
    expect(given(options)()).toEqual(options)
    expect(given(Object.assign(Object.create(null), { count: 1 }))()).toEqual({ count: 1 })
    expect(given(vm.runInNewContext('({ count: 2, shape: [1] })'))()).toEqual({ count: 2, shape: [1] })
    expect(given({ count: undefined })()).toEqual({ count: undefined })
  })

  const circle: unknown[] = []
  circle.push(circle)
  const REFUSED = [
    [null, TypeError, 'options of draw to be an object but received null'],
    [3, TypeError, 'options of draw to be an object but received 3'],
    [[], TypeError, 'options of draw to be an object but received []'],
    [
      new Map([['count', 3]]),
      TypeError,
      'options of draw to be an object but received an object of type Map',
    ],
    [
      { cuont: 3 },
      TypeError,
      'options of draw to be an object of count, rate, seed, name, of, mirror, film, shape, onProgress but received one with "cuont"',
    ],
    [{ count: '3' }, TypeError, 'count to be an integer from 1 to 9 but received "3" (string)'],
    [{ count: 3n }, TypeError, 'count to be an integer from 1 to 9 but received 3 (bigint)'],
    [{ count: circle }, TypeError, 'count to be an integer from 1 to 9 but received [[[an array of 1]]]'],
    [{ count: 10 }, RangeError, 'count to be an integer from 1 to 9 but received 10'],
    [{ count: 1.5 }, RangeError, 'count to be an integer from 1 to 9 but received 1.5'],
    [{ count: Number.NaN }, RangeError, 'count to be an integer from 1 to 9 but received NaN'],
    [{ count: 2 ** 60 }, RangeError, 'count to be an integer from 1 to 9 but received 1152921504606847000'],
    [{ rate: 0 }, RangeError, 'rate to be a number from 0.1 to 1 but received 0'],
    [{ rate: true }, TypeError, 'rate to be a number from 0.1 to 1 but received true (boolean)'],
    [{ seed: -1 }, RangeError, 'seed to be a whole number from 0 to 2^64 - 1 but received -1'],
    [{ seed: 2n ** 64n }, RangeError, 'seed to be a whole number from 0 to 2^64 - 1 but received'],
    [{ seed: '1' }, TypeError, 'seed to be a whole number from 0 to 2^64 - 1 but received "1" (string)'],
    [{ name: '' }, RangeError, 'name to be a non-empty string but received "" (string)'],
    [{ of: 'noise' }, RangeError, 'of to be one of state, denoised but received "noise" (string)'],
    [{ of: 7 }, TypeError, 'of to be one of state, denoised but received 7'],
    [{ mirror: 'no' }, TypeError, 'mirror to be true or false but received "no" (string)'],
    [{ film: 24 }, TypeError, 'film to be an object but received 24'],
    [{ film: { frames: 1 } }, RangeError, 'film.frames to be an integer from 2 to 1000 but received 1'],
    [{ film: { frmes: 1 } }, TypeError, 'film to be an object of frames but received one with "frmes"'],
    [{ shape: [1, 'x'] }, TypeError, 'shape[1] to be an integer from 0 to 9 but received "x" (string)'],
    [
      { shape: [1, 1, 1, 1] },
      RangeError,
      'shape to be an array of sizes, at most 3 but received [1, 1, 1, 1]',
    ],
    [{ onProgress: {} }, TypeError, 'onProgress to be a function but received an object of type Object'],
  ] as [unknown, ErrorConstructor, string][]
  // Not as arguments of it.each, which prints them: one ends in itself.
  it.each(REFUSED.map(([, , message], i) => [message, i] as const))('expects %s', (message, i) => {
    const [options, type] = REFUSED[i]!
    expect(given(options)).toThrow(type)
    expect(given(options)).toThrow(`Expected ${message}`)
  })
})

it('names the fields of an argument after it', () => {
  const schema = z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('a'), width: z.number().int().min(4) }),
    z.strictObject({ kind: z.literal('b') }),
  ])
  const network = (value: unknown) => () => parse<unknown>('network', schema, value)
  expect(network({ kind: 'a', width: 3 })).toThrow(
    new RangeError('Expected network.width to be at least 4 but received 3'),
  )
  expect(network({ kind: 'c' })).toThrow(
    new RangeError('Expected network.kind to be one of a, b but received "c" (string)'),
  )
  expect(network({})).toThrow(new TypeError('Expected network.kind to be one of a, b but received undefined'))
  expect(network(undefined)).toThrow(new TypeError('Expected network to be an object but received undefined'))
})

it('any value is shown on one line that is not long', () => {
  const anything = fc.anything({
    maxDepth: 5,
    withBigInt: true,
    withDate: true,
    withMap: true,
    withTypedArray: true,
  })
  fc.assert(
    fc.property(
      fc.oneof(anything, fc.string({ minLength: 300, maxLength: 3000 }), fc.array(anything)),
      (value) => {
        const text = shown(value)
        expect(text).not.toContain('\n')
        expect(text.length).toBeLessThan(10_000)
      },
    ),
  )
  expect(shown(Symbol('x'))).toBe('Symbol(x) (symbol)')
  expect(shown(Array.from({ length: 99 }, (_, i) => i))).toBe('[0, 1, 2, 3, 4, 5, 6, 7, 91 more]')
  expect(shown('x'.repeat(1e6))).toHaveLength(212)
  expect(shown(Object.assign(Object.create(null), { a: 1 }))).toBe('an object of type Object')
  expect(shown({ constructor: { name: 5 } })).toBe('an object of type Object')
})
