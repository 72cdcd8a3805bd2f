import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { readHeader } from '../../src/checkpoint/safetensors.js'
import { datasets } from '../../src/data/index.js'
import type { EvaluationEvent, TrainEvent } from '../../src/train/events.js'
import type { TrainOptions } from '../../src/train/options.js'
import { train } from '../../src/train/train.js'

/** For all tests of a file, gone after them. */
export const home = mkdtempSync(join(tmpdir(), 'pfgm-train-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

let runs = 0

/** A run folder that is not there yet. */
export const newOut = (): string => join(home, `run-${runs++}`)

/** A training of points in the plane that takes no time. */
export const SMALL = {
  network: { kind: 'mlp', dimensions: 2, width: 16, depth: 1 },
  steps: 12,
  batchSize: 64,
  smallBatchSize: 16,
  sampleEvery: 0,
} as const

/** All that happens in a run, to its end. */
export async function eventsOf(options: TrainOptions): Promise<TrainEvent[]> {
  const events: TrainEvent[] = []
  for await (const event of train(options)) events.push(event)
  return events
}

/** Points in space, as those in the plane are drawn at every end. */
export const spacePoints = (count: number, change = (value: number, _place: number) => value) =>
  datasets.array(
    Float32Array.from({ length: 3 * count }, (_, i) => change(Math.sin(i * i), Math.floor(i / 3))),
    [3],
  )
export const SPACE_NETWORK = { ...SMALL.network, dimensions: 3 } as const

/** All that happens in a small run on them. */
export async function spaceEvents(options: Partial<TrainOptions>): Promise<TrainEvent[]> {
  const data = options.data ?? (await spacePoints(300))
  const usual = { ...SMALL, network: SPACE_NETWORK, evaluationCount: 0 }
  return eventsOf({ ...usual, data, out: newOut(), ...options })
}

export const evaluationsOf = (events: TrainEvent[]) =>
  events.filter((event): event is EvaluationEvent => event.type === 'evaluation')
export const warningsOf = (events: TrainEvent[]) =>
  events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))

/** The bytes of each tensor of a file whose name begins so, by the rest of the name. */
export async function tensors(path: string, prefix = ''): Promise<Map<string, string>> {
  const { entries, dataOffset } = await readHeader(path)
  const bytes = readFileSync(path).subarray(dataOffset)
  const own = [...entries.values()].filter(({ name }) => name.startsWith(prefix))
  return new Map(
    own.map(({ name, begin, end }) => [name.slice(prefix.length), bytes.toString('base64', begin, end)]),
  )
}
