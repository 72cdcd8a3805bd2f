import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { once } from '../../src/tuning/once.js'

describe('work that several want at the same time', () => {
  it('is done once, and again for those who come later', async () => {
    const owner = {}
    let done = 0
    const work = async () => {
      await delay(5)
      return ++done
    }
    const together = await Promise.all([1, 2, 3].map(() => once(owner, 'a', undefined, work)))
    expect(together).toEqual([1, 1, 1])
    expect(await once(owner, 'a', undefined, work)).toBe(2)
    expect(
      await Promise.all([once(owner, 'b', undefined, work), once({}, 'a', undefined, work)]),
    ).toHaveLength(2)
    expect(done).toBe(4)
  })

  it('is done by another where the first gives up, and only once', async () => {
    const owner = {}
    const started: string[] = []
    const work = (name: string, fails: boolean) => async () => {
      started.push(name)
      await delay(5)
      if (fails) throw new Error(`${name} gave up`)
      return name
    }
    const first = once(owner, 'a', undefined, work('first', true))
    const others = ['second', 'third'].map((name) => once(owner, 'a', undefined, work(name, false)))
    await expect(first).rejects.toThrow('first gave up')
    expect(await Promise.all(others)).toEqual(['second', 'second'])
    expect(started).toEqual(['first', 'second'])
  })

  it("a waiting one's signal ends its own wait alone", async () => {
    const owner = {}
    const abort = new AbortController()
    const first = once(owner, 'a', undefined, () => delay(20, 'done'))
    const waiting = once(owner, 'a', abort.signal, () => delay(20, 'again'))
    abort.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    expect(await first).toBe('done')
  })
})
