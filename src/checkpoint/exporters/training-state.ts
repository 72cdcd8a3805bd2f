import { z } from 'zod'
import { expectRoom } from '../../arguments/room.js'
import { PfgmError } from '../../errors.js'
import { readBytes } from '../../files/read.js'
import { isForeign } from '../foreign.js'
import { isFrequencies } from '../frequencies.js'
import { openModel, readJson } from '../model.js'
import { type Weight, weightsOf } from '../weights.js'
import type { Exported } from './exporter.js'

/** A parameter and what training keeps of it. */
export interface ParameterState extends Weight {
  /** Missing for one that is not trained. */
  readonly average?: Uint8Array
  /** Adam's moments. */
  readonly adam?: { readonly first: Uint8Array; readonly second: Uint8Array }
}

export interface TrainingState {
  /** In the network's order. */
  readonly parameters: readonly ParameterState[]
  readonly step: number
  readonly emaRate: number
  readonly learningRate: number
  /** Whether a training left it. */
  readonly isWhole: boolean
}

/** As published: for models whose file does not say how they were trained. */
const PUBLISHED = { learningRate: 2e-4, emaRate: 0.9999 }

const RUN = z.object({ training: z.object({ learningRate: z.number(), emaRate: z.number() }) })

/**
 * What a training would go on from: of a checkpoint all that it has, of any other model its weights, which are their own
 * average, and no moments.
 */
export async function trainingState(model: Exported): Promise<TrainingState> {
  const whole = model.source === undefined ? undefined : await ofCheckpoint(model, model.source)
  if (whole) return whole
  const weights = [...(await weightsOf(model.network)).values()]
  const parameters = weights.map((weight) => ({
    ...weight,
    ...(!isFrequencies(weight.name) && { average: weight.bytes }),
  }))
  return { parameters, step: model.config.step, ...PUBLISHED, isWhole: false }
}

async function ofCheckpoint(
  { network, config }: Exported,
  source: string,
): Promise<TrainingState | undefined> {
  if (await isForeign(source)) return undefined
  const { file, kind } = await openModel(source)
  if (kind === 'model') return undefined
  const run = RUN.safeParse(readJson(file.metadata.run))
  if (!run.success) {
    throw new PfgmError('ERR_PFGM_CHECKPOINT', `The run's settings in the header of ${source} are damaged`)
  }
  expectRoom(Math.max(...[...file.entries.values()].map(({ end }) => end)), `the checkpoint ${source}`)
  const bytes = await readBytes(source)
  const bytesOf = (name: string): Uint8Array => {
    const entry = file.entries.get(name)
    if (entry?.dtype !== 'F32') {
      throw new PfgmError('ERR_PFGM_CHECKPOINT', `${source} has no float32 tensor named ${name}`)
    }
    return bytes.subarray(file.dataOffset + entry.begin, file.dataOffset + entry.end)
  }
  const parameters = network.parameters().map(({ name, shape }) => {
    const weight = { name, shape, bytes: bytesOf(`model.${name}`) }
    if (isFrequencies(name)) return weight
    const adam = { first: bytesOf(`adam.m.${name}`), second: bytesOf(`adam.v.${name}`) }
    return { ...weight, average: bytesOf(`ema.${name}`), adam }
  })
  const { learningRate, emaRate } = run.data.training
  return { parameters, step: config.step, learningRate, emaRate, isWhole: true }
}
