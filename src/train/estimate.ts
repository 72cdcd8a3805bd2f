import { availableMemory } from '../../scripts/install/limits.js'
import { memory } from '../native/device.js'
import type { TrainingSettings } from './presets.js'
import type { Trainer } from './trainer.js'

/** What the rest of a training run will take, from one or two steps that are measured and not taken. */
export interface Estimate {
  /** Seconds that a step takes. */
  readonly secondsPerStep: number
  /** Seconds that all steps to come take. */
  readonly seconds: number
  /** Memory of the process at its peak. */
  readonly memoryBytes: number
  /** Memory that the machine, or the container's limit, leaves now, what the process has included. */
  readonly availableBytes: number
}

/** Up to this long a step on the whole batch is measured. A few items alone take up to twice their share of one. */
const WHOLE_STEP_SECONDS = 3
/** Bytes a parameter in an optimizer step beyond what the trainer holds already. */
const STEP_BYTES_A_PARAMETER = 4

export async function estimate(
  trainer: Trainer,
  probe: (count: number) => ReturnType<Trainer['probe']>,
  settings: TrainingSettings,
  done: number,
): Promise<Estimate> {
  const { smallBatchSize, accumulate, steps } = settings
  const atOnce = Math.ceil(smallBatchSize / accumulate)
  const { resident } = memory()
  const availableBytes = availableMemory() + resident
  const measure = async (count: number) => {
    const { seconds, activationBytes } = await probe(count)
    const scale = smallBatchSize / count
    const activations = activationBytes * (atOnce / count) * 1.5 // the backward pass adds to what the forward pass kept
    const bytes = resident + activations + trainer.parameterCount * STEP_BYTES_A_PARAMETER
    return { seconds: seconds * scale, memoryBytes: Math.max(memory().peak, bytes) }
  }
  const few = Math.min(2, atOnce)
  await probe(few) // the first call sets kernels up
  let step = await measure(few)
  if (step.seconds < WHOLE_STEP_SECONDS && step.memoryBytes < availableBytes) step = await measure(atOnce)
  return {
    secondsPerStep: step.seconds,
    seconds: step.seconds * (steps - done),
    memoryBytes: step.memoryBytes,
    availableBytes,
  }
}
