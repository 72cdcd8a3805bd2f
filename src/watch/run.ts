import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { RunFolder } from '../checkpoint/run-folder.js'
import { isClaimed } from '../checkpoint/run-lock.js'
import type { RunSummary } from './answers.js'
import { idOf, readTail } from './log.js'

const PICTURE = /^step-(\d+)\.png$/

/** What a summary has of a configuration, which another version of the package may have written. */
const configSchema = z.object({
  data: z.string().catch(''),
  shape: z.array(z.number()).catch([]),
  flow: z.object({ kind: z.string().catch('pfgm') }).catch({ kind: 'pfgm' }),
  training: z.object({ steps: z.number().catch(0) }).catch({ steps: 0 }),
})

/** The configuration of the run in a folder; undefined where there is none, or what it is cannot be told yet. */
export async function readConfig(path: string): Promise<object | undefined> {
  try {
    const config: unknown = JSON.parse(await readFile(new RunFolder(path).config, 'utf8'))
    return typeof config === 'object' && config !== null && 'training' in config ? config : undefined
  } catch {
    return undefined
  }
}

/** What is known of the run in a folder; undefined where there is none. */
export async function summaryOf(name: string, path: string): Promise<RunSummary | undefined> {
  const folder = new RunFolder(path)
  const config = await readConfig(path)
  const self = await stat(path).catch(() => undefined)
  if (!config || !self) return undefined
  const { data, shape, flow, training } = configSchema.parse(config)
  const { size, time, last } = await readTail(folder.log)
  const final = await stat(folder.finalPicture).catch(() => undefined)
  const checkpoint = (await folder.checkpoints()).at(-1)
  const isTraining = isClaimed(path, time)
  return {
    name,
    id: idOf(self),
    state: isTraining ? 'training' : last?.type === 'end' ? 'ended' : 'stopped',
    data,
    flow: flow.kind,
    steps: training.steps,
    shape,
    step: Math.max(Number(last?.step ?? 0), checkpoint ?? 0),
    ...(isTraining && typeof last?.secondsLeft === 'number' && { secondsLeft: last.secondsLeft }),
    logBytes: size,
    pictures: await picturesOf(path),
    ...(final && { finalPicture: Math.trunc(final.mtimeMs) }),
    ...(checkpoint !== undefined && { checkpoint }),
  }
}

async function picturesOf(path: string): Promise<number[]> {
  const names = await readdir(join(path, 'samples')).catch(() => [])
  return names
    .flatMap((name) => PICTURE.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
}
