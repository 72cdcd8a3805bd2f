import { appendFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { datasets } from '../../src/data/index.js'
import { train } from '../../src/train/train.js'
import { npyBytes } from '../data/npy-file.js'
import { temporaryFolders } from '../data/temporary.js'

const newFolder = temporaryFolders()
const PIXELS = Uint8Array.from({ length: 300 * 64 }, (_, i) => Math.imul(i + 7, 2654435761) >>> 24)
const SETTINGS = {
  network: { kind: 'mlp', dimensions: 64, width: 16, depth: 1 },
  steps: 6,
  batchSize: 32,
  smallBatchSize: 16,
  evaluationCount: 0,
} as const

async function pixelFile(folder: string): Promise<string> {
  const path = join(folder, 'pixels.npy')
  writeFileSync(path, npyBytes('|u1', [300, 64], PIXELS))
  return path
}

async function losses(options: Omit<Parameters<typeof train>[0], keyof typeof SETTINGS>): Promise<number[]> {
  const found: number[] = []
  for await (const event of train({ ...SETTINGS, ...options })) {
    if (event.type === 'step') found.push(event.loss)
  }
  return found
}

it('the whole data makes the field, from memory and from a file alike', async () => {
  const folder = await newFolder()
  const out = (name: string) => join(folder, name)
  const data = await datasets.array(PIXELS, [64])
  const inFile = await datasets.npy(await pixelFile(folder))
  const batch = await losses({ data, out: out('batch') })
  const full = await losses({ data, out: out('full'), fieldBatch: 'full' })
  const fromFile = await losses({ data: inFile, out: out('file'), fieldBatch: 'full' })
  expect(fromFile).toEqual(full)
  expect(full).not.toEqual(batch)
})

it('a data file that changes meanwhile ends training, and nothing more is saved', async () => {
  const folder = await newFolder()
  const path = await pixelFile(folder)
  const data = await datasets.npy(path)
  const events = train({ ...SETTINGS, steps: 1000, data, out: join(folder, 'run'), fieldBatch: 'full' })
  const steps = (async () => {
    for await (const event of events) {
      if (event.type === 'step' && event.step === 3) appendFileSync(path, 'more')
    }
  })()
  await expect(steps).rejects.toThrow('to stay as it is during training but it was changed')
  expect(readdirSync(join(folder, 'run', 'checkpoints'))).toEqual(['step-0000000.safetensors'])
})
