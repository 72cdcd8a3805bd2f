import { expectBoolean, expectString, unexpected } from '../check.js'
import type { AnyDataset } from '../data/dataset.js'
import type { GivenFlow } from '../flow/kinds.js'
import type { Device } from '../native/device.js'
import type { NetworkConfig } from '../nn/config.js'
import { type PresetName, preset, type TrainingSettings } from './presets.js'

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

const OTHERS = ['data', 'out', 'preset', 'network', 'flow', 'seed', 'mirror', 'keep', 'resume', 'device']
const NAMES = new Set([...OTHERS, 'threads', 'signal', ...Object.keys(preset('digits').training)])

/** @throws TypeError where there are no options, or some that there are not */
export function expectOptions(options: unknown): asserts options is TrainOptions {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(unexpected('the options of train', 'an object with data and out', options))
  }
  for (const name of Object.keys(options)) {
    if (!NAMES.has(name)) {
      throw new TypeError(
        `Expected the options of train to be among ${[...NAMES].join(', ')} but received ${JSON.stringify(name)}`,
      )
    }
  }
  const { data, out, mirror } = options as Record<string, unknown>
  if (typeof data !== 'object' || data === null) {
    throw new TypeError(unexpected('data', 'a data set, such as `await datasets.digits()`', data))
  }
  expectString('out', out)
  if (mirror !== undefined) expectBoolean('mirror', mirror)
}
