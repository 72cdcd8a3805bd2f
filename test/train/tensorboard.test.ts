import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { datasets } from '../../src/data/index.js'
import { tfRecord } from '../../src/files/tfrecord.js'
import type { TrainOptions } from '../../src/train/options.js'
import { crc, readEventFile, records } from './event-file.js'
import { eventsOf, home, newOut, SMALL } from './runs.js'

const OPTIONS = { validation: 0.2, evaluateEvery: 10, evaluationCount: 20, sampleEvery: 10 }

async function collect(options: Partial<TrainOptions> & { out: string }) {
  return eventsOf({ ...SMALL, data: await datasets.toy('two-moons', { count: 300 }), ...options })
}

const eventFiles = (out: string) =>
  readdirSync(out)
    .filter((name) => name.includes('tfevents'))
    .sort()
const logOf = (out: string) =>
  readFileSync(join(out, 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

/** Two sittings of a run. */
async function twice(): Promise<string> {
  const out = newOut()
  await collect({ ...OPTIONS, out, steps: 20 })
  await collect({ ...OPTIONS, out, steps: 30, resume: true })
  return out
}

describe('a record', () => {
  it('has checksums that others find, too', () => {
    expect(crc(Buffer.from('123456789'))).toBe(0xe3069283n) // of RFC 3720's polynomial, as everybody has it
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 3 }), (data) => {
        const file = Buffer.concat(data.map((each) => tfRecord(each)))
        expect(records(file).map((each) => Uint8Array.from(each))).toEqual(
          data.map((each) => Uint8Array.from(each)),
        )
      }),
      { numRuns: 30 },
    )
    const broken = tfRecord(Buffer.from('whole'))
    broken[14]! ^= 1
    expect(() => records(broken)).toThrow('wrong data')
  })
})

describe('a run', () => {
  it("writes what its log says, and its pictures, as TensorBoard's events", async () => {
    const out = await twice()
    const files = eventFiles(out)
    expect(files.length).toBe(2)
    const [first, second] = files.map((name) => readEventFile(join(out, name)))
    for (const events of [first!, second!]) {
      expect(events[0]).toMatchObject({ version: 'brain.Event:2', step: 0 })
      for (const { wallTime } of events) expect(Math.abs(wallTime - Date.now() / 1000)).toBeLessThan(60)
    }
    // What the first says from step 21 on, if it says anything, is for TensorBoard to forget.
    expect(second![1]).toMatchObject({ restarts: true, step: 21 })
    const all = [...first!, ...second!]
    const scalars = all.flatMap(({ step, scalars }) =>
      Object.keys(scalars).length > 0 ? [{ step, scalars }] : [],
    )
    const float = Math.fround
    const expected = logOf(out).flatMap(
      ({ type, step, loss, gradientNorm, learningRate, validationLoss, distance }) => {
        if (type === 'step') {
          const training = { 'training/loss': float(loss), 'training/gradientNorm': float(gradientNorm) }
          return [
            {
              step,
              scalars: expect.objectContaining({ ...training, 'training/learningRate': float(learningRate) }),
            },
          ]
        }
        if (type === 'left-out') return []
        const evaluation = {
          ...(validationLoss !== undefined && { 'evaluation/validationLoss': float(validationLoss) }),
        }
        const distances = distance ? { 'evaluation/distance/value': float(distance.value) } : {}
        return [{ step, scalars: expect.objectContaining({ ...evaluation, ...distances }) }]
      },
    )
    expect(scalars).toEqual(expected)
    const images = all.flatMap(({ step, images }) => images.map((image) => ({ step, ...image })))
    expect(images.map(({ step }) => step)).toEqual([10, 20, 30])
    const picture = readFileSync(join(out, 'samples', 'step-0000010.png'))
    expect(images[0]!.png.equals(picture)).toBe(true)
    expect(images[0]).toMatchObject({ tag: 'samples', height: 512, width: 512 })
    expect(images.at(-1)!.png.equals(readFileSync(join(out, 'samples.png')))).toBe(true)
  })

  const READER = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
run = EventAccumulator(sys.argv[1], size_guidance={'scalars': 0, 'images': 0})
run.Reload()
tags = run.Tags()
print(json.dumps({
    'scalars': {tag: [[e.step, e.value] for e in run.Scalars(tag)] for tag in tags['scalars']},
    'images': [[e.step, e.width, e.height, len(e.encoded_image_string)] for e in run.Images('samples')],
}))`

  it.runIf(process.env.PFGM_LONG)(
    'is read by TensorBoard itself (only by `npm run test:long`, as it is installed for that)',
    { timeout: 600_000 },
    async () => {
      const call = promisify(execFile)
      const environment = join(home, 'tensorboard')
      await call('python3', ['-m', 'venv', environment])
      await call(join(environment, 'bin/pip'), ['install', '--quiet', 'tensorboard'])
      const out = await twice()
      const { stdout } = await call(join(environment, 'bin/python'), ['-c', READER, out])
      const { scalars, images } = JSON.parse(stdout)
      const losses = logOf(out).flatMap(({ type, step, loss }) =>
        type === 'step' ? [[step, Math.fround(loss)]] : [],
      )
      expect(scalars['training/loss']).toEqual(losses)
      expect(scalars['evaluation/validationLoss'].map(([step]: [number]) => step)).toEqual([10, 20, 30])
      const size = readFileSync(join(out, 'samples.png')).length
      expect(images.at(-1)).toEqual([30, 512, 512, size])
    },
  )
})
