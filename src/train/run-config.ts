import { stat } from 'node:fs/promises'
import { parse } from '../arguments/schema.js'
import { expectInteger, expectNumber, expectOneOf, expectSeed, product } from '../check.js'
import { checkedDataset } from '../data/check.js'
import type { AnyDataset, Values } from '../data/dataset.js'
import { PfgmError } from '../errors.js'
import { expectOutput, type FlowSettings, flowKind, type GivenFlow, parseFlow } from '../flow/kinds.js'
import { native } from '../native/native.js'
import { classesOf, itemShape, type NetworkConfig, networkConfigSchema, outputOf } from '../nn/config.js'
import { Tensor } from '../tensor/tensor.js'
import type { RunConfig } from './checkpoint.js'
import { checkNorm, checkRange } from './data-checks.js'
import { fitPreset, presetForData, withNetwork } from './fit.js'
import { expectLabels, type Labels, labelledNetwork, loadLabels } from './labels.js'
import type { Asked, TrainOptions } from './options.js'
import {
  FIELD_BATCHES,
  PRESETS,
  type Preset,
  type PresetName,
  preset,
  type TrainingSettings,
} from './presets.js'

export interface LoadedData {
  readonly tensor: Tensor
  readonly name: string
  readonly count: number
  readonly shape: readonly number[]
  readonly mirror: boolean
  readonly labels?: Labels | undefined
  readonly meanNorm: number
  readonly deviation: number
  readonly warnings: string[]
  /** Throws where the file that holds the values is no longer what it was: it is mapped, and must not shrink. */
  readonly expectUnchanged: () => Promise<void>
}

export async function loadData(data: AnyDataset): Promise<LoadedData> {
  const checked = checkedDataset(data)
  const { name, shape, count, values, mirror, notes = [] } = checked
  if (values.length !== count * product(shape)) {
    throw new TypeError(
      `Expected data.values to have ${count} x [${shape.join(', ')}] = ${count * product(shape)} values but received ${values.length}`,
    )
  }
  const tensor =
    'path' in values
      ? await Tensor.map(values.path, values.dtype, [count, ...shape], values.offset)
      : await Tensor.from(values, [count, ...shape])
  const { meanNorm, deviation, minimum, maximum, notFinite } = await native().dataStatistics(tensor.handle)
  if (notFinite >= 0) {
    tensor.dispose()
    throw new PfgmError(
      'ERR_PFGM_DATA',
      `Expected finite data but item ${notFinite} of ${name} has a NaN or an infinity`,
    )
  }
  const pixels = tensor.dtype === 'uint8'
  const warnings = [...notes]
  try {
    warnings.push(...checkRange({ name, count, shape, minimum, maximum, pixels }))
    if (shape.length === 1) warnings.push(...checkNorm(name, meanNorm))
  } catch (error) {
    tensor.dispose()
    throw error
  }
  return {
    tensor,
    name,
    count,
    shape,
    mirror,
    labels: await loadLabels(checked),
    meanNorm,
    deviation,
    warnings,
    expectUnchanged: await watch(values),
  }
}

async function watch(values: Values): Promise<() => Promise<void>> {
  if (!('path' in values)) return async () => {}
  const { path } = values
  const before = await stat(path)
  return async () => {
    const now = await stat(path).catch(() => undefined)
    if (now?.size === before.size && now.mtimeMs === before.mtimeMs) return
    throw new PfgmError(
      'ERR_PFGM_DATA',
      `Expected ${path} to stay as it is during training but it was changed: train from a copy`,
    )
  }
}

/** What was asked for by a number, now or when the run was started. */
export function askedFor(options: TrainOptions, { preset: name, training }: RunConfig): Asked {
  const usual = PRESETS.find((each) => each === name)
  const asked = (setting: 'sampleEvery' | 'evaluationCount') =>
    options[setting] !== undefined || !usual || training[setting] !== preset(usual).training[setting]
  return { pictures: asked('sampleEvery'), evaluation: asked('evaluationCount') }
}

/** What a run takes over from the model that it starts from. */
export type Start = Required<Pick<Preset, 'network' | 'flow'>>

/** The settings of a new run: what was given, else those of the model that it starts from, else the preset's. */
export function freshConfig(
  options: TrainOptions,
  data: LoadedData,
  device: string,
  start?: Start,
): RunConfig {
  const name = options.preset ?? presetForData(data.shape, device)
  const base = basis(options, data, name, start)
  const { seed = 0, mirror = data.mirror, keep = 3 } = options
  expectSeed('seed', seed)
  const flow = settingsFor(options.flow ?? base.flow ?? {}, base.flow, data)
  const own =
    options.network || start
      ? checkNetwork(base.network, data.shape, flow)
      : withOutputFor(base.network, flow)
  const usual = base.labels === true && !options.network && !start && data.labels !== undefined
  const labelled = (options.labels ?? usual) && classesOf(own) === 0
  const network = labelled ? labelledNetwork(own, data.name, data.labels) : own
  if (options.labels === false && classesOf(network) > 0) {
    throw new RangeError(
      `Expected labels to be learned by a network that takes ${classesOf(network)} classes but received false`,
    )
  }
  expectLabels(network, data.name, data.labels)
  const config: RunConfig = {
    preset: name,
    ...(options.initFrom !== undefined && { initFrom: options.initFrom }),
    data: data.name,
    count: data.count,
    shape: [...data.shape],
    network,
    ...(classesOf(network) > 0 && data.labels?.classes && { classes: [...data.labels.classes] }),
    flow,
    training: withMeasurements(withGiven(base.training, options), options),
    seed: String(seed),
    mirror,
    keep,
    emaRates: [...(options.emaRates ?? [])],
    ...(options.keepBest && { keepBest: options.keepBest }),
  }
  return checkConfig(config)
}

function basis(
  { network }: TrainOptions,
  { shape }: LoadedData,
  name: PresetName,
  start: Start | undefined,
): Preset {
  if (start) return { ...withNetwork(preset(name), start.network), flow: start.flow }
  return network ? { ...preset(name), network } : fitPreset(name, shape)
}

/** All settings of a flow: those that are given, the preset's where it is for such a flow, and the rest from the data. */
function settingsFor(given: GivenFlow, usual: GivenFlow = {}, data: LoadedData): FlowSettings {
  const kind = flowKind(given)
  const { meanNorm, deviation, shape } = data
  const size = { meanNorm, deviation, dimensions: product(shape) }
  const settings = kind === flowKind(usual) ? { ...usual, ...given } : given
  return parseFlow(kind ? kind.settingsFor(settings as Partial<FlowSettings>, size) : given)
}

function checkNetwork(given: NetworkConfig, shape: readonly number[], flow: FlowSettings): NetworkConfig {
  const network = parse('network', networkConfigSchema, given)
  const takes = itemShape(network)
  if (takes.join() !== shape.join()) {
    throw new RangeError(
      `Expected the network to take items of [${shape.join(', ')}] as the data has but it takes [${takes.join(', ')}]`,
    )
  }
  expectOutput(network, flow)
  return network
}

/** A preset's network, which gives what the flow needs: an image, where it may give either. */
function withOutputFor(network: NetworkConfig, flow: FlowSettings): NetworkConfig {
  const { output } = flowKind(flow)!
  if (output === 'image' && outputOf(network) === 'field') return { ...network, output } as NetworkConfig
  expectOutput(network, flow)
  return network
}

/** Settings, those that are given in place of the others. */
export function withGiven(base: TrainingSettings, given: Partial<TrainingSettings>): TrainingSettings {
  const names = Object.keys(base) as (keyof TrainingSettings)[]
  const training = Object.fromEntries(
    names.map((name) => [name, given[name] ?? base[name]]),
  ) as unknown as TrainingSettings
  // Of a batch size that is given alone, the usual small one may be more.
  const { smallBatchSize = Math.min(base.smallBatchSize, training.batchSize) } = given
  return { ...training, smallBatchSize }
}

/** Measured at every checkpoint, unless it is said otherwise, where it is for something. */
export function withMeasurements(training: TrainingSettings, options: TrainOptions): TrainingSettings {
  const { evaluateEvery, validation, keepBest } = options
  const isWanted = validation !== undefined || keepBest !== undefined
  if (evaluateEvery !== undefined || training.evaluateEvery > 0 || !isWanted) return training
  return { ...training, evaluateEvery: training.checkpointEvery }
}

export function checkConfig(config: RunConfig): RunConfig {
  const { training } = config
  expectInteger('steps', training.steps, 1, 1e9)
  expectInteger('batchSize', training.batchSize, 1, 1e7)
  expectOneOf('fieldBatch', training.fieldBatch, FIELD_BATCHES)
  expectInteger('smallBatchSize', training.smallBatchSize, 1, training.batchSize)
  expectInteger('accumulate', training.accumulate, 1, training.smallBatchSize)
  expectNumber('learningRate', training.learningRate, 0, 10)
  expectInteger('warmup', training.warmup, 0, 1e9)
  expectNumber('clipNorm', training.clipNorm, 0, Number.POSITIVE_INFINITY)
  expectNumber('emaRate', training.emaRate, 0, 1)
  expectNumber('labelDropout', training.labelDropout, 0, 1)
  expectInteger('checkpointEvery', training.checkpointEvery, 1, 1e9)
  expectInteger('evaluateEvery', training.evaluateEvery, 0, 1e9)
  expectInteger('sampleEvery', training.sampleEvery, 0, 1e9)
  expectInteger('evaluationCount', training.evaluationCount, 0, 1e6)
  expectInteger('keep', config.keep, 1, 1e6)
  return config
}
