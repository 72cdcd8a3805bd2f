import { PfgmError } from '../errors.js'
import { classesOf, expectSameNetwork, type NetworkConfig } from '../nn/config.js'
import type { RunConfig } from './checkpoint.js'
import { continuedData } from './data-identity.js'
import { expectLabels, hashOf, withLabels } from './labels.js'
import type { TrainOptions } from './options.js'
import { checkConfig, type LoadedData, withGiven, withMeasurements } from './run-config.js'
import { continuedValidation, type LoadedValidation } from './validation-data.js'

/** What changes how a run learns, but not what its weights mean. */
const CHANGEABLE = [
  'batchSize',
  'smallBatchSize',
  'accumulate',
  'checkpointActivations',
  'precision',
  'fieldBatch',
  'learningRate',
  'learningRateSchedule',
  'warmup',
  'clipNorm',
  'emaRate',
  'labelDropout',
] as const

export interface ResumedConfig {
  readonly config: RunConfig
  readonly warnings: readonly string[]
}

/** The settings of a run that goes on: those it was started with, but for how it is to learn from now on. */
export async function resumedConfig(
  options: TrainOptions,
  before: RunConfig,
  data: LoadedData,
  given: LoadedValidation | undefined,
): Promise<ResumedConfig> {
  expectSameModel(options, before)
  await expectSameClasses(before, data, options.newData ?? false)
  const { identity, warnings } = await continuedData(before, data, options.newData ?? false)
  const continued = await continuedValidation(before.validation, given, options.newData ?? false)
  const training = withMeasurements(withGiven(before.training, options), options)
  const changes = CHANGEABLE.filter((name) => training[name] !== before.training[name]).map(
    (name) => `The run goes on with another ${name}: ${training[name]} now, ${before.training[name]} before`,
  )
  const keep = options.keep ?? before.keep
  const keepBest = options.keepBest ?? before.keepBest
  const labelsHash = before.labelsHash && data.labels && { labelsHash: await hashOf(data.labels) }
  if (before.keepBest && keepBest !== before.keepBest) {
    changes.push(`The run goes on with another keepBest: ${keepBest} now, ${before.keepBest} before`)
  }
  const { validation } = continued
  if (typeof validation === 'number' && identity.count !== before.count) {
    changes.push('Of other data other items are held out: the run may have learned from some of them')
  }
  const config = checkConfig({ ...before, ...identity, ...labelsHash, training, keep, keepBest, validation })
  return { config, warnings: [...warnings, ...continued.warnings, ...changes] }
}

function expectSameModel(options: TrainOptions, before: RunConfig): void {
  const { network, flow = {} } = options
  const { preset, initFrom, mirror, labels, emaRates } = options
  const given = {
    seed: options.seed?.toString(),
    preset,
    initFrom,
    mirror,
    labels,
    emaRates: emaRates?.join(),
    ...flow,
  }
  const started = {
    ...before.flow,
    seed: before.seed,
    preset: before.preset,
    initFrom: before.initFrom ?? 'nothing',
    mirror: before.mirror,
    emaRates: before.emaRates.join(),
    labels: classesOf(before.network) > 0,
  }
  for (const [name, value] of Object.entries(given)) {
    const expected = started[name as keyof typeof started]
    if (value === undefined || value === expected) continue
    throw new RangeError(
      `Expected ${name} to be ${expected} as the run was started with but received ${value}: start another run for other settings`,
    )
  }
  if (network) expectSameNetwork(before.network, withLabelsOf(before.network, network), 'The given network')
}

/** A network as a run that learned labels made it. */
function withLabelsOf(before: NetworkConfig, network: NetworkConfig): NetworkConfig {
  const count = classesOf(before)
  return classesOf(network) === 0 && count > 0 ? withLabels(network, { count }) : network
}

async function expectSameClasses(
  { network, classes, labelsHash }: RunConfig,
  { name, labels }: LoadedData,
  anyData: boolean,
): Promise<void> {
  expectLabels(network, name, labels)
  const [was, came] = [classes, labels?.classes].map((names) => names?.join(', '))
  if (classesOf(network) === 0) return
  if (was === came) {
    if (anyData || labelsHash === (await hashOf(labels!))) return
    throw new PfgmError(
      'ERR_PFGM_CHECKPOINT',
      'Expected the labels that the run was started with but received others: give those, or go on with these (--new-data, newData: true)',
    )
  }
  throw new RangeError(
    `Expected the classes that the run was started with, ${was ?? 'which have no names'}, but received ${came ?? 'such without names'}`,
  )
}
