import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { npy } from '../../src/data/npy.js'
import { openDataset } from '../../src/data/open.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { npyBytes } from './npy-file.js'
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
      'float64',
      npyBytes('<f8', [2, 2], new Float64Array(4)),
      'expected uint8 (|u1) or little-endian float32 (<f4) but received <f8',
    ],
    ['one axis', npyBytes('<f4', [4], one), 'but received [4]'],
    ['no items', npyBytes('<f4', [0, 2], one), 'but received [0, 2]'],
    ['a short file', npyBytes('<f4', [3, 2], one), 'bytes, as its header says, but received'],
    ['Fortran order', npyBytes('<f4', [2, 2], one, 'True'), 'Fortran order'],
    ['a broken header', npyBytes('<f4', [2, 2], one).subarray(0, 20), 'expected a header of'],
    ['text', Buffer.from('hello, this is no array'), 'expected a NumPy file'],
  ])('with %s is refused', async (name, bytes, message) => {
    const path = await write(`${name.replaceAll(' ', '-')}.npy`, bytes)
    await expect(npy(path)).rejects.toThrow(message)
  })

  it('that is not there is refused', async () => {
    await expect(npy(join(await newFolder(), 'none.npy'))).rejects.toThrow('there is no such path')
    await expect(Tensor.map(join(await newFolder(), 'none.npy'), 'uint8', [1])).rejects.toThrow(
      'could not open',
    )
    await expect(Tensor.map(await newFolder(), 'uint8', [1])).rejects.toThrow()
  })

  it.each([
    ['big-endian', npyBytes('>f8', [2], new Float64Array(2)), 'little-endian float64 (<f8) but received >f8'],
    ['float32', npyBytes('<f4', [4], one), 'expected little-endian float64 (<f8) but received <f4'],
    ['uint8', npyBytes('|u1', [4], new Uint8Array(4)), 'but received |u1'],
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
    await expect(Tensor.map(path, 'float32', [2 ** 40, 2 ** 40])).rejects.toThrow('but it has 16')
  })
})
