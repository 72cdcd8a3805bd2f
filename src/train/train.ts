import { RunFolder, writeWhole } from '../checkpoint/run-folder.js'
import type { Dataset } from '../data/dataset.js'
import { type Device, resolveDevice, setThreads } from '../device.js'
import type { PfgmSettings } from '../flow/pfgm.js'
import type { NetworkConfig } from '../nn/config.js'
import { readTrainingCheckpoint } from './checkpoint.js'
import type { Estimate } from './estimate.js'
import type { PresetName, TrainingSettings } from './presets.js'
import { Run } from './run.js'
import { freshConfig, loadData, resumedConfig } from './run-config.js'
import { Trainer } from './trainer.js'

export interface TrainOptions extends Partial<TrainingSettings> {
  data: Dataset
  /** The run's folder: made where it is not there; must not hold a run unless `resume`. */
  out: string
  /** Where settings come from that are not given; by the data's shape where not given. */
  preset?: PresetName
  network?: NetworkConfig
  flow?: Partial<PfgmSettings>
  /** Of the initial weights and of every draw: 0 to 2^64 - 1. Default 0. */
  seed?: number | bigint
  /** Whether to mirror items at random; as the data set says where not given. */
  mirror?: boolean
  /** Newest checkpoints that are kept. Default 3. */
  keep?: number
  /** Go on from the newest checkpoint in `out`, with the settings it was started with. */
  resume?: boolean
  device?: Device
  /** Threads of the CPU's kernels; all cores where not given. */
  threads?: number
  /** Stops training at the next step: a checkpoint is saved, then the iteration throws the signal's reason. */
  signal?: AbortSignal
}

export type TrainEvent =
  | {
      readonly type: 'start'
      readonly out: string
      readonly step: number
      readonly steps: number
      readonly parameterCount: number
      readonly flow: PfgmSettings
      readonly device: string
      readonly threads: number
      readonly estimate: Estimate
    }
  | { readonly type: 'warning'; readonly message: string }
  | {
      readonly type: 'step'
      readonly step: number
      readonly loss: number
      readonly gradientNorm: number
      readonly learningRate: number
      readonly imagesPerSecond: number
      readonly secondsLeft: number
    }
  | { readonly type: 'checkpoint'; readonly step: number; readonly path: string }
  | { readonly type: 'picture'; readonly step: number; readonly path: string }
  | EndEvent

export interface EndEvent {
  readonly type: 'end'
  readonly step: number
  readonly seconds: number
  /** A picture of samples, where they can be drawn: grey or colour images, points in the plane. */
  readonly picture?: string
  /** Energy distance of fresh samples to the data, with that of as many draws from the data itself beside it. */
  readonly distance?: { value: number; samples: number; floor: { mean: number; deviation: number } }
}

/**
 * Trains a Poisson flow (arXiv 2209.11178, algorithm 1) and yields what happens. Leaving the loop saves a checkpoint
 * first.
 *
 * @throws PfgmError `ERR_PFGM_RUN_EXISTS`, `ERR_PFGM_RUN_BUSY`, `ERR_PFGM_DATA`, `ERR_PFGM_CHECKPOINT`,
 *   `ERR_PFGM_NOT_FINITE` (the last checkpoint is kept), `ERR_PFGM_IO`
 */
export async function* train(options: TrainOptions): AsyncGenerator<TrainEvent, void, void> {
  options.signal?.throwIfAborted()
  const { signal, resume = false } = options
  const folder = new RunFolder(options.out)
  if (resume) await folder.expectCheckpoint()
  else await folder.expectNoRun()
  const device = resolveDevice(options.device)
  const threads = await setThreads(options.threads)
  const data = await loadData(options.data)
  const resources: Disposable[] = [data.tensor]
  let unlock = async (): Promise<void> => {}
  try {
    const fresh = resume ? undefined : freshConfig(options, data)
    await folder.create()
    unlock = await folder.lock()
    const resumed = resume ? await readTrainingCheckpoint(folder) : undefined
    const config = resumed ? resumedConfig(options, resumed.config, data) : fresh!
    const trainer = await Trainer.create(config.network, config.seed, device)
    resources.push(trainer)
    await resumed?.restore(trainer)
    await writeWhole(folder.config, `${JSON.stringify(config, null, 2)}\n`)
    const run = new Run(folder, config, data.tensor, trainer, device, threads, resumed?.step ?? 0)
    for (const message of [...(resumed?.differences(threads) ?? []), ...data.warnings]) {
      yield { type: 'warning', message }
    }
    yield* run.events(signal)
  } finally {
    for (const resource of resources) resource[Symbol.dispose]()
    await unlock()
  }
}
