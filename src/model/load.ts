import { kind } from '../arguments/schema.js'
import type { GivenModel } from '../checkpoint/converters/converter.js'
import type { ForeignModel } from '../checkpoint/foreign.js'
import { averagedName, type ModelConfig, type ModelFile } from '../checkpoint/model.js'
import { PfgmError } from '../errors.js'
import { reason } from '../files/read.js'
import { type Device, resolveDevice } from '../native/device.js'
import { readTensors } from '../native/read-tensors.js'
import { Network } from '../nn/network.js'
import { findModel, type Which } from './find.js'
import type { ModelSource } from './model.js'

const isObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Of what is given beside a file of another program: judged with what the file says. */
export const GIVEN_FIELDS = {
  network: kind<NonNullable<GivenModel['network']>>('an object', isObject),
  flow: kind<NonNullable<GivenModel['flow']>>('an object', isObject),
}

/** What a model is made of. */
export interface LoadedModel {
  readonly config: ModelConfig
  readonly network: Network
  /** What kind of file it is, where another program wrote it. */
  readonly family: string | undefined
  readonly source: ModelSource | undefined
}

/** @throws PfgmError `ERR_PFGM_CHECKPOINT` where there is no model, or a damaged one */
export async function loadModel(
  name: string,
  {
    device,
    emaRate,
    ...which
  }: Which & { readonly device: Device | undefined; readonly emaRate: number | undefined },
): Promise<LoadedModel> {
  const { model, source } = await findModel(name, which)
  const { config } = model
  const network = await createNetwork(model, resolveDevice(device))
  try {
    await readTensors(network.handle, model.file, averagedName(model, emaRate))
  } catch (error) {
    network.dispose()
    throw error
  }
  // What is kept for a file, such as solvers that were measured, is of its usual average.
  const family = model.kind === 'foreign' ? model.family : undefined
  return { config, network, family, source: emaRate === undefined ? source : undefined }
}

/** What another program's file says of its network is not the caller's mistake. */
async function createNetwork(model: ModelFile | ForeignModel, device: string): Promise<Network> {
  try {
    return await Network.create(model.config.network, { device })
  } catch (cause) {
    if (model.kind !== 'foreign' || cause instanceof PfgmError) throw cause
    throw new PfgmError('ERR_PFGM_CHECKPOINT', `${model.file.path}: ${reason(cause)}`, { cause })
  }
}
