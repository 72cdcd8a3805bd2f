import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PfgmError } from '../../src/errors.js'
import { native } from '../../src/native/native.js'
import { Network } from '../../src/nn/network.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { addon, hostileArguments, Objects } from './hostile-values.js'
import { signatures } from './signatures.js'

it('refuses trajectories of no numbers', async () => {
  using empty = await Tensor.from<'float32'>(new Float32Array(0), [3, 0])
  await expect(
    native().createTrajectories(empty.handle, { keys: new BigUint64Array(3) }, 2, false, undefined, 'cpu'),
  ).rejects.toThrow('Expected trajectories of at least one number')
})

it('copies values out of shared memory', async () => {
  const shared = new Float32Array(new SharedArrayBuffer(16), 4).fill(7)
  using tensor = await Tensor.from<'float32'>(shared, [3])
  expect(await tensor.data()).toEqual(Float32Array.of(7, 7, 7))
})

it('refuses rows and images of no numbers, however many there are', async () => {
  using endless = await Tensor.from<'float32'>(new Float32Array(0), [2 ** 50, 1, 0, 2])
  const { handle } = endless
  expect(() => native().energyDistance(handle, handle, false)).toThrow('at least one number')
  expect(() => native().imageGrid(handle, 1, 1, 0)).toThrow('at least one pixel')
})

describe('any arguments: a call gives a value or an error that says why, never the end of the process', () => {
  const leftOut = new Set([
    'initialise', // errors would be of another class from then on
    'loadCuda', // would load any library into the process
    'setThreads', // would start up to a thousand threads
    'stop', // takes promises: test/native/stop.test.ts
  ])
  const { numRuns = 100 } = fc.readConfigureGlobal()
  const before = native().memory()
  const started = process.cwd()
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pfgm-hostile-'))
    process.chdir(folder)
    await writeFile('mapped', new Uint8Array(64))
  })
  afterAll(async () => {
    process.chdir(started)
    await rm(folder, { recursive: true })
  })

  const methods = Object.entries(signatures).filter(([name]) => !leftOut.has(name))
  it.each(methods)('%s', async (name, { parameters }) => {
    let values = 0
    const errors: unknown[] = []
    await fc.assert(
      fc.asyncProperty(hostileArguments(parameters), async (given) => {
        await writeFile('values', new Uint8Array(64))
        const objects = new Objects()
        try {
          const call = (await objects.into(given)) as unknown[]
          const result = await settled(() => addon[name]!(...call))
          if ('error' in result) {
            expect(result.error).toSatisfy(saysWhy)
            errors.push(result.error)
          } else {
            values += 1
            objects.own(name, result.value)
          }
        } finally {
          objects.dispose()
        }
        expect(native().memory().handles).toBe(before.handles)
      }),
      { numRuns: parameters.length === 0 ? 1 : 0.6 * numRuns, seed: 1 },
    )
    expect(values, `no call of ${name} gets through: ${errors.slice(0, 20).join('\n')}`).toBeGreaterThan(0)
  })

  it('everything still works, and no call took much memory', async () => {
    using tensor = await Tensor.from<'float32'>(new Float32Array(6), [3, 2])
    using z = await Tensor.from<'float32'>(new Float32Array([1, 2, 3]), [3])
    using network = await Network.create({ kind: 'mlp', dimensions: 2, width: 4, depth: 1 })
    const field = await network.forward(tensor, z)
    expect(field.x.shape).toEqual([3, 2])
    expect(native().memory().peak - before.peak).toBeLessThan(2 ** 30)
  })
})

async function settled(call: () => unknown): Promise<{ value: unknown } | { error: unknown }> {
  try {
    return { value: await call() }
  } catch (error) {
    return { error }
  }
}

function saysWhy(error: unknown): boolean {
  if (!(error instanceof Error) || error.message === '') return false
  if (error instanceof PfgmError) return error.code.startsWith('ERR_PFGM_')
  return error instanceof TypeError || error instanceof RangeError
}
