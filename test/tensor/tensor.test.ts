import { describe, expect, it } from 'vitest'
import { PfgmError } from '../../src/errors.js'
import { memory, setThreads } from '../../src/native/device.js'
import { native } from '../../src/native/native.js'
import { Network } from '../../src/nn/network.js'
import { Tensor } from '../../src/tensor/tensor.js'

describe('Tensor', () => {
  it.each([
    ['float32', new Float32Array([1.5, -2, 3, 4, 5, 6])],
    ['float64', new Float64Array([1 / 3, -2, 3, 4, 5, 6])],
    ['uint8', new Uint8Array([0, 255, 3, 4, 5, 6])],
    ['int64', new BigInt64Array([-(2n ** 62n), 2n, 3n, 4n, 5n, 6n])],
  ] as const)('keeps %s values, shape and dtype', async (dtype, values) => {
    using tensor = await Tensor.from(values, [2, 3])
    expect(tensor).toMatchObject({ dtype, shape: [2, 3], device: 'cpu', size: 6 })
    expect(await tensor.data()).toEqual(values)
    using row = await tensor.slice(1, 1)
    expect(await row.data()).toEqual(values.slice(3))
  })

  it('has no rows, axes and places beyond its own', async () => {
    using tensor = await Tensor.from(new Float32Array(6), [2, 3])
    for (const [failure, words] of [
      [tensor.slice(3, 0), 'Expected first to be an integer from 0 to 2'],
      [tensor.slice(1, 2), 'Expected count to be an integer from 0 to 1'],
      [tensor.select(2, 0), 'Expected axis to be an integer from 0 to 1'],
      [tensor.select(1, -1), 'Expected index to be an integer from 0 to 2'],
    ] as const) {
      await expect(failure).rejects.toThrow(RangeError)
      await expect(failure).rejects.toThrow(words)
    }
  })

  it('refuses values that do not fit the shape, and names both', async () => {
    await expect(Tensor.from(new Float32Array(5), [2, 3])).rejects.toThrow(
      new TypeError('Expected 6 values for that shape but received 5'),
    )
  })

  it('copies: changing the source afterwards changes nothing', async () => {
    const values = new Float32Array([1, 2])
    using tensor = await Tensor.from(values, [2])
    values[0] = 9
    expect([...(await tensor.data())]).toEqual([1, 2])
    const copy = await tensor.data()
    copy[1] = 7
    expect([...(await tensor.data())]).toEqual([1, 2])
  })

  it('cannot be used after dispose(), which may be called twice', async () => {
    const tensor = await Tensor.from(new Float32Array(2), [2])
    const { handles } = memory()
    const { handle } = tensor
    tensor.dispose()
    tensor.dispose()
    expect(memory().handles).toBe(handles - 1)
    await expect(tensor.data()).rejects.toSatisfy((error) => {
      return error instanceof PfgmError && error.code === 'ERR_PFGM_DISPOSED'
    })
    expect(() => native().readTensor(handle)).toThrow(/live handle/)
  })

  it('may be disposed of in mid-call: the call ends as if it had not been', async () => {
    const x = await Tensor.from(new Float32Array(64 * 64).fill(0.5), [64, 64])
    const z = await Tensor.from(new Float32Array(64).fill(1), [64])
    const sources = await Tensor.from(new Float32Array(4096 * 64), [4096, 64])
    const call = native().fieldTarget(sources.handle, x.handle, z.handle, 5)
    for (const tensor of [x, z, sources]) tensor.dispose()
    using target = new Tensor<'float32'>(await call)
    const values = await target.data()
    expect(values.every(Number.isFinite)).toBe(true)
    expect(values[0]).toBeLessThan(0) // it points at the sources
  })
})

describe('threads', () => {
  it('parallel loops use as many threads as asked for', async () => {
    const { cores } = native().info()
    for (const threads of [1, Math.min(2, cores)]) {
      expect(await setThreads(threads)).toBe(threads)
      expect(await native().countThreads()).toBe(threads)
    }
    await setThreads()
  })
})

describe('memory', () => {
  it('counts live handles and their bytes', async () => {
    const before = memory()
    const tensor = await Tensor.from(new Float32Array(1000), [1000])
    expect(memory()).toMatchObject({ handles: before.handles + 1, bytes: before.bytes + 4000 })
    tensor.dispose()
    expect(memory()).toMatchObject({ handles: before.handles, bytes: before.bytes })
  })

  it('does not grow over 12,000 cycles of creation and disposal', { timeout: 120_000 }, async () => {
    const cycle = async (count: number) => {
      for (let i = 0; i < count; i++) {
        using tensor = await Tensor.from(new Float32Array(2500), [50, 50])
        if (i % 50 === 0) {
          using network = await Network.create({ kind: 'mlp', dimensions: 2, width: 64, depth: 2 })
          network.parameters()
        }
        expect(tensor.disposed).toBe(false)
      }
    }
    await cycle(2000)
    const warm = memory()
    const grown: number[] = []
    for (let round = 0; round < 3; round++) {
      const { resident } = memory()
      await cycle(4000)
      grown.push(memory().resident - resident)
    }
    expect(memory()).toMatchObject({ handles: warm.handles, bytes: warm.bytes })
    // V8's own heap may breathe; what leaks grows in every round, by 40 MB.
    expect(Math.min(...grown)).toBeLessThan(8 * 2 ** 20)
  })
})
