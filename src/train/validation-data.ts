import { unexpected } from '../check.js'
import type { AnyDataset } from '../data/dataset.js'
import { PfgmError } from '../errors.js'
import type { RunConfig } from './checkpoint.js'
import { type DataIdentity, identify } from './data-identity.js'
import { divide, heldOutCount } from './held-out.js'
import { expectLabels, labelClassesOf } from './labels.js'
import { type LoadedData, loadData } from './run-config.js'

/** Validation as it is asked for: a share of the run's data, or data of its own. */
export type GivenValidation = number | AnyDataset
/** The same, with the data loaded. */
export type LoadedValidation = number | LoadedData

type ValidationConfig = RunConfig['validation']

/** @throws PfgmError or RangeError where the data are wrong, or not of the items' shape */
export async function loadValidation(
  given: GivenValidation | undefined,
  shape: readonly number[],
): Promise<LoadedValidation | undefined> {
  if (given === undefined || typeof given === 'number') return given
  const data = await loadData(given)
  if (data.shape.join() === shape.join()) return data
  data.tensor.dispose()
  throw new RangeError(
    `Expected validation to be of items of [${shape.join(', ')}] as the data but received [${data.shape.join(', ')}]`,
  )
}

/** What a run notes of its validation, and what there is to say. */
export interface NotedValidation {
  readonly validation: ValidationConfig
  readonly warnings: readonly string[]
}

/** Of a new run. @throws RangeError where a share is none */
export async function freshValidation(
  given: LoadedValidation | undefined,
  { count, dataHash }: DataIdentity,
): Promise<NotedValidation> {
  if (given === undefined) return { validation: undefined, warnings: [] }
  if (typeof given === 'number') {
    expectShare(given)
    heldOutCount(given, count)
    return { validation: given, warnings: [] }
  }
  const validation = await noted(given)
  const same = `The data for validation, ${validation.data}, are those that the run learns from`
  return { validation, warnings: validation.dataHash === dataHash ? [same] : [] }
}

/**
 * Of a run that goes on.
 * @param anyData whether other data of the same shape will do
 * @throws RangeError where another share is asked for, as it decides what the run learns from
 * @throws PfgmError `ERR_PFGM_CHECKPOINT` where it is not the data that the run was started with
 */
export async function continuedValidation(
  before: ValidationConfig,
  given: LoadedValidation | undefined,
  anyData: boolean,
): Promise<NotedValidation> {
  if (given === undefined && typeof before !== 'object') return { validation: before, warnings: [] }
  if (typeof given === 'number' || typeof before === 'number') {
    if (given === before) return { validation: before, warnings: [] }
    throw new RangeError(
      `Expected validation to be ${described(before)} as the run was started with, since it learned from all else, but received ${described(given)}`,
    )
  }
  const now = given && (await noted(given))
  if (before === undefined || now?.dataHash === before.dataHash) return { validation: now, warnings: [] }
  if (now && anyData) {
    return {
      validation: now,
      warnings: [`The run goes on with other data for validation: ${now.data}, not ${before.data}`],
    }
  }
  throw new PfgmError(
    'ERR_PFGM_CHECKPOINT',
    `Expected the data for validation that the run was started with, ${before.data}, but received ` +
      `${now ? `${now.data}: give that, or go on with this (--new-data, newData: true)` : 'none: give it (--validation)'}`,
  )
}

async function noted(data: LoadedData) {
  const { data: name, count, dataHash } = await identify(data)
  return { data: name, count, dataHash: dataHash! }
}

function described(validation: LoadedValidation | ValidationConfig): string {
  if (validation === undefined) return 'none'
  return typeof validation === 'number' ? String(validation) : 'a data set'
}

function expectShare(given: number): void {
  if (given > 0 && given < 1) return
  throw new RangeError(unexpected('validation', 'a share above 0 and below 1, or a data set,', given))
}

/** What a run learns from, and what is held out, where anything is. Data that are divided are disposed of. */
export async function withHeldOut(
  config: RunConfig,
  data: LoadedData,
  given: LoadedValidation | undefined,
): Promise<{ training: LoadedData; heldOut: LoadedData | undefined }> {
  if (typeof given === 'object') {
    expectClasses(config, given)
    return { training: data, heldOut: given }
  }
  if (typeof config.validation !== 'number') return { training: data, heldOut: undefined }
  const divided = await divide(data, config.validation, BigInt(config.seed))
  data.tensor.dispose()
  return divided
}

function expectClasses({ network, classes }: RunConfig, { name, labels }: LoadedData): void {
  if (labelClassesOf(network) === 0) return
  expectLabels(network, name, labels)
  if (classes?.join() === labels?.classes?.join()) return
  throw new RangeError(
    `Expected validation to have the classes of the data, ${classes?.join(', ') ?? 'which have no names'}, but received ` +
      `${labels?.classes?.join(', ') ?? 'such without names'}`,
  )
}
