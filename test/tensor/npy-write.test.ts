import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { datasets } from '../../src/data/index.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { temporaryFolders } from '../data/temporary.js'

const newFolder = temporaryFolders()

it('writes what numpy.save writes', async () => {
  const path = join(await newFolder(), 'a.npy')
  using tensor = await Tensor.from<'float64'>(Float64Array.of(1, -2.5, 3, 4, 5, 1e-300), [2, 3])
  await tensor.saveNpy(path)
  const bytes = readFileSync(path)
  // Version 1.0, and a header that ends in a newline at a multiple of 64.
  expect(bytes.subarray(0, 8).toString('latin1')).toBe('\x93NUMPY\x01\x00')
  expect(bytes.readUInt16LE(8)).toBe(128 - 10)
  const header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }"
  expect(bytes.subarray(10, 128).toString('latin1')).toBe(`${header.padEnd(117)}\n`)
  expect(bytes.length).toBe(128 + 6 * 8)
  expect([0, 1, 5].map((i) => bytes.readDoubleLE(128 + 8 * i))).toEqual([1, -2.5, 1e-300])
})

it('what it writes is read as data again', async () => {
  const path = join(await newFolder(), 'b.npy')
  using tensor = await Tensor.from<'float32'>(Float32Array.of(0, 1, 2, 3), [2, 2])
  await tensor.saveNpy(path)
  const data = await datasets.npy(path)
  expect(data).toMatchObject({ shape: [2], count: 2, values: { dtype: 'float32', length: 4, offset: 128 } })
})

it.each([
  Float64Array.of(-0, 0.1 + 0.2, 5e-324, Number.MAX_VALUE, Number.NaN, Number.NEGATIVE_INFINITY),
  Float32Array.of(-0, 0.1, 1e-45, 3e38, Number.NaN, Number.NEGATIVE_INFINITY),
  Uint8Array.of(0, 1, 2, 127, 128, 255),
  BigInt64Array.of(0n, -1n, 2n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)),
])('what it writes is loaded again, to the bit: $constructor.name', async (values) => {
  const path = join(await newFolder(), 'all.npy')
  using tensor = await Tensor.from(values, [3, 1, 2])
  await tensor.saveNpy(path)
  using loaded = await Tensor.loadNpy(path, tensor.dtype)
  writeFileSync(path, '') // the tensor has values of its own
  expect({ dtype: loaded.dtype, shape: loaded.shape }).toEqual({ dtype: tensor.dtype, shape: [3, 1, 2] })
  const bytes = (array: NodeJS.TypedArray) => Buffer.from(array.buffer)
  expect(bytes(await loaded.data())).toEqual(bytes(values))
})

it('says where it cannot write', async () => {
  using tensor = await Tensor.from<'float32'>(new Float32Array(1), [1])
  await expect(tensor.saveNpy(join(await newFolder(), 'missing', 'c.npy'))).rejects.toThrow(/Could not write/)
})
