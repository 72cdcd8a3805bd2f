import { z } from 'zod'
import { oneOf } from '../arguments/schema.js'
import { modelMetadata } from '../checkpoint/model.js'
import { newestCheckpoint, passingOver } from '../checkpoint/newest.js'
import type { RunFolder } from '../checkpoint/run-folder.js'
import { type Safetensors, writeTensors } from '../checkpoint/safetensors.js'
import { PfgmError } from '../errors.js'
import { flowSettingsSchema } from '../flow/kinds.js'
import { info } from '../native/device.js'
import { PRECISIONS } from '../native/precision.js'
import { readTensors } from '../native/read-tensors.js'
import { networkConfigSchema } from '../nn/config.js'
import { BEST_METRICS } from './best-metrics.js'
import { LEARNING_RATE_SCHEDULES } from './optimizer.js'
import { FIELD_BATCHES } from './presets.js'
import type { Trainer } from './trainer.js'

const runConfigSchema = z.object({
  preset: z.string(),
  /** The model that the run started from, as it was named. */
  initFrom: z.string().optional(),
  /** Name of the data, number and shape of its items, and a hash of their bytes, which early versions do not have. */
  data: z.string(),
  dataHash: z.string().optional(),
  count: z.number().int().positive(),
  shape: z.array(z.number().int().positive()),
  /** Names of the classes that are learned, where they have any. */
  classes: z.array(z.string()).optional(),
  /** Of the labels, where they are learned. */
  labelsHash: z.string().optional(),
  network: networkConfigSchema,
  flow: flowSettingsSchema,
  training: z.object({
    steps: z.number(),
    batchSize: z.number(),
    smallBatchSize: z.number(),
    accumulate: z.number().default(1),
    checkpointActivations: z.boolean().default(false),
    precision: z.enum(PRECISIONS).default('float32'),
    fieldBatch: z.enum(FIELD_BATCHES).default('batch'),
    learningRate: z.number(),
    learningRateSchedule: oneOf(LEARNING_RATE_SCHEDULES).default('constant'),
    warmup: z.number(),
    clipNorm: z.number(),
    emaRate: z.number(),
    labelDropout: z.number().default(0.1),
    checkpointEvery: z.number(),
    evaluateEvery: z.number().default(0),
    sampleEvery: z.number(),
    evaluationCount: z.number(),
  }),
  /** In decimal, as it may exceed what a JSON number holds. */
  seed: z.string().regex(/^\d+$/),
  mirror: z.boolean(),
  keep: z.number(),
  emaRates: z.array(z.number()).default([]),
  keepBest: oneOf(BEST_METRICS).optional(),
  /** The share of the data that is held out, or the data that are. */
  validation: z
    .union([z.number(), z.object({ data: z.string(), count: z.number(), dataHash: z.string() })])
    .optional(),
})

/** All settings of a run: `config.json`, and part of every checkpoint. */
export type RunConfig = z.infer<typeof runConfigSchema>

/** What the bits of a run depend on beside its settings. */
const machineSchema = z.object({ threads: z.number(), instructions: z.string() })
type Machine = z.infer<typeof machineSchema>

/** Writes network, averaged weights, optimizer state and settings; draws are functions of seed and step alone. */
export async function writeTrainingCheckpoint(
  trainer: Trainer,
  folder: RunFolder,
  config: RunConfig,
  step: number,
  machine: Machine,
): Promise<void> {
  const { network, flow, data, classes } = config
  await writeTensors(trainer.handle, folder.checkpoint(step), {
    ...modelMetadata('checkpoint', { network, flow, data, step, ...(classes && { classes }) }),
    run: JSON.stringify(config),
    machine: JSON.stringify(machine),
  })
}

export interface TrainingCheckpoint {
  readonly step: number
  readonly config: RunConfig
  /** Threads it was written with. */
  readonly threads: number
  /** What there is to say of newer ones, which are not whole. */
  readonly warnings: readonly string[]
  /** Brings a trainer to the checkpoint's state. */
  restore(trainer: Trainer): Promise<void>
  /** Why the run will not go on to the same bits here, if it won't. */
  differences(threads: number): string[]
}

/**
 * The newest whole checkpoint of a run; newer ones are set aside, as those that the run writes from now on come before
 * them.
 */
export async function readTrainingCheckpoint(folder: RunFolder): Promise<TrainingCheckpoint | undefined> {
  const newest = await newestCheckpoint(folder)
  if (newest === undefined) return undefined
  const { file, config: model } = newest.model
  const { config, machine } = readRun(file)
  for (const { step } of newest.passedOver) await folder.setAside(step)
  return {
    step: model.step,
    config,
    threads: machine.threads,
    warnings: passingOver(newest),
    restore: (trainer) => readTensors(trainer.handle, file),
    differences(threads) {
      const { instructions } = info()
      return [
        ...(threads === machine.threads ? [] : [`${machine.threads} threads then, ${threads} now`]),
        ...(instructions === machine.instructions
          ? []
          : [`${machine.instructions} then, ${instructions} now`]),
      ].map((what) => `The run goes on, but not to the same bits as without a break: ${what}`)
    },
  }
}

function readRun({ path, metadata }: Safetensors): { config: RunConfig; machine: Machine } {
  try {
    return {
      config: runConfigSchema.parse(JSON.parse(metadata.run ?? '')),
      machine: machineSchema.parse(JSON.parse(metadata.machine ?? '')),
    }
  } catch (error) {
    throw new PfgmError('ERR_PFGM_CHECKPOINT', `The run's settings in the header of ${path} are damaged`, {
      cause: error,
    })
  }
}
