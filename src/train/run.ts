import type { TrainEvent } from './events.js'
import { widthOf } from './fit.js'
import { TrainingLoop } from './loop.js'
import { type Recorded, Recorder } from './recorder.js'

/** A training run: its steps, and what is recorded of them. */
export async function* events(
  run: Recorded,
  signal: AbortSignal | undefined,
): AsyncGenerator<TrainEvent, void, void> {
  const { folder, config, data, trainer, threads, step } = run
  const began = performance.now()
  const loop = new TrainingLoop(config, data, trainer, step)
  const recorder = new Recorder(run)
  // A run that is stopped at once can be gone on with, too.
  if (step === 0) await recorder.save(0)
  const { preset, network, training } = config
  const width = widthOf(preset, network, training.smallBatchSize)
  yield {
    type: 'start',
    out: folder.path,
    step,
    steps: training.steps,
    parameterCount: trainer.parameterCount,
    ...(width && { width }),
    flow: config.flow,
    device: trainer.device,
    threads,
    estimate: await loop.estimate(signal),
  }
  yield* recordedSteps(loop, recorder, signal)
  if (!loop.finished) {
    yield { type: 'checkpoint', step: loop.step, path: recorder.checkpoint }
    throw signal?.reason ?? new Error('training stopped')
  }
  yield* recorder.end(loop.step, began, loop.step * loop.secondsPerStep, signal)
}

async function* recordedSteps(
  loop: TrainingLoop,
  recorder: Recorder,
  signal: AbortSignal | undefined,
): AsyncGenerator<TrainEvent, void, void> {
  let failed = false
  try {
    for await (const event of loop.steps(signal)) {
      await recorder.logStep(event)
      yield event
      yield* recorder.due(event, loop.secondsPerStep, signal)
    }
  } catch (error) {
    failed = true
    throw recorder.failure(error)
  } finally {
    // Reached at the end, on an abort, and when the caller leaves the loop.
    if (!failed && recorder.saved !== loop.step) await recorder.save(loop.step)
  }
}
