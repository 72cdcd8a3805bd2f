import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { datasets, type NetworkConfig, setThreads, type TrainOptions, train } from '../../src/index.js'
import { preset } from '../../src/train/presets.js'

const folder = mkdtempSync(join(tmpdir(), 'pfgm-stop-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A run whose steps take seconds. */
async function slowRun(out: string): Promise<TrainOptions> {
  const pixels = Uint8Array.from({ length: 64 * 32 * 32 }, (_, i) => (i * 7919) % 256)
  const network = { ...preset('digits').network, imageSize: 32, nf: 64 } as NetworkConfig
  const data = await datasets.array(pixels, [1, 32, 32])
  return {
    data,
    out: join(folder, out),
    network,
    steps: 2,
    batchSize: 64,
    smallBatchSize: 64,
    evaluationCount: 0,
  }
}

it('a signal ends training in the middle of a step, which is not taken, and frees the native thread', async () => {
  const controller = new AbortController()
  const options = await slowRun('middle')
  const events = train({ ...options, signal: controller.signal })
  let secondsPerStep = 0
  for (;;) {
    const { value } = await events.next()
    if (value?.type !== 'start') continue
    secondsPerStep = value.estimate.secondsPerStep
    break
  }
  const first = readFileSync(join(options.out, 'config.json'))
  const reason = new Error('enough')
  let aborted = 0
  setTimeout(() => {
    aborted = performance.now()
    controller.abort(reason)
  }, 300 * secondsPerStep)
  const rest = async () => {
    const types: string[] = []
    for await (const { type, step } of events as AsyncIterable<{ type: string; step?: number }>)
      types.push(`${type} ${step}`)
    return types
  }
  await expect(rest()).rejects.toBe(reason)
  await setThreads()
  expect((performance.now() - aborted) / 1000).toBeLessThan(secondsPerStep / 2)
  expect(readdirSync(join(options.out, 'checkpoints'))).toEqual(['step-0000000.safetensors'])
  expect(readFileSync(join(options.out, 'config.json'))).toEqual(first)

  // What was saved is the run's beginning, to the bit.
  const whole = await slowRun('whole')
  for await (const { type } of train(whole)) if (type === 'start') break
  const [middle, begun] = [options, whole].map(({ out }) =>
    readFileSync(join(out, 'checkpoints', 'step-0000000.safetensors')),
  )
  expect(middle!.equals(begun!)).toBe(true)
})
