import fc from 'fast-check'
import { expect, it } from 'vitest'
import { native } from '../../src/native/native.js'
import { Network } from '../../src/nn/network.js'
import { Tensor } from '../../src/tensor/tensor.js'

const CONFIG = { kind: 'mlp', dimensions: 2, width: 4, depth: 1 } as const

/** Values that a caller without types may pass, live handles of the wrong kind among them. */
function hostileValues(handles: number[]): fc.Arbitrary<unknown> {
  const leaf = fc.oneof(
    fc.constantFrom<unknown>(
      ...handles,
      undefined,
      null,
      NaN,
      -1,
      0,
      1,
      2,
      1.5,
      2 ** 53,
      'cpu',
      'cuda:7',
      'float32',
      '',
    ),
    fc.double(),
    fc.string(),
    fc.bigInt(),
    fc.boolean(),
    fc.float64Array({ maxLength: 4 }),
    fc.uint8Array({ maxLength: 4 }),
    fc.float32Array({ maxLength: 4 }),
    fc.constantFrom<unknown>(() => {}, Symbol('hostile'), new BigUint64Array(2), new ArrayBuffer(8)),
    fc.array(fc.integer({ min: -3, max: 5 }), { maxLength: 4 }),
  )
  const fields = [
    'ofX',
    'ofK',
    'kind',
    'seed',
    'step',
    'gamma',
    'width',
    'batchSize',
    'smallBatchSize',
    'update',
    'exact',
    'probes',
    'keys',
    'given',
    'normalised',
    'deterministic',
    'pool',
    'slot',
    'otherSide',
    'y',
    'steps',
    'heights',
    'first',
    'view',
  ]
  return fc.oneof(leaf, fc.dictionary(fc.constantFrom(...fields), leaf), fc.array(leaf, { maxLength: 3 }))
}

it('refuses trajectories of no numbers', async () => {
  using empty = await Tensor.from<'float32'>(new Float32Array(0), [3, 0])
  await expect(native().createTrajectories(empty.handle, 2, false, 'cpu')).rejects.toThrow(
    'Expected trajectories of at least one number',
  )
})

it('survives any arguments: a call gives a value or an error, never the end of the process', async () => {
  const addon = native() as unknown as Record<string, (...values: unknown[]) => unknown>
  const tensor = await Tensor.from<'float32'>(new Float32Array(6), [3, 2])
  const network = await Network.create(CONFIG)
  const empty = await Tensor.from<'float32'>(new Float32Array(0), [3, 0])
  const pool = await native().createTrajectories(tensor.handle, 2, true, 'cpu')
  const flow = native().createPfgmFlow(network.handle, {
    gamma: 5,
    zExp: 5,
    upperNorm: 10,
    epsilon: 0,
    deterministic: false,
  })
  const trainer = await native().createTrainer(CONFIG, 0, { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }, 'cpu')
  const likelihood = native().createLikelihoodFlow(
    network.handle,
    { gamma: 5, zExp: 5, upperNorm: 10, epsilon: 0, normalised: false },
    { exact: false, probes: 2, keys: new BigUint64Array(3) },
  )
  const handles = [tensor.handle, empty.handle, network.handle, pool, flow, likelihood, trainer.id, 999_999]
  // Left out: what would change this process for the tests after it, or write files at random paths.
  const skipped = new Set(['initialise', 'dispose', 'setThreads', 'loadCuda', 'writeState'])
  const names = Object.keys(native().signatures).filter((name) => !skipped.has(name))
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...names),
      fc.array(hostileValues(handles), { maxLength: 9 }),
      async (name, values) => {
        try {
          await addon[name]!(...values)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
          expect((error as Error).message).not.toBe('')
        }
      },
    ),
    { numRuns: 3000 },
  )
  // Everything still works.
  const z = await Tensor.from<'float32'>(new Float32Array([1, 2, 3]), [3])
  const field = await network.forward(tensor, z)
  expect(field.x.shape).toEqual([3, 2])
})
