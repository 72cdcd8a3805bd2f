import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { npy } from '../../src/data/npy.js'
import { openDataset } from '../../src/data/open.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { valuesOf } from './dataset-values.js'
import { arrays, channelsFirst, encodeArray, isChannelsLast } from './npy-arrays.js'
import { npyBytes, npyWithHeader } from './npy-file.js'
import { temporaryFolders } from './temporary.js'

const newFolder = temporaryFolders()
const write = async (name: string, bytes: NodeJS.ArrayBufferView) => {
  const path = join(await newFolder(), name)
  writeFileSync(path, bytes)
  return path
}

describe('a NumPy file', () => {
  it('is recognised, and its values stay in it', async () => {
    const pixels = Uint8Array.from({ length: 2 * 3 * 4 * 4 }, (_, i) => i)
    const path = await write('pixels.npy', npyBytes('|u1', [2, 3, 4, 4], pixels))
    const data = await openDataset(path)
    expect(data).toMatchObject({ name: 'pixels', shape: [3, 4, 4], count: 2, mirror: false })
    const { path: file, dtype, offset } = data.values as { path: string; dtype: 'uint8'; offset: number }
    using tensor = await Tensor.map(file, dtype, [2, 3, 4, 4], offset)
    expect(await tensor.data()).toEqual(pixels)
  })

  it.each([
    [[5, 2], [2]],
    [
      [5, 6, 7],
      [1, 6, 7],
    ],
  ])('of shape %j has items of %j', async (shape, item) => {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5)
    const path = await write(`f${shape.length}.npy`, npyBytes('<f4', shape, values))
    const data = await npy(path)
    expect(data).toMatchObject({ shape: item, count: 5, values: { dtype: 'float32', length: values.length } })
  })

  const one = new Float32Array(4)
  it.each([
    [
      'int64',
      npyBytes('<i8', [2, 2], new BigInt64Array(4)),
      "int64 (<i8): save a.astype('uint8') if these are pixels",
    ],
    [
      'uint16',
      npyBytes('<u2', [2, 2], new Uint16Array(4)),
      "uint16 (<u2): save a.astype('uint8') if these are pixels",
    ],
    ['complex', npyBytes('<c8', [1, 2], one), 'complex64 (<c8): save numpy.stack([a.real, a.imag], 1)'],
    ['long-double', npyBytes('<f16', [1, 1], one), "float128 (<f16): save a.astype('float32')"],
    ['objects', npyBytes('|O', [2, 2], one), '(|O): save numpy.stack(list(a))'],
    ['text-values', npyBytes('<U3', [2, 2], one), "<U3: save an array of numbers, a.astype('float32')"],
    [
      'one axis',
      npyBytes('<f4', [4], one),
      'but received [4]: if these are points of d dimensions, save a.reshape(-1, d)',
    ],
    ['no axis', npyBytes('<f4', [], one), 'but received []: a single number'],
    [
      'five axes',
      npyBytes('<f4', [1, 1, 1, 2, 2], one),
      'received [1, 1, 1, 2, 2]: save it with its axes put together',
    ],
    ['no items', npyBytes('<f4', [0, 2], one), 'but received [0, 2]: it has no values'],
    ['a short file', npyBytes('<f4', [3, 2], one), 'bytes, as its header says, but received'],
    [
      'short doubles',
      npyBytes('<f8', [3, 2], one),
      '48 bytes of values, as its header says, but received 16',
    ],
    ['far too few', npyBytes('<f8', [2 ** 30, 2 ** 20, 1], one), 'as its header says, but received 16'],
    ['a broken header', npyBytes('<f4', [2, 2], one).subarray(0, 20), 'expected a header of'],
    [
      'no shape',
      npyWithHeader("{'descr': '<f4', 'fortran_order': False}", one),
      "expected a header with 'descr'",
    ],
    ['no Python', npyWithHeader("{'descr': __import__('os')}", one), "expected a header with 'descr'"],
    [
      'records',
      npyWithHeader("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (4,)}", one),
      '[["x","<f4"]]: save',
    ],
    ['text', Buffer.from('hello, this is no array'), 'expected a NumPy file'],
  ])('with %s is refused', async (name, bytes, message) => {
    const path = await write(`${name.replaceAll(' ', '-')}.npy`, bytes)
    const failure = npy(path)
    await expect(failure).rejects.toMatchObject({ code: 'ERR_PFGM_DATA' })
    await expect(failure).rejects.toThrow(message)
  })

  it.each([
    ['of Python 2', "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 2L), }"],
    ['in double quotes', '{"descr": "<f4", "fortran_order": False, "shape": (2, 2), }'],
    ['without a last comma', "{'descr':'<f4','fortran_order':False,'shape':(2,2)}"],
    ['in another order', "{'shape': (2, 2), 'fortran_order': False, 'descr': '<f4'}"],
    ["in the host's byte order", "{'descr': '=f4', 'fortran_order': False, 'shape': (2, 2)}"],
    ['without a byte order', "{'descr': 'f4', 'fortran_order': False, 'shape': (2, 2)}"],
  ])('with a header %s stays in its file', async (_, header) => {
    const values = Float32Array.of(1, 2, 3, 4)
    const path = await write('a.npy', npyWithHeader(header, values))
    const data = await npy(path)
    expect(data).toMatchObject({ shape: [2], count: 2 })
    expect(await valuesOf(data)).toEqual([1, 2, 3, 4])
    using tensor = await Tensor.loadNpy(path, 'float32')
    expect(await tensor.data()).toEqual(values)
  })

  it.each([2, 3])('of version %i is read', async (version) => {
    const header = "{'descr': '<u1', 'fortran_order': False, 'shape': (2, 2), }"
    const data = await npy(await write('a.npy', npyWithHeader(header, Uint8Array.of(1, 2, 3, 4), version)))
    expect(await valuesOf(data)).toEqual([1, 2, 3, 4])
  })

  it('of any type, byte order and axis order has the values that it has', async () => {
    await fc.assert(
      fc.asyncProperty(arrays, async ({ descr, fortran, shape, values }) => {
        const path = await write('a.npy', encodeArray(descr, fortran, shape, values))
        const data = await npy(path)
        const pixels = descr === '|b1' ? 255 : 1
        expect(await valuesOf(data)).toEqual(channelsFirst(shape, values).map((value) => value * pixels))
        const isPlain = ['|u1', '<f4'].includes(descr)
        if (isPlain && !fortran && !isChannelsLast(shape)) expect(data.values).toHaveProperty('path')
        if (!isPlain) expect(data.values).not.toHaveProperty('path')
      }),
      { numRuns: 150 },
    )
  })

  it('with channels last says so', async () => {
    const data = await npy(
      await write(
        'a.npy',
        npyBytes(
          '|u1',
          [1, 2, 2, 3],
          Uint8Array.from({ length: 12 }, (_, i) => i),
        ),
      ),
    )
    expect(data).toMatchObject({
      shape: [3, 2, 2],
      values: Uint8Array.of(0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11),
    })
    expect(data.notes?.[0]).toMatch(
      /a\.npy: \[1, 2, 2, 3\] was read as channels last: images of 2 x 2 pixels with 3 channels/,
    )
    const grey = await npy(await write('g.npy', npyBytes('|u1', [1, 2, 5, 1], new Uint8Array(10))))
    expect(grey).toMatchObject({ shape: [1, 2, 5], values: { length: 10 } })
    const first = await npy(await write('f.npy', npyBytes('|u1', [1, 3, 5, 4], new Uint8Array(60))))
    expect(first).toMatchObject({ shape: [3, 5, 4], values: { length: 60 } })
    expect(first.notes).toBeUndefined()
  })

  it('of float16 has its special values', async () => {
    const bits = Uint16Array.of(0x0001, 0x03ff, 0x0400, 0x7bff, 0x7c00, 0xfc00, 0x8000, 0x7e00)
    const { values } = await npy(await write('h.npy', npyBytes('<f2', [8, 1], bits)))
    const { POSITIVE_INFINITY, NEGATIVE_INFINITY, NaN: nan } = Number
    expect(values).toEqual(
      Float32Array.of(
        2 ** -24,
        1023 * 2 ** -24,
        2 ** -14,
        65504,
        POSITIVE_INFINITY,
        NEGATIVE_INFINITY,
        -0,
        nan,
      ),
    )
  })

  it('that is not there is refused', async () => {
    await expect(npy(join(await newFolder(), 'none.npy'))).rejects.toThrow('there is no such path')
    await expect(Tensor.map(join(await newFolder(), 'none.npy'), 'uint8', [1])).rejects.toThrow(
      'could not open',
    )
    await expect(Tensor.map(await newFolder(), 'uint8', [1])).rejects.toThrow()
  })

  it.each([
    [
      'big-endian',
      npyBytes('>f8', [2], new Float64Array(2)),
      'little-endian float64 (<f8) but received big-endian float64 (>f8)',
    ],
    ['float32', npyBytes('<f4', [4], one), 'expected little-endian float64 (<f8) but received float32 (<f4)'],
    ['uint8', npyBytes('|u1', [4], new Uint8Array(4)), 'but received uint8 (|u1)'],
    ['fortran', npyBytes('<f8', [2, 2], new Float64Array(4), 'True'), 'Fortran order'],
    ['empty', npyBytes('<f8', [2, 0], new Float64Array(0)), 'one value but received [2, 0]'],
    ['no-axis', npyBytes('<f8', [], new Float64Array(1)), 'at least one axis and one value but received []'],
    ['short', npyBytes('<f8', [3], new Float64Array(2)), '152 bytes, as its header says, but received 144'],
  ])('that is %s is not loaded as a tensor of float64', async (name, bytes, message) => {
    const path = await write(`${name}.npy`, bytes)
    await expect(Tensor.loadNpy(path, 'float64')).rejects.toThrow(message)
  })

  it('is not loaded as what no tensor holds', async () => {
    await expect(Tensor.loadNpy('any.npy', 'float16' as 'float32')).rejects.toThrow(
      'Expected dtype to be one of float32, float64, uint8, int64 but received "float16"',
    )
  })

  it('does not map more than there is', async () => {
    const path = await write('four.npy', one)
    await expect(Tensor.map(path, 'float32', [5])).rejects.toThrow('to have 20 bytes but it has 16')
    await expect(Tensor.map(path, 'float32', [1], 2)).rejects.toThrow('a multiple of')
    await expect(Tensor.map(path, 'float32', [2 ** 40, 2 ** 40])).rejects.toThrow(
      'Expected shape to be sizes of at most',
    )
  })
})
