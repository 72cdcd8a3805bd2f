import type { AnyDataset } from '../data/dataset.js'
import type { ImageTensor } from '../model/images.js'
import type { PoissonFlow } from '../poisson-flow.js'
import type { Part, PartKind, PartOf } from './figures.js'
import type { ComparedFlow } from './flows.js'
import type { NetworkName } from './networks.js'
import type { Plan } from './plan.js'

/** Which of all models. */
export interface ModelName {
  readonly network: NetworkName
  readonly flow: ComparedFlow
  readonly seed: number
}

/** What jobs work with. */
export interface Workshop {
  readonly plan: Plan
  readonly folder: string
  readonly threads: number
  readonly data: AnyDataset
  /** All items. */
  readonly items: ImageTensor
  /** Those of them that samples are compared with. */
  readonly compared: ImageTensor
  /** Parts that were measured before. */
  readonly parts: <K extends PartKind>(kind: K) => PartOf<K>[]
  /** A model that was trained before; not to be disposed of. */
  readonly model: (name: ModelName) => Promise<PoissonFlow>
  readonly signal: AbortSignal | undefined
  /** @param fraction of the job, 0 to 1 */
  readonly onProgress: (fraction: number) => void
}

/** What measures a part. */
export interface Job {
  /** Its place in the figures. */
  readonly key: string
  /** What it does, in words. */
  readonly title: string
  /** About how long it takes, in seconds on a usual machine. */
  readonly weight: number
  readonly measure: (workshop: Workshop) => Promise<Part>
}

export const keyOf = ({ network, flow, seed }: ModelName): string => `${network}/${flow}/${seed}`

/** Options with a signal, where there is one. */
export const withSignal = ({ signal }: Workshop): { signal?: AbortSignal } => (signal ? { signal } : {})
