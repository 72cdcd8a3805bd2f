import { expect, it, vi } from 'vitest'
import { foreignSignal, isSignal, orAborted } from '../../src/arguments/signal.js'

/** A signal as an old polyfill has it: without a reason, and no AbortSignal of this realm. */
class Polyfill {
  aborted = false
  listeners: (() => void)[] = []
  addEventListener(_type: string, listener: () => void) {
    this.listeners.push(listener)
  }
  abort() {
    this.aborted = true
    for (const listener of this.listeners) listener()
  }
}

it('a signal is known by what it can do', () => {
  expect([AbortSignal.abort(), new AbortController().signal, new Polyfill()].map(isSignal)).toEqual([
    true,
    true,
    true,
  ])
  const others = [undefined, null, {}, { aborted: false }, new EventTarget(), () => {}, new AbortController()]
  expect(others.map(isSignal)).toEqual(others.map(() => false))
})

it('one of another library aborts one of this realm, with one listener however often it is given', () => {
  const own = new AbortController().signal
  expect(foreignSignal(own)).toBe(own)
  const polyfill = new Polyfill()
  const [signal, again] = [foreignSignal(polyfill), foreignSignal(polyfill)]
  expect(again).toBe(signal)
  expect(polyfill.listeners).toHaveLength(1)
  expect(signal.aborted).toBe(false)
  polyfill.abort()
  expect(signal.aborted).toBe(true)
  expect(() => signal.throwIfAborted()).toThrow(expect.objectContaining({ name: 'AbortError' }))
  const late = new Polyfill()
  late.abort()
  expect(foreignSignal(late).aborted).toBe(true)
})

it('waits for work or the signal, whichever comes first, and hands on what comes late', async () => {
  const controller = new AbortController()
  const late = vi.fn()
  expect(await orAborted(undefined, () => 1, late)).toBe(1)
  expect(await orAborted(controller.signal, async () => 2, late)).toBe(2)
  await expect(
    orAborted(controller.signal, () => Promise.reject(new Error('its own')), late),
  ).rejects.toThrow('its own')
  const fails = () => {
    throw new Error('at once')
  }
  await expect(orAborted(controller.signal, fails, late)).rejects.toThrow('at once')
  let finish = (_value: string) => {}
  const work = new Promise<string>((resolve) => {
    finish = resolve
  })
  const waiting = orAborted(controller.signal, () => work, late)
  controller.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  expect(late).not.toHaveBeenCalled()
  finish('after all')
  await vi.waitFor(() => expect(late).toHaveBeenCalledExactlyOnceWith('after all'))
  await expect(orAborted(controller.signal, () => 3, late)).rejects.toThrow('enough')
})
