import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'
import { ByteSource } from '../../src/files/byte-source.js'
import { readPickle } from '../../src/files/pickle.js'
import { Call, Global, type Picklable, pickle, Tuple } from '../../src/files/pickle-writer.js'

const MAKERS = new Map([['collections OrderedDict', () => new Map()]])
const NO_NUMBER = Number.NaN

const folder = mkdtempSync(join(tmpdir(), 'pfgm-pickle-writer-'))
const file = openSync(join(folder, 'file'), 'w+')
afterAll(() => {
  closeSync(file)
  rmSync(folder, { recursive: true })
})

/** Bytes as those of a file. */
function sourceOf(bytes: Buffer): ByteSource {
  ftruncateSync(file)
  writeSync(file, bytes, 0, bytes.length, 0)
  return new ByteSource(file, bytes.length)
}

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
      const { value: read, end } = readPickle(sourceOf(bytes), 0, { path: 'bytes', makers: MAKERS })
      expect(end).toBe(bytes.length)
      expect(read).toEqual(value)
    }),
  )
})

it('tuples are read as arrays, and calls as what the maker makes', () => {
  const items = new Map<string, Picklable>([['w', new Tuple(1, new Tuple())]])
  const value = new Tuple(new Call(new Global('collections', 'OrderedDict'), [], items), 'text')
  const { value: read } = readPickle(sourceOf(pickle(value)), 0, { path: 'bytes', makers: MAKERS })
  expect(read).toEqual([new Map([['w', [1, []]]]), 'text'])
})
