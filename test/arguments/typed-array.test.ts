import vm from 'node:vm'
import { describe, expect, it } from 'vitest'
import { typedArray } from '../../src/arguments/typed-array.js'
import { Tensor } from '../../src/tensor/tensor.js'

interface Resizable extends ArrayBuffer {
  resize(size: number): void
}

/** The types of Node.js 20 do not know of these yet. */
const resizable = (size: number, most: number): Resizable =>
  new (ArrayBuffer as unknown as new (size: number, options: object) => Resizable)(size, {
    maxByteLength: most,
  })

const KINDS = ['Float32Array', 'Uint8Array'] as const

describe('a typed array', () => {
  it('of this realm is taken as it is, a Buffer too', () => {
    for (const array of [Float32Array.of(1, 2), Buffer.from([1, 2])]) {
      expect(typedArray('values', array, KINDS)).toBe(array)
    }
  })

  it('of another realm becomes one of this realm over the same bytes', () => {
    const foreign = vm.runInNewContext('new Float32Array(new Float32Array([9, 1, 2, 9]).buffer, 4, 2)')
    const own = typedArray('values', foreign, KINDS)
    expect(own).toBeInstanceOf(Float32Array)
    expect([...own]).toEqual([1, 2])
    expect(own.buffer).toBe(foreign.buffer)
  })

  it('over memory that others can change is copied', () => {
    const shared = new Float32Array(new SharedArrayBuffer(16), 4, 2).fill(7)
    const copy = typedArray('values', shared, KINDS)
    expect(copy.buffer).toBeInstanceOf(ArrayBuffer)
    shared.fill(0)
    expect([...copy]).toEqual([7, 7])
    const growing = resizable(4, 8)
    const tracking = new Uint8Array(growing).fill(3)
    growing.resize(6)
    expect([...typedArray('values', tracking, KINDS)]).toEqual([3, 3, 3, 3, 0, 0])
  })

  it('whose bytes are gone is refused, but an empty one is not', () => {
    const gone = new Float32Array(4)
    structuredClone(gone.buffer, { transfer: [gone.buffer] })
    const buffer = resizable(16, 16)
    const shortened = new Float32Array(buffer, 8)
    buffer.resize(4)
    for (const array of [gone, shortened]) {
      expect(() => typedArray('values', array, KINDS)).toThrow(
        new TypeError(
          'Expected values to be over a buffer that is there but received one that was detached or shortened',
        ),
      )
    }
    expect(typedArray('values', new Uint8Array(0), KINDS)).toHaveLength(0)
  })

  it('of another kind, or what only says that it is one, is refused', () => {
    const liar = {
      [Symbol.toStringTag]: 'Float32Array',
      length: 2,
      buffer: new ArrayBuffer(8),
      byteOffset: 0,
    }
    for (const value of [
      [1, 2],
      new Uint8ClampedArray(2),
      new DataView(new ArrayBuffer(8)),
      liar,
      null,
      'x',
    ]) {
      expect(() => typedArray('values', value, KINDS)).toThrow(
        /^Expected values to be a Float32Array or a Uint8Array/,
      )
    }
  })
})

it('makes tensors, whatever realm or memory the values are of', async () => {
  const values = [
    vm.runInNewContext('new Float64Array([1, 2])'),
    new Float64Array(new SharedArrayBuffer(16)).map((_, i) => i + 1),
    new Float64Array(resizable(16, 64)).map((_, i) => i + 1),
  ]
  for (const array of values) {
    using tensor = await Tensor.from<'float64'>(array, [2, 1])
    expect(await tensor.data()).toEqual(Float64Array.of(1, 2))
  }
})
