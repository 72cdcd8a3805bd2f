import { expect, it } from 'vitest'
import { native } from '../../src/native/native.js'
import { stoppable } from '../../src/native/stoppable.js'
import { Tensor } from '../../src/tensor/tensor.js'

/** A call that takes longer than a test has. */
async function longCall(): Promise<Promise<number>[]> {
  using points = await Tensor.full([200_000, 2], 0, 'float32')
  return [native().energyDistance(points.handle, points.handle, false)]
}

it('a call that is stopped rejects, and the thread is free for the next', async () => {
  const [call] = await longCall()
  expect(native().stop(call!)).toBe(true)
  expect(native().stop(call!)).toBe(true)
  await expect(call).rejects.toMatchObject({ code: 'ERR_PFGM_STOPPED' })
  expect(native().stop(call!)).toBe(false)
  expect(await native().countThreads()).toBeGreaterThan(0)
})

it('a call that waits behind another one can be stopped before it begins', async () => {
  const [first] = await longCall()
  const second = native().countThreads()
  expect(native().stop(second)).toBe(true)
  expect(native().stop(first!)).toBe(true)
  await expect(first).rejects.toMatchObject({ code: 'ERR_PFGM_STOPPED' })
  await expect(second).rejects.toMatchObject({ code: 'ERR_PFGM_STOPPED' })
})

it('a signal stops a call, and is its reason', async () => {
  const controller = new AbortController()
  const [call] = await longCall()
  const reason = new Error('enough')
  setTimeout(() => controller.abort(reason), 50)
  await expect(stoppable(call!, controller.signal)).rejects.toBe(reason)
  await expect(stoppable(native().countThreads(), controller.signal)).rejects.toBe(reason)
  expect(await stoppable(native().countThreads(), new AbortController().signal)).toBeGreaterThan(0)
})

it('refuses what is no promise of a call, and takes any other promise for one that has ended', () => {
  const odd = (job: unknown) => Object.assign(Promise.resolve(), { job })
  for (const job of [undefined, null, -1, NaN, 2 ** 40, '1', {}, 1n])
    expect(native().stop(odd(job))).toBe(false)
  expect(native().stop(Promise.resolve())).toBe(false)
  const getter = Object.defineProperty(Promise.resolve(), 'job', {
    get() {
      throw new Error('hostile')
    },
  })
  expect(() => native().stop(getter)).toThrow('hostile')
  for (const value of [undefined, null, 1, 'job', {}, { job: 1 }, Symbol('call'), () => 1]) {
    expect(() => native().stop(value as Promise<unknown>)).toThrow(
      'Expected call to be the promise of a call',
    )
  }
})
