import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { PfgmError } from '../../src/errors.js'
import { type MeasuredSolver, type SearchedSchedule, SolverCache } from '../../src/tuning/solver-cache.js'
import { temporaryFolders } from '../data/temporary.js'

const temporaryFolder = temporaryFolders()

function schedule(steps: number): SearchedSchedule {
  const heights = Array.from({ length: steps + 1 }, (_, i) => 4 - i / steps)
  const figures = {
    mean: 0.01,
    standardError: 0.002,
    median: 0.005,
    percentile90: 0.02,
    percentile99: Number.POSITIVE_INFINITY,
  }
  return { solver: 'dpm2m', steps, heights, count: 3, seed: '9', ...figures }
}

/** A solver that broke down. */
const MEASURED: MeasuredSolver = {
  solver: 'dpm2m karras',
  settings: { solver: 'dpm2m', schedule: 'karras', steps: 6 },
  evaluations: 6,
  mean: Number.POSITIVE_INFINITY,
  standardError: Number.POSITIVE_INFINITY,
}

async function modelFile(): Promise<{ model: string; cache: string }> {
  const folder = await temporaryFolder()
  const model = join(folder, 'points.safetensors')
  await writeFile(model, 'the weights')
  return { model, cache: join(folder, 'points.schedules.json') }
}

const stepsOf = async (cache: SolverCache) => (await cache.content()).schedules.map(({ steps }) => steps)

describe("what was searched and measured for a model's file", () => {
  it('lies beside it, and is there for the next to come, infinities too', async () => {
    const { model, cache } = await modelFile()
    await new SolverCache(model).add({ schedules: [schedule(6)] })
    expect(await readdir(dirname(cache))).toEqual(['points.safetensors', 'points.schedules.json'])
    expect((await new SolverCache(model).content()).schedules).toEqual([schedule(6)])
  })

  it('lies in the run folder of a checkpoint', async () => {
    const { model } = await modelFile()
    await new SolverCache(model, dirname(model)).add({ schedules: [schedule(6)] })
    expect(await readdir(dirname(model))).toEqual(['points.safetensors', 'schedules.json'])
  })

  it('is forgotten where the file has become another', async () => {
    const { model } = await modelFile()
    await new SolverCache(model).add({ schedules: [schedule(6)] })
    await writeFile(model, 'other weights')
    expect(await stepsOf(new SolverCache(model))).toEqual([])
    await new SolverCache(model).add({ schedules: [schedule(5)] })
    expect(await stepsOf(new SolverCache(model))).toEqual([5])
  })

  it('keeps what others add, and the newer of two for the same', async () => {
    const { model } = await modelFile()
    const [one, other] = [new SolverCache(model), new SolverCache(model)]
    await Promise.all([one.content(), other.content()])
    await one.add({ schedules: [schedule(6)], comparison: [MEASURED] })
    await other.add({ schedules: [schedule(5), { ...schedule(6), mean: 0.5 }] })
    expect(await new SolverCache(model).content()).toEqual({
      schedules: [schedule(5), { ...schedule(6), mean: 0.5 }],
      comparison: [MEASURED],
    })
  })

  it.each([
    ['half a file', (text: string) => text.slice(0, text.length / 2)],
    ['heights that are none', (text: string) => text.replace('"heights":[4,', '"heights":["4",')],
    ['something else', () => '{"name": "mine"}'],
  ])('is not read from %s, which stays as it is', async (_, spoil) => {
    const { model, cache } = await modelFile()
    await new SolverCache(model).add({ schedules: [schedule(6)] })
    const spoilt = spoil(await readFile(cache, 'utf8'))
    await writeFile(cache, spoilt)
    for (const use of ['content', 'add'] as const) {
      await expect(new SolverCache(model)[use]({ schedules: [schedule(5)] })).rejects.toSatisfy(
        (error) =>
          error instanceof PfgmError &&
          error.code === 'ERR_PFGM_DATA' &&
          /points\.schedules\.json .* delete it or move it away/.test(error.message),
      )
    }
    expect(await readFile(cache, 'utf8')).toBe(spoilt)
  })

  it('stays in memory where there is no file', async () => {
    const cache = new SolverCache()
    await cache.add({ schedules: [schedule(6)] })
    expect(await stepsOf(cache)).toEqual([6])
  })
})

const isRoot = process.getuid?.() === 0
if (isRoot) console.log('Skipped: a folder that may not be written to, as root may write everywhere')
describe.skipIf(isRoot)('where nothing may be written beside the model', () => {
  const before = process.env.PFGM_CACHE
  afterEach(() => {
    if (before === undefined) delete process.env.PFGM_CACHE
    else process.env.PFGM_CACHE = before
  })

  it('it lies in the cache folder', async () => {
    const { model } = await modelFile()
    const folder = join(await temporaryFolder(), 'cache')
    await mkdir(folder)
    process.env.PFGM_CACHE = folder
    await chmod(dirname(model), 0o500)
    try {
      await new SolverCache(model).add({ schedules: [schedule(6)] })
      expect(await stepsOf(new SolverCache(model))).toEqual([6])
      expect(await readdir(join(folder, 'schedules'))).toHaveLength(1)
    } finally {
      await chmod(dirname(model), 0o700)
    }
  })

  it('it stays in memory where the cache folder cannot be made either', async () => {
    const { model } = await modelFile()
    const file = join(await temporaryFolder(), 'file')
    await writeFile(file, 'in the way of a folder')
    process.env.PFGM_CACHE = join(file, 'cache')
    await chmod(dirname(model), 0o500)
    try {
      const cache = new SolverCache(model)
      await cache.add({ schedules: [schedule(6)] })
      expect(await stepsOf(cache)).toEqual([6])
    } finally {
      await chmod(dirname(model), 0o700)
    }
  })
})
