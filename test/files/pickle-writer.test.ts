import fc from 'fast-check'
import { expect, it } from 'vitest'
import { readPickle } from '../../src/files/pickle.js'
import { Call, Global, type Picklable, pickle, Tuple } from '../../src/files/pickle-writer.js'

const MAKERS = new Map([['collections OrderedDict', () => new Map()]])
const NO_NUMBER = Number.NaN

const anyValue: fc.Arbitrary<Picklable> = fc.letrec<{ value: Picklable }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, false, -0.5, 1e300, Number.POSITIVE_INFINITY, NO_NUMBER),
    fc.constantFrom(
      0,
      -1,
      255,
      65536,
      2 ** 31 - 1,
      -(2 ** 31),
      2 ** 31,
      -(2 ** 31) - 1,
      2 ** 53 - 1,
      1 - 2 ** 53,
    ),
    fc.double({ noDefaultInfinity: true }).filter((value) => !Object.is(value, -0)),
    fc.string({ unit: 'binary', maxLength: 300 }).filter((text) => Buffer.from(text).toString() === text),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(fc.tuple(fc.oneof(fc.string(), fc.integer()), tie('value')), { maxLength: 4 })
      .map((all) => new Map(all)),
  ),
})).value

it('what is written is read as it was', () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const bytes = pickle(value)
      const { value: read, end } = readPickle(bytes, 0, { path: 'bytes', makers: MAKERS })
      expect(end).toBe(bytes.length)
      expect(read).toEqual(value)
    }),
  )
})

it('tuples are read as arrays, and calls as what the maker makes', () => {
  const items = new Map<string, Picklable>([['w', new Tuple(1, new Tuple())]])
  const value = new Tuple(new Call(new Global('collections', 'OrderedDict'), [], items), 'text')
  const { value: read } = readPickle(pickle(value), 0, { path: 'bytes', makers: MAKERS })
  expect(read).toEqual([new Map([['w', [1, []]]]), 'text'])
})
