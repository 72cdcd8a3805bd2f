import fc from 'fast-check'
import { snappyUncompress } from 'hyparquet'
import { deserializeTCompactProtocol } from 'hyparquet/src/thrift.js'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, it } from 'vitest'
import { hybrid } from '../../src/files/parquet-page.js'
import { unsnapped } from '../../src/files/snappy.js'
import { readThrift } from '../../src/files/thrift.js'

describe('hybrid', () => {
  type Run = { packed: boolean; values: number[] }

  /** Bit by bit. */
  function encoded(runs: readonly Run[], width: number): Buffer {
    const bytes: number[] = []
    const varint = (value: number): void => {
      let rest = value
      for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
      bytes.push(rest)
    }
    for (const { packed, values } of runs) {
      if (packed) {
        varint((values.length / 8) * 2 + 1)
        const bits = values.flatMap((value) =>
          Array.from({ length: width }, (_, i) => Math.floor(value / 2 ** i) % 2),
        )
        for (let at = 0; at < bits.length; at += 8) {
          bytes.push(bits.slice(at, at + 8).reduce((sum, bit, i) => sum + bit * 2 ** i, 0))
        }
      } else {
        varint(values.length * 2)
        for (let i = 0; i < Math.ceil(width / 8); i++) bytes.push(Math.floor(values[0]! / 256 ** i) % 256)
      }
    }
    return Buffer.from(bytes)
  }

  const run = (width: number): fc.Arbitrary<Run> => {
    const value = fc.integer({ min: 0, max: 2 ** width - 1 })
    const repeated = fc
      .tuple(value, fc.integer({ min: 1, max: 300 }))
      .map(([one, count]) => ({ packed: false, values: Array<number>(count).fill(one) }))
    const packed = fc
      .integer({ min: 1, max: 5 })
      .chain((groups) => fc.array(value, { minLength: 8 * groups, maxLength: 8 * groups }))
      .map((values) => ({ packed: true, values }))
    return fc.oneof(repeated, packed)
  }

  it('runs of any numbers come back', () => {
    fc.assert(
      fc.property(
        fc
          .integer({ min: 0, max: 32 })
          .chain((width) => fc.tuple(fc.constant(width), fc.array(run(width), { maxLength: 6 }))),
        fc.nat(7),
        ([width, runs], fewer) => {
          const values = runs.flatMap((each) => each.values)
          const count = Math.max(0, values.length - fewer)
          expect([...hybrid(encoded(runs, width), width, count)]).toEqual(values.slice(0, count))
        },
      ),
    )
  })

  it('any bytes are numbers of so many bits or an error', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.integer({ min: 0, max: 40 }),
        fc.nat(5000),
        (bytes, width, count) => {
          let numbers: Uint32Array
          try {
            numbers = hybrid(Buffer.from(bytes), width, count)
          } catch (error) {
            expect(error).toMatchObject({ constructor: Error })
            return
          }
          expect(numbers.length).toBe(count)
          expect(numbers.every((number) => number < 2 ** width)).toBe(true)
        },
      ),
    )
  })
})

describe('unsnapped', () => {
  /** Literals and copies, and what they stand for. */
  const packed = fc
    .array(
      fc.oneof(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.tuple(fc.nat(), fc.integer({ min: 1, max: 64 })),
      ),
      {
        maxLength: 20,
      },
    )
    .map((parts) => {
      const bytes: number[] = []
      const meant: number[] = []
      for (const part of parts) {
        if (part instanceof Uint8Array) {
          if (part.length <= 60) bytes.push((part.length - 1) * 4)
          else bytes.push(60 * 4, part.length - 1)
          bytes.push(...part)
          meant.push(...part)
        } else if (meant.length > 0) {
          const [back, length] = [1 + (part[0] % meant.length), part[1]]
          if (length >= 4 && length <= 11 && back < 2048)
            bytes.push(1 + (length - 4) * 4 + (back >> 8) * 32, back & 255)
          else if (back % 2 === 0) bytes.push(2 + (length - 1) * 4, back & 255, back >> 8)
          else bytes.push(3 + (length - 1) * 4, back & 255, back >> 8, 0, 0)
          for (let i = 0; i < length; i++) meant.push(meant[meant.length - back]!)
        }
      }
      const head: number[] = []
      let rest = meant.length
      for (; rest > 127; rest >>= 7) head.push((rest & 127) + 128)
      return { bytes: Uint8Array.from([...head, rest, ...bytes]), meant: Uint8Array.from(meant) }
    })

  it('is what was packed, and what another reader makes of it', () => {
    fc.assert(
      fc.property(packed, ({ bytes, meant }) => {
        expect(new Uint8Array(unsnapped(bytes, meant.length))).toEqual(meant)
        const other = new Uint8Array(meant.length)
        if (meant.length > 0) snappyUncompress(bytes, other)
        expect(other).toEqual(meant)
      }),
    )
  })

  it('any bytes are an error or of the size', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(100), (bytes, size) => {
        try {
          expect(unsnapped(bytes, size).length).toBe(size)
        } catch (error) {
          expect(error).toMatchObject({ constructor: Error })
        }
      }),
    )
  })
})

describe('readThrift', () => {
  const file = Buffer.from(
    parquetWriteBuffer({
      columnData: [
        { name: 'x', data: [1, 2, 3] },
        { name: 'y', data: ['a', 'b', 'c'] },
      ],
    }),
  )
  const footer = file.subarray(file.length - 8 - file.readUInt32LE(file.length - 8), file.length - 8)

  it('is where a reader of such structures ends', () => {
    const view = new DataView(footer.buffer, footer.byteOffset, footer.length)
    const reader = { view, offset: 0 }
    deserializeTCompactProtocol(reader)
    expect(readThrift(footer, 0).end).toBe(reader.offset)
  })

  it('with more values than any footer has is an error, whether in lists or as fields', () => {
    const many = 2 ** 20 + 1
    const structs = [Buffer.of(0x19, 0xfc, 0x81, 0x80, 0x40), Buffer.alloc(many), Buffer.of(0)]
    const fields = [Buffer.alloc(many, 0x11), Buffer.of(0)]
    for (const parts of [structs, fields]) {
      expect(() => readThrift(Buffer.concat(parts), 0)).toThrow('more than 1048576 fields and items of lists')
    }
  })

  it('of any bytes it is an error or within them', () => {
    fc.assert(
      fc.property(fc.nat(footer.length - 1), fc.nat(255), fc.nat(footer.length), (at, value, length) => {
        const bytes = Buffer.from(footer.subarray(0, length))
        if (at < length) bytes[at] = value
        try {
          expect(readThrift(bytes, 0).end).toBeLessThanOrEqual(length)
        } catch (error) {
          expect(error).toMatchObject({ constructor: Error })
        }
      }),
    )
  })
})
