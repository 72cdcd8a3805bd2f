import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const SCRIPT = fileURLToPath(new URL('draw.mjs', import.meta.url))

interface Drawn {
  readonly first: string[]
  readonly concurrent: string[]
  readonly again: string[]
  readonly likelihoods: string
}

/** @param threads as asked for; 0 leaves them to the environment */
async function draw(threads: number, omp: string | undefined): Promise<Drawn> {
  const { OMP_NUM_THREADS: _, ...env } = process.env
  const given = omp === undefined ? env : { ...env, OMP_NUM_THREADS: omp }
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, String(threads)], { env: given })
  return JSON.parse(stdout) as Drawn
}

it('what a seed gives is the same to the last bit in every process, by however many threads, from the first call on', async () => {
  const reference = await draw(1, undefined)
  expect(reference.again).toEqual(reference.first)
  expect(reference.concurrent).toEqual(Array.from({ length: 64 }, (_, i) => reference.first[i % 24]))
  const others = [
    [2, undefined],
    [3, undefined],
    [2, '1'],
    [2, '3'],
    [0, undefined],
    [0, '2'],
  ] as const
  for (const [threads, omp] of others) {
    expect(await draw(threads, omp), `${threads} threads, OMP_NUM_THREADS=${omp}`).toEqual(reference)
  }
}, 240_000)
