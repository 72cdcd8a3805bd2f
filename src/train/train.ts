import { RunFolder } from '../checkpoint/run-folder.js'
import { writeWhole } from '../files/whole-file.js'
import { resolveDevice, setThreads } from '../native/device.js'
import { readTrainingCheckpoint } from './checkpoint.js'
import type { TrainEvent } from './events.js'
import { expectOptions, type TrainOptions } from './options.js'
import { events } from './run.js'
import { askedFor, freshConfig, loadData, resumedConfig } from './run-config.js'
import { Trainer } from './trainer.js'

/**
 * Trains a Poisson flow (arXiv 2209.11178, algorithm 1) and yields what happens. Leaving the loop saves a checkpoint
 * first.
 *
 * @throws PfgmError `ERR_PFGM_RUN_EXISTS`, `ERR_PFGM_RUN_BUSY`, `ERR_PFGM_DATA`, `ERR_PFGM_CHECKPOINT`,
 *   `ERR_PFGM_NOT_FINITE` (the last checkpoint is kept), `ERR_PFGM_IO`
 */
export async function* train(options: TrainOptions): AsyncGenerator<TrainEvent, void, void> {
  expectOptions(options)
  options.signal?.throwIfAborted()
  const { signal, resume = false } = options
  const folder = new RunFolder(options.out)
  if (resume) await folder.expectCheckpoint()
  else await folder.expectNoRun()
  const device = resolveDevice(options.device)
  const threads = await setThreads(options.threads)
  const data = await loadData(options.data)
  const resources: Disposable[] = [data.tensor]
  let unlock = (): void => {}
  try {
    const fresh = resume ? undefined : freshConfig(options, data, device)
    await folder.create()
    unlock = folder.lock()
    const resumed = resume ? await readTrainingCheckpoint(folder) : undefined
    const config = resumed ? resumedConfig(options, resumed.config, data) : fresh!
    const trainer = await Trainer.create(config.network, config.seed, device)
    resources.push(trainer)
    await resumed?.restore(trainer)
    await writeWhole(folder.config, `${JSON.stringify(config, null, 2)}\n`)
    for (const message of [...(resumed?.differences(threads) ?? []), ...data.warnings]) {
      yield { type: 'warning', message }
    }
    const run = { folder, config, data, trainer, threads, step: resumed?.step ?? 0 }
    yield* events({ ...run, asked: askedFor(options, config) }, signal)
  } finally {
    for (const resource of resources) resource[Symbol.dispose]()
    unlock()
  }
}
