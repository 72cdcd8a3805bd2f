import { PfgmError } from '../errors.js'
import { native } from '../native/native.js'
import type { RunConfig } from './checkpoint.js'
import type { LoadedData } from './run-config.js'

/** What a run knows its data by, whatever its file or folder is called. */
export type DataIdentity = Pick<RunConfig, 'data' | 'count' | 'shape' | 'dataHash'>

/** Reads all of the data: about a second for some GB in memory or in the system's cache, else as long as the disk takes. */
export async function identify({ tensor, name, count, shape }: LoadedData): Promise<DataIdentity> {
  return { data: name, count, shape: [...shape], dataHash: await native().hashTensor(tensor.handle, count) }
}

/**
 * The data of a run that goes on, and what there is to say of it.
 * @param anyData whether other data of the same shape will do
 * @throws PfgmError `ERR_PFGM_CHECKPOINT` where it is not the data that the run was started with
 */
export async function continuedData(
  before: DataIdentity,
  data: LoadedData,
  anyData: boolean,
): Promise<{ identity: DataIdentity; warnings: string[] }> {
  const identity = await identify(data)
  const came = describe(identity)
  const was = describe(before)
  const sameShape = identity.shape.join() === before.shape.join()
  if (sameShape && isSame(before, identity)) return { identity, warnings: [] }
  if (sameShape && anyData) {
    return { identity, warnings: [`The run goes on with other data: ${came} now, ${was} before`] }
  }
  const what = !sameShape || came !== was ? came : 'such with other values'
  const whole = sameShape && (await isGrown(before, data)) ? ', of which the first are those of the run' : ''
  throw new PfgmError(
    'ERR_PFGM_CHECKPOINT',
    `Expected the data of the run, ${was}, but received ${what}${whole}: give the data it was started with${remedyFor(before, identity)}`,
  )
}

function remedyFor(before: DataIdentity, now: DataIdentity): string {
  if (before.shape.join() === now.shape.join())
    return ', or go on with this (--new-data, newData: true) if it was changed or is decoded otherwise on purpose'
  const pictures = [before, now].every(({ shape }) => shape.length === 3)
  return pictures ? ', read as it was then (--size, --channels; size, channels)' : ''
}

/** Runs of earlier versions know the name and the size of their data only. */
function isSame(before: DataIdentity, now: DataIdentity): boolean {
  return before.dataHash === undefined
    ? describe(before) === describe(now)
    : before.count === now.count && before.dataHash === now.dataHash
}

async function isGrown(before: DataIdentity, { tensor, count }: LoadedData): Promise<boolean> {
  if (before.dataHash === undefined || count <= before.count) return false
  return (await native().hashTensor(tensor.handle, before.count)) === before.dataHash
}

function describe({ data, count, shape }: DataIdentity): string {
  return `${data}, ${count} x [${shape.join(', ')}]`
}
