import type { AnyDataset } from '../data/dataset.js'
import type { GivenFlow } from '../flow/kinds.js'
import type { Device } from '../native/device.js'
import type { NetworkConfig } from '../nn/config.js'
import type { PresetName, TrainingSettings } from './presets.js'

export interface TrainOptions extends Partial<TrainingSettings> {
  data: AnyDataset
  /** The run's folder: made where it is not there; must not hold a run unless `resume`. */
  out: string
  /** Where settings come from that are not given; by the data's shape where not given. */
  preset?: PresetName
  network?: NetworkConfig
  flow?: GivenFlow
  /** Of the initial weights and of every draw: 0 to 2^64 - 1. Default 0. */
  seed?: number | bigint
  /** Whether to mirror items at random; as the data set says where not given. */
  mirror?: boolean
  /** Newest checkpoints that are kept. Default 3. */
  keep?: number
  /** Go on from the newest checkpoint in `out`, with the settings it was started with. */
  resume?: boolean
  device?: Device
  /** Threads of the CPU's kernels; where not given, all cores that the process may use (a container's share counts). */
  threads?: number
  /** Stops training at the next step: a checkpoint is saved, then the iteration throws the signal's reason. */
  signal?: AbortSignal
}

/** What takes the time that it takes, as it was asked for by a number. */
export interface Asked {
  readonly pictures: boolean
  readonly evaluation: boolean
}
