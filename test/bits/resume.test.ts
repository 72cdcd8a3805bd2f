import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { BIN, sharedFolder, TINY_IMAGES } from '../cli/cli.js'

const folder = sharedFolder()

async function train(out: string, omp: string | undefined, ...options: string[]): Promise<void> {
  const { OMP_NUM_THREADS: _, ...env } = process.env
  const given = omp === undefined ? env : { ...env, OMP_NUM_THREADS: omp }
  const args = [BIN, 'train', ...TINY_IMAGES, '--out', join(folder, out), ...options]
  await promisify(execFile)(process.execPath, args, { env: given })
}

/** The bytes of all tensors of a run's fourth step. */
async function weights(out: string): Promise<Buffer> {
  const file = await readFile(join(folder, out, 'checkpoints', 'step-0000004.safetensors'))
  return file.subarray(8 + Number(file.readBigUInt64LE(0)))
}

it.each([
  ['1', undefined],
  ['2', undefined],
  ['3', undefined],
  ['2', '1'],
] as const)(
  'a run that goes on in another process has the bits of one without a break: %s threads, OMP_NUM_THREADS=%s',
  async (threads, omp) => {
    const name = `${threads}-${omp}`
    const options = ['--threads', threads, '--evaluation-count', '0', '--sample-every', '0']
    await train(`${name}-whole`, omp, ...options, '--steps', '4')
    await train(`${name}-broken`, omp, ...options, '--steps', '2')
    await train(`${name}-broken`, undefined, ...options, '--steps', '4', '--resume')
    const [whole, broken] = await Promise.all(['whole', 'broken'].map((each) => weights(`${name}-${each}`)))
    expect(whole!.length).toBeGreaterThan(10_000)
    expect(broken!.equals(whole!)).toBe(true)
  },
  240_000,
)
