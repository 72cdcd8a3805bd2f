import { usableCores } from '../../scripts/install/limits.js'
import { RunFolder } from '../checkpoint/run-folder.js'
import { lockRun } from '../checkpoint/run-lock.js'
import { writeWhole } from '../files/whole-file.js'
import { resolveDevice, setThreads } from '../native/device.js'
import { classesOf } from '../nn/config.js'
import { expectMeasured } from './best-metrics.js'
import { readTrainingCheckpoint, type TrainingCheckpoint } from './checkpoint.js'
import { identify } from './data-identity.js'
import type { TrainEvent } from './events.js'
import { type InitialModel, openInitialModel } from './initial-model.js'
import { hashOf } from './labels.js'
import { type TrainOptions, trainOptions } from './options.js'
import { type ResumedConfig, resumedConfig } from './resumed-config.js'
import { events } from './run.js'
import { askedFor, freshConfig, type LoadedData, loadData } from './run-config.js'
import { Trainer } from './trainer.js'
import { freshValidation, type LoadedValidation, loadValidation, withHeldOut } from './validation-data.js'

/**
 * Trains a Poisson flow (arXiv 2209.11178, algorithm 1) and yields what happens. Leaving the loop saves a checkpoint
 * first. The run folder is this training's alone until it ends, however it does.
 *
 * @throws PfgmError `ERR_PFGM_RUN_EXISTS`, `ERR_PFGM_RUN_BUSY`, `ERR_PFGM_DATA`, `ERR_PFGM_CHECKPOINT`,
 *   `ERR_PFGM_NOT_FINITE` (the last checkpoint is kept), `ERR_PFGM_IO`
 */
export async function* train(given: TrainOptions): AsyncGenerator<TrainEvent, void, void> {
  const options = trainOptions(given)
  options.signal?.throwIfAborted()
  const { signal, resume = false } = options
  const folder = new RunFolder(options.out)
  const goesOn = await folder.goesOn(resume)
  const device = resolveDevice(options.device)
  using _before = goesOn ? lockRun(folder.path) : undefined
  const resumed = goesOn ? await readTrainingCheckpoint(folder) : undefined
  const initial = goesOn ? undefined : await openInitialModel(options.initFrom)
  const threads = await setThreads(options.threads ?? recordedThreads(resumed))
  const data = await loadData(options.data)
  using _values = data.tensor
  const validation = await loadValidation(options.validation, data.shape)
  using _others = typeof validation === 'object' ? validation.tensor : undefined
  const { config, warnings } = await configFor(options, data, device, { resumed, initial, validation })
  expectMeasured(config.keepBest, { ...config, ...config.training })
  const { training, heldOut } = await withHeldOut(config, data, validation)
  using _training = training.tensor
  using _heldOut = heldOut?.tensor
  await folder.create()
  using _now = goesOn ? undefined : lockRun(folder.path)
  if (!goesOn) await folder.goesOn(false) // another may have been quicker
  await folder.removeUnfinished()
  using trainer = await Trainer.create(config.network, config.seed, device, config.emaRates.length)
  await resumed?.restore(trainer)
  await initial?.fill(trainer)
  await writeWhole(folder.config, `${JSON.stringify(config, null, 2)}\n`)
  for (const message of [
    ...(resumed?.warnings ?? []),
    ...(resumed?.differences(threads) ?? []),
    ...warnings,
    ...data.warnings,
    ...(typeof validation === 'object' ? validation.warnings : []),
  ]) {
    yield { type: 'warning', message }
  }
  const run = { folder, config, data: training, heldOut, trainer, threads, step: resumed?.step ?? 0 }
  yield* events({ ...run, asked: askedFor(options, config) }, signal)
}

async function configFor(
  options: TrainOptions,
  data: LoadedData,
  device: string,
  {
    resumed,
    initial,
    validation,
  }: {
    resumed: TrainingCheckpoint | undefined
    initial: InitialModel | undefined
    validation: LoadedValidation | undefined
  },
): Promise<ResumedConfig> {
  if (resumed) return resumedConfig(options, resumed.config, data, validation)
  const start = initial?.startFor(data, options)
  const config = freshConfig(options, data, device, start)
  const labelled = classesOf(config.network) > 0 && data.labels
  const labelsHash = labelled && { labelsHash: await hashOf(labelled) }
  const identity = await identify(data)
  const noted = await freshValidation(validation, identity)
  const warnings = [
    ...(initial && start ? [...initial.warnings, ...start.notes, ...initial.flowNotes(config.flow)] : []),
    ...noted.warnings,
  ]
  return { config: { ...config, ...identity, ...labelsHash, validation: noted.validation }, warnings }
}

/** Other numbers of threads give other bits, so a run keeps its own where the machine has as many. */
function recordedThreads(resumed: TrainingCheckpoint | undefined): number | undefined {
  return resumed && resumed.threads <= usableCores() ? resumed.threads : undefined
}
