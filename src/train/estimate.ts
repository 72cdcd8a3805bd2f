import { availableMemory } from '../../scripts/install/limits.js'
import { memory } from '../native/device.js'
import type { TrainingSettings } from './presets.js'
import type { Trainer } from './trainer.js'

/** What the rest of a training run will take, from one or two steps that are measured and not taken. */
export interface Estimate {
  readonly secondsPerStep: number
  readonly seconds: number
  /** Memory of the process at its peak. */
  readonly memoryBytes: number
  /** Memory that the machine, or the container's limit, leaves now, what the process has included. */
  readonly availableBytes: number
}

/** Below this a step on two points is quick enough to measure one on the whole batch. */
const QUICK_SECONDS = 0.05
/** Bytes a parameter in an optimizer step beyond what the trainer holds already. */
const STEP_BYTES_A_PARAMETER = 4

export async function estimate(
  trainer: Trainer,
  probe: (count: number) => ReturnType<Trainer['probe']>,
  settings: TrainingSettings,
  done: number,
): Promise<Estimate> {
  const { smallBatchSize, steps } = settings
  let count = Math.min(2, smallBatchSize)
  await probe(count) // the first call sets kernels up
  let cost = await probe(count)
  if (cost.seconds < QUICK_SECONDS) {
    count = smallBatchSize
    cost = await probe(count)
  }
  const scale = smallBatchSize / count
  const { resident, peak } = memory()
  const activations = cost.activationBytes * scale * 1.5 // the backward pass adds to what the forward pass kept
  return {
    secondsPerStep: cost.seconds * scale,
    seconds: cost.seconds * scale * (steps - done),
    memoryBytes: Math.max(peak, resident + activations + trainer.parameterCount * STEP_BYTES_A_PARAMETER),
    availableBytes: availableMemory() + resident,
  }
}
