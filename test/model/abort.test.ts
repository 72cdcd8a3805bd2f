import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { memory, setThreads } from '../../src/native/device.js'
import type { NetworkConfig } from '../../src/nn/config.js'
import { Network } from '../../src/nn/network.js'
import { PoissonFlow, type SampleOptions } from '../../src/poisson-flow.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { preset } from '../../src/train/presets.js'
import { tinyFlow } from '../tiny-flow.js'

const EULER = { solver: 'euler', steps: 5, count: 3 } as const
const never = () => new Promise<never>(() => {})

let flow: PoissonFlow
beforeAll(async () => {
  flow = await tinyFlow()
})
afterAll(() => flow.dispose())

/** Samples until a hook is in the middle of its work, then aborts. */
async function abortInHook(options: SampleOptions, inHook: Promise<void>): Promise<number> {
  const controller = new AbortController()
  const sampling = flow.sample({ ...EULER, ...options, signal: controller.signal })
  sampling.catch(() => {})
  await inHook
  const began = performance.now()
  controller.abort(new Error('enough'))
  await expect(sampling).rejects.toThrow('enough')
  return performance.now() - began
}

/** A hook that says when it is called. */
function called<T>(work: () => T): { hook: () => T; inHook: Promise<void> } {
  let tell = () => {}
  const inHook = new Promise<void>((resolve) => {
    tell = resolve
  })
  const hook = () => {
    tell()
    return work()
  }
  return { hook, inHook }
}

describe('a signal ends a sampling whose hook never does', () => {
  it('onDenoised: at once, beside others that go on to what they get alone, and nothing is kept', async () => {
    const alone = await flow.sample({ ...EULER, seed: 7 })
    const expected = await alone.images.data()
    alone.images.dispose()
    const before = memory().handles
    const { hook, inHook } = called(never)
    const other = flow.sample({ ...EULER, seed: 7, steps: 5, onProgress: () => {} })
    expect(await abortInHook({ onDenoised: hook }, inHook)).toBeLessThan(1000)
    const { images } = await other
    expect(await images.data()).toEqual(expected)
    images.dispose()
    const after = await flow.sample({ ...EULER, seed: 7 })
    expect(await after.images.data()).toEqual(expected)
    after.images.dispose()
    expect(memory().handles).toBe(before)
  })

  it('and disposes of a tensor that the hook returns after all', async () => {
    let finish = (_tensor: Tensor<'float32'>) => {}
    const { hook, inHook } = called(
      () =>
        new Promise<Tensor<'float32'>>((resolve) => {
          finish = resolve
        }),
    )
    await abortInHook({ onDenoised: hook }, inHook)
    const late = await Tensor.full([3, 2], 0, 'float32')
    finish(late)
    await vi.waitFor(() => expect(late.disposed).toBe(true))
  })

  it('onProgress, for which nobody waits', async () => {
    const { hook, inHook } = called(never)
    await abortInHook({ steps: 10_000, onProgress: hook }, inHook)
  })

  it('onSearch', async () => {
    const { hook, inHook } = called(never)
    await abortInHook({ solver: 'dpm2m', schedule: 'searched', onSearch: hook }, inHook)
  })
})

it('takes the signal of another realm or library', async () => {
  const listeners: (() => void)[] = []
  const polyfill = {
    aborted: false,
    addEventListener: (_: string, listener: () => void) => listeners.push(listener),
  }
  const { hook, inHook } = called(never)
  const sampling = flow.sample({ ...EULER, onDenoised: hook, signal: polyfill as unknown as AbortSignal })
  sampling.catch(() => {})
  await inHook
  for (const listener of listeners) listener()
  await expect(sampling).rejects.toMatchObject({ name: 'AbortError' })
})

describe('a signal ends a sampling in the middle of an evaluation that takes long', () => {
  /** Its evaluation of 256 images takes tens of seconds. */
  async function slowFlow(): Promise<PoissonFlow> {
    const base = preset('digits')
    const network = await Network.create({ ...base.network, imageSize: 32, nf: 96 } as NetworkConfig)
    const flow = { sigma: 0.01, tau: 0.03, M: 260, restrictM: true, gamma: 5 }
    const heights = { zMax: 40, zMin: 1e-3, upperNorm: 3000, zExp: 5 }
    return PoissonFlow.of(network, { flow: { ...flow, ...heights }, data: 'none', step: 0 })
  }

  it('at once, and frees the native thread', async () => {
    using slow = await slowFlow()
    const before = memory().handles
    const controller = new AbortController()
    const sampling = slow.sample({ count: 256, solver: 'euler', steps: 2, signal: controller.signal })
    setTimeout(() => controller.abort(new Error('enough')), 200)
    await expect(sampling).rejects.toThrow('enough')
    await setThreads() // behind it in the thread's queue
    expect(memory().handles).toBe(before)
  }, 10_000)

  it('and others that share the evaluation get what they get alone', async () => {
    using slow = await slowFlow()
    const options = { count: 2, solver: 'euler', steps: 2, seed: 3 } as const
    const alone = await slow.sample(options)
    const controller = new AbortController()
    const aborted = slow.sample({ ...options, seed: 9, signal: controller.signal })
    const whole = slow.sample(options)
    setTimeout(() => controller.abort(new Error('enough')), 20)
    await expect(aborted).rejects.toThrow('enough')
    const { images } = await whole
    expect(await images.data()).toEqual(await alone.images.data())
    images.dispose()
    alone.images.dispose()
  })
})
