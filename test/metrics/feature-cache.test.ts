import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { evaluate } from '../../src/metrics/evaluate.js'
import { FeatureNetwork } from '../../src/metrics/feature-network.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { goldenPath } from '../golden.js'

const root = await mkdtemp(join(tmpdir(), 'pfgm-feature-cache-'))
afterAll(() => rm(root, { recursive: true }))
afterEach(() => vi.restoreAllMocks())

const pictures = (count: number, seed: number) =>
  Tensor.from<'uint8'>(
    Uint8Array.from({ length: count * 12 }, (_, i) => (seed + i * 37) % 251),
    [count, 3, 2, 2],
  )
const samples = await pictures(300, 1)
const data = await pictures(600, 2)
const training = await pictures(400, 3)

/** Scores with a cache, and how many pictures the network saw for them. */
async function score(cache: string, against = data, name = 'both') {
  using features = await FeatureNetwork.load(goldenPath(`features/${name}.pt`))
  const sees = vi.spyOn(features, 'of')
  const found = await evaluate(samples, against, { features, training, cache })
  return { found, seen: sees.mock.calls.reduce((sum, [{ shape }]) => sum + shape[0]!, 0) }
}

describe('what features see in data', () => {
  it('is looked at once, and scores are the same', async () => {
    const cache = join(root, 'once')
    using features = await FeatureNetwork.load(goldenPath('features/both.pt'))
    const without = await evaluate(samples, data, { features, training })
    const first = await score(cache)
    const second = await score(cache)
    expect(first).toEqual({ found: without, seen: 300 + 600 + 300 })
    expect(second).toEqual({ found: without, seen: 300 })
  })

  it('is that of the very data and network', async () => {
    const cache = join(root, 'whose')
    await score(cache)
    expect((await score(cache, await pictures(600, 4))).seen).toBe(300 + 600)
    expect((await score(cache, data, 'asked')).seen).toBe(300 + 600 + 300)
  })

  it('is not kept where nothing can be written, which changes nothing else', async () => {
    const file = join(root, 'file')
    await writeFile(file, 'in the way of a folder')
    const { found } = await score(join(root, 'elsewhere'))
    expect(await score(join(file, 'cache'))).toEqual({ found, seen: 300 + 600 + 300 })
  })

  it('is looked at again where its file is damaged', async () => {
    const cache = join(root, 'damaged')
    const { found } = await score(cache)
    for (const name of await readdir(cache)) await truncate(join(cache, name), 100)
    expect(await score(cache)).toEqual({ found, seen: 300 + 600 + 300 })
    for (const name of await readdir(cache)) await writeFile(join(cache, name), 'something else')
    expect(await score(cache)).toEqual({ found, seen: 300 + 600 + 300 })
    expect((await score(cache)).seen).toBe(300)
  })
})
